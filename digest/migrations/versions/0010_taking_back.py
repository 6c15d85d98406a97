"""Articles hidden, withdrawn and let go of; sources paused, and retired ones' addresses free again

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from digest.migrations.steps import allow_notice_kinds

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
IN_USE = sa.text("retired_at IS NULL")
INDEXES = {
    "ix_article_kept": ("first_seen_at", sa.text("let_go_at IS NULL")),
    "ix_article_lead_image": ("lead_image", sa.text("lead_image IS NOT NULL")),
    "ix_article_thumbnail": ("thumbnail", sa.text("thumbnail IS NOT NULL")),
}
KINDS_BEFORE = (
    "confirmation",
    "already_signed_up",
    "draft_ready",
    "held",
    "fresh_link",
    "address_changed",
)


def upgrade() -> None:
    for column in ("hidden_at", "withdrawn_at", "let_go_at"):
        op.add_column("article", sa.Column(column, MOMENT, nullable=True))
    op.add_column("article", sa.Column("withdrawn_by", sa.String(length=100), nullable=True))
    for name, (column, rows) in INDEXES.items():
        op.create_index(name, "article", [column], sqlite_where=rows, postgresql_where=rows)
    op.add_column("story", sa.Column("picked_by", sa.String(length=100), nullable=True))
    op.add_column("source", sa.Column("paused_at", MOMENT, nullable=True))
    with op.batch_alter_table("source") as batch_op:
        batch_op.drop_constraint("uq_source_url", type_="unique")
    op.create_index(
        "uq_source_url",
        "source",
        ["url"],
        unique=True,
        sqlite_where=IN_USE,
        postgresql_where=IN_USE,
    )
    _keep_portraits()
    _add_tables()
    allow_notice_kinds((*KINDS_BEFORE, "story_withdrawn"))


def _keep_portraits() -> None:
    op.add_column(
        "media", sa.Column("lasting", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("media", sa.Column("unused_since", MOMENT, nullable=True))
    # What no article has was a portrait or a mark, and mails that went out may show it.
    op.execute(
        "UPDATE media SET lasting = true WHERE hash NOT IN ("
        "SELECT lead_image FROM article WHERE lead_image IS NOT NULL "
        "UNION SELECT thumbnail FROM article WHERE thumbnail IS NOT NULL "
        "UNION SELECT image FROM story WHERE image IS NOT NULL)"
    )


def _add_tables() -> None:
    op.create_table(
        "page_check",
        sa.Column("article_id", NUMBER, nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=True),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("asked_at", MOMENT, nullable=True),
        sa.Column("status", NUMBER, nullable=True),
        sa.Column("gone_since", MOMENT, nullable=True),
        sa.Column("failures", NUMBER, nullable=False),
        sa.Column("missing_since", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name=op.f("fk_page_check_article_id")
        ),
        sa.PrimaryKeyConstraint("article_id", name=op.f("pk_page_check")),
    )
    op.create_index(op.f("ix_page_check_due_at"), "page_check", ["due_at"])
    op.create_table(
        "left_out",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("issue_id", NUMBER, nullable=False),
        sa.Column("article_id", NUMBER, nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("replacement_id", NUMBER, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issue.id"], name=op.f("fk_left_out_issue_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name=op.f("fk_left_out_article_id")
        ),
        sa.ForeignKeyConstraint(
            ["replacement_id"], ["article.id"], name=op.f("fk_left_out_replacement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_left_out")),
    )
    op.create_index("ix_left_out_issue_id", "left_out", ["issue_id"])


def downgrade() -> None:
    op.execute("DELETE FROM notice WHERE kind = 'story_withdrawn'")
    allow_notice_kinds(KINDS_BEFORE)
    op.drop_table("left_out")
    op.drop_table("page_check")
    op.drop_column("media", "unused_since")
    op.drop_column("media", "lasting")
    op.drop_index("uq_source_url", "source", sqlite_where=IN_USE, postgresql_where=IN_USE)
    # Of several with one address the others get one of their own.
    op.execute(
        "UPDATE source SET url = url || '#' || id WHERE retired_at IS NOT NULL AND EXISTS "
        "(SELECT 1 FROM source other WHERE other.url = source.url AND other.id <> source.id)"
    )
    with op.batch_alter_table("source") as batch_op:
        batch_op.create_unique_constraint("uq_source_url", ["url"])
    op.drop_column("source", "paused_at")
    op.drop_column("story", "picked_by")
    for name, (_, rows) in INDEXES.items():
        op.drop_index(name, "article", sqlite_where=rows, postgresql_where=rows)
    for column in ("withdrawn_by", "let_go_at", "withdrawn_at", "hidden_at"):
        op.drop_column("article", column)
