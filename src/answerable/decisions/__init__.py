"""What to do about a message, and why: a pure function of what was understood and of who asks.

Promises: the same inputs give the same decision and the same reasons, byte for byte; sensitive
matters never get an automatic reply; every decision names the rules and values it rests on.
"""
