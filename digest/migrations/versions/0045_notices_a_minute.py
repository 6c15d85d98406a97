"""How many notices a relay takes in a minute: no more sign-ups than that are let to wait

Revision ID: 0045
Revises: 0044
"""

import sqlalchemy as sa
from alembic import op

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("relay", sa.Column("notices_a_minute", NUMBER, nullable=True))


def downgrade() -> None:
    op.drop_column("relay", "notices_a_minute")
