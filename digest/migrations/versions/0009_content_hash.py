"""What was last read of a source, so that the same bytes need not be read again

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("content_hash", sa.String(length=100), nullable=True))


def downgrade() -> None:
    op.drop_column("source", "content_hash")
