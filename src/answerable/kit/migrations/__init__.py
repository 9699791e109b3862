"""The schema's history: every change of a released table is a revision here, never an edit."""
