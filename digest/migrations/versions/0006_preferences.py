"""What readers choose, sessions of their own, changes of address, and why readers leave

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "newsletter", sa.Column("languages", sa.JSON(), nullable=False, server_default="[]")
    )
    op.add_column("newsletter", sa.Column("topics", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("subscription", sa.Column("reason_told_at", MOMENT, nullable=True))
    op.create_table(
        "reader_session",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("link", sa.LargeBinary(length=16), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subscriber_id", NUMBER, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_reader_session_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reader_session")),
        sa.UniqueConstraint("link", name=op.f("uq_reader_session_link")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_reader_session_secret_hash")),
    )
    op.create_index(op.f("ix_reader_session_subscriber_id"), "reader_session", ["subscriber_id"])
    op.create_index(op.f("ix_reader_session_ends_at"), "reader_session", ["ends_at"])
    op.create_table(
        "address_change",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("token_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("subscriber_id", NUMBER, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("email_key", sa.String(length=320), nullable=False),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_address_change_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_change")),
        sa.UniqueConstraint("token_id", name=op.f("uq_address_change_token_id")),
    )
    op.create_index(op.f("ix_address_change_subscriber_id"), "address_change", ["subscriber_id"])
    op.create_index(op.f("ix_address_change_expires_at"), "address_change", ["expires_at"])
    op.create_table(
        "farewell",
        sa.Column("newsletter_id", NUMBER, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "too_often",
                "not_for_me",
                "no_time",
                "elsewhere",
                "never_asked",
                name="leavingreason",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("readers", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_farewell_newsletter_id")
        ),
        sa.PrimaryKeyConstraint("newsletter_id", "month", "reason", name=op.f("pk_farewell")),
    )


def downgrade() -> None:
    op.drop_table("farewell")
    op.drop_table("address_change")
    op.drop_table("reader_session")
    op.drop_column("subscription", "reason_told_at")
    op.drop_column("newsletter", "topics")
    op.drop_column("newsletter", "languages")
