"""Why a mail came back

Revision ID: 0051
Revises: 0050
"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    reason = sa.Enum(
        "address",
        "full",
        "content",
        "reputation",
        "authentication",
        "sender",
        "size",
        "network",
        "unknown",
        name="bouncereason",
        native_enum=False,
        create_constraint=True,
        length=20,
    )
    with op.batch_alter_table("bounce") as bounce:
        bounce.add_column(sa.Column("reason", reason, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("bounce") as bounce:
        bounce.drop_constraint(op.f("ck_bounce_bouncereason"), type_="check")
        bounce.drop_column("reason")
