"""One file a revision; `answerable migrate` runs them in order."""
