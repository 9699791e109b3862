"""Tools without business words: time, ids, database, live fan-out, telemetry, errors, settings.

Nothing here knows what a conversation is; it would serve a program about bicycles as well.
"""
