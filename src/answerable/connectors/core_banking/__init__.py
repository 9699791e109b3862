"""Core banking over REST: customers, cards, payments, and what anybody may know.

Reads only what an operation lists, only for the proven contact, and only the fields asked for. A
change of data is a request there, which it applies once a person has approved it.
"""
