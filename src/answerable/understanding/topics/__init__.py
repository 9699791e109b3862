"""Topics of old mail: groups that nobody had to name before, what they are called, how they were
answered, and how much of each looks as if software could do it. Pure; texts come in masked."""
