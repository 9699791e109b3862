"""Customers: who they are, how they can be reached, and how well we know who is speaking.

Promises: addresses and names live in the vault and are found by keyed hashes; a proof belongs to
one contact and is never taken from what a message says.
"""
