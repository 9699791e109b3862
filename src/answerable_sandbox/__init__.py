"""The outside world of the invented Northwind Bank: one real HTTP server and one SMTP receiver.

It promises: real sockets, deterministic seeds, a clock that the caller owns, state in memory only,
a journal of every call that took effect, and faults on demand (slow, failing, hanging, losing the
answer after applying). It imports nothing of `answerable`, so that it can be trusted as a witness.

Start reading at `world`; `app` serves it, `runner` puts it on ports.
"""
