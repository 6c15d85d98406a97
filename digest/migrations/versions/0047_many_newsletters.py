"""What the tick asks for is found by indexes, however many newsletters and issues there are

Revision ID: 0047
Revises: 0046
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_issue_watched_until": ("issue", "watched_until", None),
    "ix_issue_uncounted": (
        "issue",
        "frozen_at",
        "counted_at IS NULL AND folded_at IS NULL AND frozen_at IS NOT NULL",
    ),
    "ix_issue_unfolded": ("issue", "sent_at", "folded_at IS NULL"),
    "ix_issue_uncleared": ("issue", "folded_at", "folded_at IS NOT NULL AND cleared_at IS NULL"),
    "ix_notice_issue_id": ("notice", "issue_id", "issue_id IS NOT NULL"),
}


def upgrade() -> None:
    for name, (table, column, condition) in INDEXES.items():
        where = None if condition is None else sa.text(condition)
        op.create_index(op.f(name), table, [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(op.f(name), table)
