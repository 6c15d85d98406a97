"""What was changed in an issue, by whom: its version, and a row for each change

Revision ID: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("issue", sa.Column("version", NUMBER, server_default="0", nullable=False))
    op.create_table(
        "issue_change",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("issue_id", NUMBER, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", NUMBER, nullable=True),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column(
            "field",
            sa.Enum(
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
                name="changedfield",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("article_id", NUMBER, nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.Column("taken", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"],
            ["issue.id"],
            name=op.f("fk_issue_change_issue_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["desk_user.id"], name=op.f("fk_issue_change_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name=op.f("fk_issue_change_article_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue_change")),
    )
    op.create_index(op.f("ix_issue_change_issue_id"), "issue_change", ["issue_id"])


def downgrade() -> None:
    op.drop_table("issue_change")
    # What an editor wrote there would be taken for a frozen copy.
    op.execute("UPDATE story SET title = NULL, section = NULL WHERE url IS NULL")
    op.drop_column("issue", "version")
