"""From wire form to message and from reply to wire form; nothing wire-shaped leaves a channel."""
