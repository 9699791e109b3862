"""A CRM: Salesforce, spoken to by its REST API as one user of it.

Cases are written as wholes, found again by our own key, so that a repeat is harmless; its limits
are kept. Reads only what an operation lists, only for the proven contact, and only the fields asked
for. Its own mails become messages when it has signed them.
"""
