"""Chat on a WebSocket: acknowledged means stored, and nothing is shown twice or left out.

`protocol` says what frames there are, `connection` how they are used, `history` what of a
conversation its contact sees, `signals` what is passed on without being stored.
"""
