"""Articles without a date, a reading time, or news in them; pictures that may stand in for others

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("article") as article:
        article.alter_column("minutes", existing_type=NUMBER, nullable=True)
        article.alter_column("published_at", existing_type=MOMENT, nullable=True)
        article.add_column(
            sa.Column("backlog", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        article.add_column(
            sa.Column("picture_candidates", sa.JSON(), nullable=False, server_default="[]")
        )
        article.add_column(sa.Column("pictures_tried", NUMBER, nullable=False, server_default="0"))
    # These were counted from a summary. Of what was added by hand they may have been given.
    op.execute(
        "UPDATE article SET minutes = NULL WHERE source_id IS NOT NULL"
        " AND body IN ('', standfirst, '<p>' || standfirst || '</p>')"
    )
    array = "json_array" if op.get_bind().dialect.name == "sqlite" else "json_build_array"
    op.execute(
        f"UPDATE article SET picture_candidates = {array}({array}(image_url, image_alt)),"  # noqa: S608
        " pictures_tried = CASE WHEN image_due_at IS NULL THEN 1 ELSE 0 END"
        " WHERE image_url IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("UPDATE article SET minutes = 1 WHERE minutes IS NULL")
    op.execute("UPDATE article SET published_at = first_seen_at WHERE published_at IS NULL")
    with op.batch_alter_table("article") as article:
        article.drop_column("pictures_tried")
        article.drop_column("picture_candidates")
        article.drop_column("backlog")
        article.alter_column("published_at", existing_type=MOMENT, nullable=False)
        article.alter_column("minutes", existing_type=NUMBER, nullable=False)
