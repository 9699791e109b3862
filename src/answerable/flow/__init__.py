"""The way of a message: accept, advance, perform.

Promises: what is acknowledged is on disk; `transition` is pure; effects are performed at least
once under a stable key, and their outcomes are events like any other.

Read `service`, `accept`, `advance`, `transition` (with `running` and `hand_off`), `perform`.
"""
