"""What each relay offers, and what was learnt of it

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "relay",
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("offers", sa.JSON(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("dot_alone", sa.Boolean(), nullable=False),
        sa.Column("refusals_at_most", NUMBER, nullable=True),
        sa.Column("learnt_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_relay")),
    )


def downgrade() -> None:
    op.drop_table("relay")
