"""Our ambassadors to outside systems, one folder each, all alike.

Promises: nothing vendor-shaped leaves a folder; every call has a time limit, bounded retries, a
circuit breaker and metrics; only the fields that were asked for come out.
"""
