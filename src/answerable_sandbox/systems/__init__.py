"""What the outside systems know and do: plain state and rules, no HTTP and no SMTP in here."""
