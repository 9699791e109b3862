"""The second wall between tenants: on PostgreSQL a transaction sees the rows of its tenant only.

The first wall is in every query. A transaction says whose it is by the setting
`answerable.tenant`: a tenant's id, or * for work that is not done for one tenant. Without it, it
sees nothing. The wall stands for the owner of the tables too, but not for a superuser: the
program must not be one (`answerable doctor` looks).

Tables without a tenant hold keyed hashes only, under which nothing is found without the tenant.
"""

from alembic import op

revision = "0002_tenant_wall"
down_revision = "0001_first"
branch_labels = None
depends_on = None

WALLED = (
    "agent",
    "approval",
    "automatic_reply",
    "checkpoint",
    "code_standing",
    "contact",
    "conversation",
    "customer_session",
    "effect",
    "event",
    "feed_cursor",
    "given_case",
    "handle",
    "inbox_count",
    "mailbox_position",
    "mirrored_case",
    "model_report",
    "one_time_code",
    "page_link",
    "raw_mail",
    "search_document",
    "search_word",
    "sent_text",
    "service_definition",
    "sms_report",
    "stream",
    "vault_key",
    "vault_value",
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return  # SQLite is one installation's own file
    for table in WALLED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant_wall ON {table} "
            "USING (current_setting('answerable.tenant', true) IN ('*', tenant))"
        )


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
