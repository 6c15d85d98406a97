"""The relay's breaker, and how long issues waited

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "breaker",
        sa.Column("relay", sa.String(length=300), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "closed",
                "open",
                "half_open",
                name="breakerstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("failures", NUMBER, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=True),
        sa.Column("failed_at", MOMENT, nullable=True),
        sa.Column("next_probe_at", MOMENT, nullable=True),
        sa.Column("probe", sa.LargeBinary(length=16), nullable=True),
        sa.Column("probe_until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("relay", name=op.f("pk_breaker")),
    )
    op.create_table(
        "wait",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("issue_id", NUMBER, nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issue.id"], name=op.f("fk_wait_issue_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wait")),
    )
    op.create_index("ix_wait_issue_id", "wait", ["issue_id"])
    op.create_index(
        "uq_wait_open", "wait", ["issue_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )


def downgrade() -> None:
    op.drop_index("uq_wait_open", "wait", sqlite_where=OPEN, postgresql_where=OPEN)
    op.drop_index("ix_wait_issue_id", "wait")
    op.drop_table("wait")
    op.drop_table("breaker")
