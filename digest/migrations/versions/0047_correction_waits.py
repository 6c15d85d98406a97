"""The notice that a correction waits for a second person; what was a dropped story's own

Revision ID: 0047
Revises: 0044
"""

import sqlalchemy as sa
from alembic import op

from digest.migrations.steps import allow_notice_kinds

revision = "0047"
down_revision = "0044"
branch_labels = None
depends_on = None

KINDS_BEFORE = (
    "confirmation",
    "already_signed_up",
    "draft_ready",
    "reminder",
    "held",
    "story_withdrawn",
    "fresh_link",
    "address_changed",
    "user_link",
    "turned_bad",
)


def upgrade() -> None:
    op.add_column("issue_change", sa.Column("kept", sa.JSON(), nullable=True))
    allow_notice_kinds((*KINDS_BEFORE, "correction_waits"))


def downgrade() -> None:
    op.execute("DELETE FROM notice WHERE kind = 'correction_waits'")
    allow_notice_kinds(KINDS_BEFORE)
    op.drop_column("issue_change", "kept")
