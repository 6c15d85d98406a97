"""A partition for each issue, totals of old issues, and bounces

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATES = (
    "queued",
    "claimed",
    "sending",
    "accepted",
    "bounced",
    "complained",
    "failed",
    "excluded",
    "cancelled",
    "in_doubt",
)
ISSUE_MOMENTS = ("watched_until", "folded_at", "cleared_at")


def upgrade() -> None:
    for name in ISSUE_MOMENTS:
        op.add_column("issue", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "issue_total",
        sa.Column(
            "issue_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                *STATES,
                name="deliverystate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("code", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("readers", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_issue_total_issue_id")),
        sa.PrimaryKeyConstraint("issue_id", "state", "reason", "code", name=op.f("pk_issue_total")),
    )
    op.create_table(
        "bounce",
        sa.Column(
            "issue_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "subscriber_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "permanent",
                "transient",
                "unknown",
                name="bouncekind",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("enhanced", sa.String(length=12), nullable=True),
        sa.Column("text", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_bounce_issue_id")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_bounce_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("issue_id", "subscriber_id", "kind", name=op.f("pk_bounce")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _give_each_issue_its_partition()


def _give_each_issue_its_partition() -> None:
    # Attaching a partition would lock the issue table against every other writer for its sake.
    op.execute("ALTER TABLE delivery DROP CONSTRAINT fk_delivery_issue_id")
    # A default partition would be locked, and searched, whenever another is attached.
    op.execute("ALTER TABLE delivery DETACH PARTITION delivery_rest")
    found = op.get_bind().execute(sa.text("SELECT DISTINCT issue_id FROM delivery_rest"))
    for issue_id in found.scalars().all():
        op.execute(
            f"CREATE TABLE delivery_{issue_id} PARTITION OF delivery FOR VALUES IN ({issue_id})"
        )
    op.execute("INSERT INTO delivery SELECT * FROM delivery_rest")
    op.execute("DROP TABLE delivery_rest")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _put_all_into_one_partition()
    op.drop_table("bounce")
    op.drop_table("issue_total")
    for name in reversed(ISSUE_MOMENTS):
        op.drop_column("issue", name)


def _put_all_into_one_partition() -> None:
    children = sa.text(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'delivery'::regclass"
    )
    partitions = list(op.get_bind().execute(children).scalars())
    op.execute(
        "CREATE TABLE delivery_rest (LIKE delivery INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
    )
    op.execute("INSERT INTO delivery_rest SELECT * FROM delivery")
    for name in partitions:
        op.execute(f"DROP TABLE {name}")
    op.execute("ALTER TABLE delivery ATTACH PARTITION delivery_rest DEFAULT")
    op.execute(
        "ALTER TABLE delivery ADD CONSTRAINT fk_delivery_issue_id "
        "FOREIGN KEY (issue_id) REFERENCES issue (id)"
    )
