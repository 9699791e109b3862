"""The `answerable` command: results on standard output, messages on standard error.

Each command is a module of its own, imported only when it is called.
"""
