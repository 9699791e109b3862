"""The service definition: one file describes a tenant's whole service.

Promises: a definition that loads is typed, complete and consistent; one that does not is explained
by `file:line:column: message`, with what to write instead. Everything here is pure.
"""
