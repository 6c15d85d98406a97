"""A story's picture for one issue only, and who is in an issue

Revision ID: 0042
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op

from digest.migrations.steps import allow_words

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0042"
down_revision = "0041"
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
)
PICTURES = ("own_lead", "own_thumbnail")


def upgrade() -> None:
    op.add_column(
        "story",
        sa.Column("own_picture", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    for name in PICTURES:
        op.add_column("story", sa.Column(name, sa.String(length=64), nullable=True))
        where = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            op.f(f"ix_story_{name}"), "story", [name], sqlite_where=where, postgresql_where=where
        )
    allow_words("issue_change", "field", "changedfield", (*FIELDS_BEFORE, "picture", "alt"))
    op.create_table(
        "issue_presence",
        sa.Column("issue_id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"],
            ["issue.id"],
            name=op.f("fk_issue_presence_issue_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["desk_user.id"], name=op.f("fk_issue_presence_user_id")
        ),
        sa.PrimaryKeyConstraint("issue_id", "user_id", name=op.f("pk_issue_presence")),
    )


def downgrade() -> None:
    op.drop_table("issue_presence")
    op.execute("DELETE FROM issue_change WHERE field IN ('picture', 'alt')")
    allow_words("issue_change", "field", "changedfield", FIELDS_BEFORE)
    # Before the freeze it was the article's, by which it is described from now on.
    op.execute("UPDATE story SET image_alt = NULL WHERE url IS NULL")
    for name in PICTURES:
        op.drop_index(op.f(f"ix_story_{name}"), "story")
        op.drop_column("story", name)
    op.drop_column("story", "own_picture")
