"""What each token for the API may do

Revision ID: 0020
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Tokens that were made before could do everything, and go on so: `digest token list` says it.
    op.add_column(
        "api_token",
        sa.Column("scope", sa.String(length=20), nullable=False, server_default="everything"),
    )
    with op.batch_alter_table("api_token") as table:
        table.alter_column("scope", server_default=None)


def downgrade() -> None:
    op.drop_column("api_token", "scope")
