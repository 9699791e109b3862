"""What the mail channel asks of the rest of the platform."""

from collections.abc import Awaitable, Callable

from answerable.flow.message import Accepted, InboundMessage

Accept = Callable[[InboundMessage], Awaitable[Accepted]]
"""Store a message and its first event; returns only after the commit. Repeating is safe: the same
`external_id` in the same inbox is the same message."""
