"""Shared by all tests: `support` is importable because this directory is on the path."""
