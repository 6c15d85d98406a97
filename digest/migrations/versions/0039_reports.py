"""What reports are read from: small tables of counts; and whether clicks are counted

Revision ID: 0039
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
COUNTED = sa.Enum(
    "asked", "confirmed", "started", "ended",
    name="counted", native_enum=False, create_constraint=True, length=20,
)  # fmt: skip
ENDED = sa.text("ended_at IS NOT NULL")


def upgrade() -> None:
    op.add_column(
        "newsletter",
        sa.Column("count_clicks", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("issue", sa.Column("counted_at", MOMENT, nullable=True))
    op.create_table(
        "day_count",
        sa.Column("newsletter_id", NUMBER, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("what", COUNTED, nullable=False),
        sa.Column("detail", sa.String(length=60), nullable=False),
        sa.Column("readers", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_day_count_newsletter_id")
        ),
        sa.PrimaryKeyConstraint("newsletter_id", "day", "what", "detail", name="pk_day_count"),
    )
    op.create_table(
        "accepted_minute",
        sa.Column("issue_id", NUMBER, nullable=False),
        sa.Column("minute", MOMENT, nullable=False),
        sa.Column("readers", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issue.id"], name=op.f("fk_accepted_minute_issue_id")
        ),
        sa.PrimaryKeyConstraint("issue_id", "minute", name="pk_accepted_minute"),
    )
    op.create_table(
        "story_clicks",
        sa.Column("story_id", NUMBER, nullable=False),
        sa.Column("clicks", NUMBER, nullable=False),
        sa.Column("by_machines", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["story_id"], ["story.id"], name=op.f("fk_story_clicks_story_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("story_id", name="pk_story_clicks"),
    )
    op.create_index("ix_subscription_started_at", "subscription", ["started_at"])
    op.create_index(
        "ix_subscription_ended_at",
        "subscription",
        ["ended_at"],
        sqlite_where=ENDED,
        postgresql_where=ENDED,
    )
    op.create_index("ix_bounce_at", "bounce", ["at"])


def downgrade() -> None:
    op.drop_index("ix_bounce_at", "bounce")
    for name in ("ix_subscription_ended_at", "ix_subscription_started_at"):
        op.drop_index(name, "subscription")
    for table in ("story_clicks", "accepted_minute", "day_count"):
        op.drop_table(table)
    op.drop_column("issue", "counted_at")
    op.drop_column("newsletter", "count_clicks")
