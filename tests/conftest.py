"""Shared by all tests: loading this makes `tests.support` importable."""
