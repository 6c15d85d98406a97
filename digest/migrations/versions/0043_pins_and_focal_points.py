"""What was hidden before its issue was composed, and what a picture is cropped about

Revision ID: 0043
Revises: 0042
"""

import sqlalchemy as sa
from alembic import op

from digest.migrations.steps import allow_words

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

FIELDS_BEFORE = (
    "subject",
    "preheader",
    "note",
    "last_thing",
    "headline",
    "standfirst",
    "section",
    "role",
    "position",
    "stories",
    "approval",
    "picture",
    "alt",
)


def upgrade() -> None:
    op.add_column(
        "left_out", sa.Column("hidden", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("story", sa.Column("own_whole", sa.String(length=64), nullable=True))
    op.add_column("story", sa.Column("own_focus", sa.String(length=7), nullable=True))
    where = sa.text("own_whole IS NOT NULL")
    op.create_index(
        op.f("ix_story_own_whole"),
        "story",
        ["own_whole"],
        sqlite_where=where,
        postgresql_where=where,
    )
    allow_words("issue_change", "field", "changedfield", (*FIELDS_BEFORE, "focus"))


def downgrade() -> None:
    op.execute("DELETE FROM issue_change WHERE field = 'focus'")
    allow_words("issue_change", "field", "changedfield", FIELDS_BEFORE)
    op.drop_index(op.f("ix_story_own_whole"), "story")
    op.drop_column("story", "own_focus")
    op.drop_column("story", "own_whole")
    op.drop_column("left_out", "hidden")
