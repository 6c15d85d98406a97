"""A reader is found by the beginning of their address, and their notices by the reader

Revision ID: 0040
Revises: 0039
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _sort_by("C")
    to_readers = sa.text("subscriber_id IS NOT NULL")
    op.create_index(
        "ix_notice_subscriber_id",
        "notice",
        ["subscriber_id"],
        sqlite_where=to_readers,
        postgresql_where=to_readers,
    )


def downgrade() -> None:
    op.drop_index("ix_notice_subscriber_id", "notice")
    _sort_by("default")


def _sort_by(collation: str) -> None:
    # SQLite sorts by bytes anyway. Both, for they are compared with each other: an index helps
    # only where the collation is its own. The rows stay as they are, their indexes are made anew.
    if op.get_bind().dialect.name == "postgresql":
        for table in ("subscriber", "sign_up"):
            op.execute(
                f"ALTER TABLE {table} ALTER COLUMN email_key "
                f'TYPE VARCHAR(320) COLLATE "{collation}"'
            )
