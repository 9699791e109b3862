"""What training is by default, for those who must know it without loading it."""

PRECISION = 0.98  # asked of automatic answers where nobody says otherwise
RECIPE = 12  # counts up when training or the file changes, so that cached models are made anew
