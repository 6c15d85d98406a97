"""Users of the desk: what each may do, their sessions, and the sealed log of what they did

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

from digest.migrations.steps import allow_notice_kinds, refuse_changes

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
EVERYWHERE = sa.text("newsletter_id IS NULL")
KINDS_BEFORE = (
    "confirmation",
    "already_signed_up",
    "draft_ready",
    "held",
    "story_withdrawn",
    "fresh_link",
    "address_changed",
)
INSERT_ONLY = {"audit_event": ("id",), "audit_seal": ("sequence", "event_id")}


def upgrade() -> None:
    _add_users()
    _add_links_and_sessions()
    _add_log()
    allow_notice_kinds((*KINDS_BEFORE, "user_link"))
    for table, unique in INSERT_ONLY.items():
        refuse_changes(table, unique)


def _add_users() -> None:
    op.create_table(
        "desk_user",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("email_key", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.String(length=300), nullable=True),
        sa.Column("password_since", MOMENT, nullable=True),
        sa.Column("totp_secret", sa.LargeBinary(length=200), nullable=True),
        sa.Column("totp_since", MOMENT, nullable=True),
        sa.Column("totp_step", NUMBER, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_user")),
        sa.UniqueConstraint("email_key", name=op.f("uq_desk_user_email_key")),
    )
    op.create_table(
        "desk_grant",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "owner",
                "editor",
                "viewer",
                "readers",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("newsletter_id", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["desk_user.id"], name=op.f("fk_desk_grant_user_id")),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_desk_grant_newsletter_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_grant")),
        sa.UniqueConstraint(
            "user_id",
            "role",
            "newsletter_id",
            name=op.f("uq_desk_grant_user_id_role_newsletter_id"),
        ),
    )
    op.create_index(
        "uq_desk_grant_everywhere",
        "desk_grant",
        ["user_id", "role"],
        unique=True,
        sqlite_where=EVERYWHERE,
        postgresql_where=EVERYWHERE,
    )
    op.create_table(
        "recovery_code",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["desk_user.id"], name=op.f("fk_recovery_code_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
        sa.UniqueConstraint("user_id", "hash", name=op.f("uq_recovery_code_user_id_hash")),
    )


def _add_links_and_sessions() -> None:
    op.create_table(
        "user_link",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("token_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("made_by_user", sa.Boolean(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("spent_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["desk_user.id"], name=op.f("fk_user_link_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_link")),
        sa.UniqueConstraint("token_id", name=op.f("uq_user_link_token_id")),
    )
    op.create_index(op.f("ix_user_link_user_id"), "user_link", ["user_id"])
    op.create_table(
        "desk_session",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("proved_at", MOMENT, nullable=True),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("ip", sa.String(length=45), nullable=True),
        sa.Column("user_agent", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["desk_user.id"], name=op.f("fk_desk_session_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_session")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_desk_session_secret_hash")),
    )
    op.create_index(op.f("ix_desk_session_user_id"), "desk_session", ["user_id"])
    op.create_index(op.f("ix_desk_session_ends_at"), "desk_session", ["ends_at"])


def _add_log() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("user_id", NUMBER, nullable=True),
        sa.Column("verb", sa.String(length=60), nullable=False),
        sa.Column("of_table", sa.String(length=60), nullable=False),
        sa.Column("row_id", NUMBER, nullable=True),
        sa.Column("newsletter_id", NUMBER, nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("origin_mac", sa.LargeBinary(length=32), nullable=True),
        sa.Column("values_mac", sa.LargeBinary(length=32), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["desk_user.id"], name=op.f("fk_audit_event_user_id")),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletter.id"], name=op.f("fk_audit_event_newsletter_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index("ix_audit_event_row", "audit_event", ["of_table", "row_id"])
    op.create_table(
        "audit_detail",
        sa.Column("event_id", NUMBER, nullable=False),
        sa.Column(
            "part",
            sa.Enum(
                "origin",
                "values",
                name="auditpart",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("salt", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["audit_event.id"], name=op.f("fk_audit_detail_event_id")
        ),
        sa.PrimaryKeyConstraint("event_id", "part", name=op.f("pk_audit_detail")),
    )
    op.create_table(
        "audit_seal",
        sa.Column("sequence", NUMBER, nullable=False, autoincrement=False),
        sa.Column("event_id", NUMBER, nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["audit_event.id"], name=op.f("fk_audit_seal_event_id")
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("event_id", name=op.f("uq_audit_seal_event_id")),
    )


def downgrade() -> None:
    op.execute("DELETE FROM notice WHERE kind = 'user_link'")
    allow_notice_kinds(KINDS_BEFORE)
    for table in ("audit_seal", "audit_detail", "audit_event", "desk_session", "user_link"):
        op.drop_table(table)
    for table in ("recovery_code", "desk_grant", "desk_user"):
        op.drop_table(table)
