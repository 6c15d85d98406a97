"""Which sources and sections feed a newsletter, and what an article's section is compared by

Revision ID: 0035
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op

from digest.models.article import section_key

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 1000


def upgrade() -> None:
    for name in ("source_ids", "sections"):
        none_named = sa.Column(name, sa.JSON(), nullable=False, server_default="[]")
        op.add_column("newsletter", none_named)
    op.add_column("article", sa.Column("section_key", sa.String(length=200), nullable=True))
    _fill_in_keys()


def _fill_in_keys() -> None:
    connection = op.get_bind()
    of_a_section = connection.execute(
        sa.text("SELECT id, section FROM article WHERE section IS NOT NULL ORDER BY id")
    ).all()
    keys = [{"of": id_, "key": section_key(section)} for id_, section in of_a_section]
    fill_in = sa.text("UPDATE article SET section_key = :key WHERE id = :of")
    for first in range(0, len(keys), ROWS_AT_ONCE):
        connection.execute(fill_in, keys[first : first + ROWS_AT_ONCE])


def downgrade() -> None:
    op.drop_column("article", "section_key")
    for name in ("sections", "source_ids"):
        op.drop_column("newsletter", name)
