"""Corrections that wait for a second person, the notice of that, and what was a dropped story's own

Revision ID: 0046
Revises: 0045
"""

import sqlalchemy as sa
from alembic import op

from digest.migrations.steps import allow_notice_kinds

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0046"
down_revision = "0045"
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
    op.create_table(
        "waiting_correction",
        sa.Column("issue_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", NUMBER, nullable=True),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("stories", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"],
            ["issue.id"],
            name=op.f("fk_waiting_correction_issue_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["desk_user.id"], name=op.f("fk_waiting_correction_user_id")
        ),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_waiting_correction")),
    )
    allow_notice_kinds((*KINDS_BEFORE, "correction_waits"))


def downgrade() -> None:
    op.execute("DELETE FROM notice WHERE kind = 'correction_waits'")
    allow_notice_kinds(KINDS_BEFORE)
    op.drop_table("waiting_correction")
    op.drop_column("issue_change", "kept")
