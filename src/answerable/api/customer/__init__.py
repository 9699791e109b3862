"""For customers: opening a session and chatting."""
