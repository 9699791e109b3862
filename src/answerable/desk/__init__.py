"""People who answer: agents and their rights, and the inbox from which they work.

Promises: every open conversation has exactly one owner or one queue; whoever may do what is
decided in one place.
"""
