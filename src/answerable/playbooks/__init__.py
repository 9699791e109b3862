"""Playbooks: the steps that fulfil an intent, interpreted one event at a time.

Promises: the interpreter is pure; a wait is data, not a process; every action declares what it
reads and writes, which proof it needs and whether a person must approve, or it does not load.
"""
