"""Personal data: found, masked, kept under a key per contact, and erased by destroying that key."""
