"""For other services, over the message broker: commands they send, and the shape of what we tell.

Promises: the tenant comes from a signature over the whole command; the same command twice is the
same; a refusal is an RFC 9457 problem and repeats nothing that was sent.
"""
