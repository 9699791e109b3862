"""E-mail in and out: raw mail is stored before anything looks at it, read in a child process that
may die, answered with headers nobody can inject into, and never answered when a robot wrote it.
"""
