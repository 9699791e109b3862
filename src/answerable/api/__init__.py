"""HTTP and WebSocket faces, one folder per audience.

Promises: every route declares a permission; the tenant comes from the credential; refusals are
RFC 9457 problems with a stable code; nothing that was sent is echoed and no traceback leaves.
"""
