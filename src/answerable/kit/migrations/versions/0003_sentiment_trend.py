"""Where a contact's mood is going, beside the mood itself."""

import sqlalchemy as sa
from alembic import op

revision = "0003_sentiment_trend"
down_revision = "0002_tenant_wall"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a default: no row is written, so nobody waits for it.
    op.add_column("conversation", sa.Column("trend", sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only: restore a backup instead")
