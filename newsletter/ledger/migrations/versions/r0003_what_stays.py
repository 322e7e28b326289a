"""What is proof of something is never changed: the database itself refuses it."""

from alembic import op

revision = "0003"
down_revision = "0002"

_RECORDS = ("consents", "lifted_suppressions")


def upgrade() -> None:
    """Let rows be added and, at erasure, removed; nothing more."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% are never changed', TG_TABLE_NAME; END $$"
        )
        action = "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    else:
        action = "BEGIN SELECT RAISE(ABORT, 'these are never changed'); END"
    for table in _RECORDS:
        op.execute(f"CREATE TRIGGER {table}_stay BEFORE UPDATE ON {table} {action}")
