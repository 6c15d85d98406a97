"""A story's picture for one issue only: one of its own, or none

Revision ID: 0042
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op

from digest.migrations.steps import allow_words

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


def downgrade() -> None:
    op.execute("DELETE FROM issue_change WHERE field IN ('picture', 'alt')")
    allow_words("issue_change", "field", "changedfield", FIELDS_BEFORE)
    # Before the freeze it was the article's, by which it is described from now on.
    op.execute("UPDATE story SET image_alt = NULL WHERE url IS NULL")
    for name in PICTURES:
        op.drop_index(op.f(f"ix_story_{name}"), "story")
        op.drop_column("story", name)
    op.drop_column("story", "own_picture")
