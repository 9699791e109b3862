"""Alembic runs this with a connection that is already in a transaction, see processes/schema.py.

All revisions run in that one transaction, so an upgrade is complete or did not happen.
"""

from alembic import context

from answerable.kit.database import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
)
context.run_migrations()
