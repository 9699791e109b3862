"""For agents: signing in, the inbox, conversations, and the stream of what is new."""
