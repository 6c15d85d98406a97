"""Preflight: what links answered, which findings a person accepted, and what was last found

Revision ID: 0037
Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

from digest.migrations.steps import allow_notice_kinds

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
KINDS_BEFORE = (
    "confirmation",
    "already_signed_up",
    "draft_ready",
    "held",
    "story_withdrawn",
    "fresh_link",
    "address_changed",
    "user_link",
)


def upgrade() -> None:
    answers = sa.Enum(
        "answers",
        "broken",
        "unclear",
        name="linkanswer",
        native_enum=False,
        create_constraint=True,
        length=20,
    )
    op.create_table(
        "link_check",
        sa.Column("url_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("answer", answers, nullable=False),
        sa.Column("final_url", sa.String(length=2000), nullable=True),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("checked_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("url_hash", name=op.f("pk_link_check")),
    )
    op.create_index(op.f("ix_link_check_checked_at"), "link_check", ["checked_at"])
    op.create_table(
        "accepted_finding",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("issue_id", NUMBER, nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("sentence", sa.String(length=500), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("user_id", NUMBER, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"],
            ["issue.id"],
            name=op.f("fk_accepted_finding_issue_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["desk_user.id"], name=op.f("fk_accepted_finding_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accepted_finding")),
        sa.UniqueConstraint("issue_id", "code", name=op.f("uq_accepted_finding_issue_id_code")),
    )
    op.create_table(
        "preflight_report",
        sa.Column("issue_id", NUMBER, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("by_itself_at", MOMENT, nullable=True),
        sa.Column("turned_bad", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"],
            ["issue.id"],
            name=op.f("fk_preflight_report_issue_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_preflight_report")),
    )
    allow_notice_kinds((*KINDS_BEFORE, "turned_bad"))


def downgrade() -> None:
    op.execute("DELETE FROM notice WHERE kind = 'turned_bad'")
    allow_notice_kinds(KINDS_BEFORE)
    for table in ("preflight_report", "accepted_finding", "link_check"):
        op.drop_table(table)
