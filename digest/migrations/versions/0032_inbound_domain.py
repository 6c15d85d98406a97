"""Whether mail to the inbound domain was seen to arrive

Revision ID: 0032
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0020"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "inbound_domain",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("token_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=True),
        sa.Column("waiting_since", MOMENT, nullable=True),
        sa.Column("seen_at", MOMENT, nullable=True),
        sa.Column("seen_asked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_inbound_domain")),
    )


def downgrade() -> None:
    op.drop_table("inbound_domain")
