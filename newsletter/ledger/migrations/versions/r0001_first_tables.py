"""Subscribers, consents, suppressions, issues, batches and deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SUBSCRIBER_ID = sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")
_TOKEN_ID = sa.String(12).with_variant(sa.String(12, collation="C"), "postgresql")
_MONTH = sa.String(7).with_variant(sa.String(7, collation="C"), "postgresql")
_DELIVERY_ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "subscribers",
        sa.Column("id", _SUBSCRIBER_ID, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_key", _KEY, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("topics", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("unsubscribed_at", sa.BigInteger),
        sa.Column("unsubscribed_through", sa.Text),
        sa.Column("paused_until", _MONTH),
        sa.PrimaryKeyConstraint("id", name="pk_subscribers"),
        sa.UniqueConstraint("email_key", name="uq_subscribers_email_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "consents",
        sa.Column("subscriber_id", _SUBSCRIBER_ID, nullable=False),
        sa.Column("number", sa.SmallInteger, nullable=False),
        sa.Column("at", sa.BigInteger),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("words", sa.Text, nullable=False, server_default=""),
        sa.Column("version", sa.Text, nullable=False, server_default=""),
        sa.Column("client", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("subscriber_id", "number", name="pk_consents"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name="fk_consents_subscriber_id"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "letters",
        sa.Column("id", _SUBSCRIBER_ID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_key", _KEY, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("topics", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("attempts", sa.SmallInteger, nullable=False),
        sa.Column("confirmed_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_letters"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_letters_due_at", "letters", ["due_at"])
    op.create_index("ix_letters_email_key_asked_at", "letters", ["email_key", "asked_at"])
    op.create_index("ix_letters_client_asked_at", "letters", ["client", "asked_at"])
    op.create_table(
        "api_tokens",
        sa.Column("id", _TOKEN_ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "suppressions",
        sa.Column("key", _KEY, nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_suppressions"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lifted_suppressions",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("suppressed_at", sa.BigInteger, nullable=False),
        sa.Column("lifted_by", sa.Text, nullable=False),
        sa.Column("lifted_because", sa.Text, nullable=False),
        sa.Column("lifted_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_lifted_suppressions"),
    )
    op.create_index("ix_lifted_suppressions_key", "lifted_suppressions", ["key"])
    op.create_table(
        "issues",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("digests", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("month", name="pk_issues"),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("variant_id", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("claimed_at", sa.BigInteger),
        sa.Column("next_attempt_at", sa.BigInteger),
        sa.Column("transport", sa.Text),
        sa.Column("provider_batch_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
        sa.ForeignKeyConstraint(["month"], ["issues.month"], name="fk_batches_month"),
    )
    op.create_index("ix_batches_month_status", "batches", ["month", "status"])
    op.create_table(
        "paces",
        sa.Column("transport", sa.Text, nullable=False),
        sa.Column("free_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("transport", name="pk_paces"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alerts",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("taken_at", sa.BigInteger, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("month", "kind", "recipient", name="pk_alerts"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deliveries",
        sa.Column("id", _DELIVERY_ID, nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("subscriber_id", _SUBSCRIBER_ID, nullable=False),
        sa.Column("batch_id", sa.Integer, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("attempts", sa.SmallInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("month", "subscriber_id", name="uq_deliveries_month_subscriber_id"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_deliveries_batch_id"),
        # Room to rewrite a row in its own page, without its indexes: a batch is finished twice as
        # quickly.
        postgresql_with={"fillfactor": 50},
    )
    op.create_index("ix_deliveries_batch_id", "deliveries", ["batch_id"])
    op.create_table(
        "delivery_events",
        sa.Column("delivery_id", _DELIVERY_ID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "kind", "at", name="pk_delivery_events"),
        sqlite_with_rowid=False,
    )
