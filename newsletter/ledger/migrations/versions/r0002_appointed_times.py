"""When messages are to leave, alerts that may be told again, and readers' time zones."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("subscribers", sa.Column("timezone", sa.Text, nullable=False, server_default=""))
    op.add_column("issues", sa.Column("due_at", sa.BigInteger))
    op.add_column("issues", sa.Column("paused_because", sa.Text))
    op.add_column("batches", sa.Column("leaves_at", sa.BigInteger))
    op.add_column("alerts", sa.Column("occurrence", sa.Integer, nullable=False, server_default="1"))
    op.add_column("alerts", sa.Column("over_at", sa.BigInteger))
