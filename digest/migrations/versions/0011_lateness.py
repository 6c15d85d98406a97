"""Whether the lateness of an issue that nobody has yet was judged, by the tick or by a person

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    judged_at = sa.Column("lateness_judged_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("issue", judged_at)


def downgrade() -> None:
    op.drop_column("issue", "lateness_judged_at")
