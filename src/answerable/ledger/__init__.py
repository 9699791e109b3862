"""The conversation ledger: append-only streams of numbered, chained events, and their outbox.

Promises: `seq` has no gaps; an event, once committed, is never changed; each event carries the
hash of its predecessor; effects have stable keys; signed checkpoints seal the heads of streams.
No event holds a text or a personal value: those live in the vault, under `privacy`.
"""
