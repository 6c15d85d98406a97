"""Where the database lives, and when it was restored or copied

Revision ID: 0002
Revises: 0001

A database that is upgraded has no home yet. It may be a restored one, so nothing is sent from it
before somebody says that it may: digest doctor --accept-restore.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "home",
        sa.Column("id", BIG, nullable=False),
        sa.Column("identity", sa.String(length=300), nullable=False),
        sa.Column("mark", BIG, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_home")),
    )
    op.create_table(
        "restore",
        sa.Column("id", BIG, nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column("held", sa.JSON(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.String(length=100), nullable=True),
        sa.Column("nothing_lost", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restore")),
    )


def downgrade() -> None:
    op.drop_table("restore")
    op.drop_table("home")
