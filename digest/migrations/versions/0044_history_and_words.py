"""A source's history, fetch by fetch; what readers agreed to stays as it was

Revision ID: 0044
Revises: 0043
"""

import sqlalchemy as sa
from alembic import op

from digest.migrations.steps import allow_changes, refuse_changes

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

# What readers agreed to, and its columns that may repeat nothing.
WORDS = {"terms": ("id", "version"), "wording": ("id", "number")}


def upgrade() -> None:
    op.create_table(
        "source_fetch",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("source_id", NUMBER, nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times", NUMBER, nullable=False),
        sa.Column("took_ms", NUMBER, nullable=False),
        sa.Column("unchanged", sa.Boolean(), nullable=False),
        sa.Column("added", NUMBER, nullable=False),
        sa.Column("changed", NUMBER, nullable=False),
        sa.Column("unusable", NUMBER, nullable=False),
        sa.Column("moved_to", sa.String(length=2000), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["source.id"],
            name=op.f("fk_source_fetch_source_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_fetch")),
    )
    op.create_index(op.f("ix_source_fetch_source_id_id"), "source_fetch", ["source_id", "id"])
    for table, unique in WORDS.items():
        refuse_changes(table, unique)


def downgrade() -> None:
    for table, unique in WORDS.items():
        allow_changes(table, unique)
    op.drop_table("source_fetch")
