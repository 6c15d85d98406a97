"""Issues corrected after their freeze: further editions of what is mailed, and what was wrong

Revision ID: 0038
Revises: 0037
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("rendering") as batch_op:
        batch_op.add_column(sa.Column("edition", NUMBER, server_default="1", nullable=False))
        batch_op.add_column(sa.Column("replaced_by", NUMBER, nullable=True))
        batch_op.add_column(sa.Column("accepted", NUMBER, nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_rendering_replaced_by"), "rendering", ["replaced_by"], ["id"]
        )
        batch_op.drop_constraint("uq_rendering_issue_id_variant", type_="unique")
        batch_op.create_unique_constraint(
            op.f("uq_rendering_issue_id_variant_edition"), ["issue_id", "variant", "edition"]
        )
    op.create_table(
        "correction",
        sa.Column("issue_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("edition", NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", NUMBER, nullable=True),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_correction_issue_id")),
        sa.ForeignKeyConstraint(["user_id"], ["desk_user.id"], name=op.f("fk_correction_user_id")),
        sa.PrimaryKeyConstraint("issue_id", "edition", name=op.f("pk_correction")),
    )


def downgrade() -> None:
    op.drop_table("correction")
    # What waits was to get the newest, and nobody chooses it any more when a window opens.
    op.execute(
        "UPDATE delivery SET rendering_id ="
        " (SELECT replaced_by FROM rendering WHERE rendering.id = delivery.rendering_id)"
        " WHERE state IN ('queued', 'claimed')"
        " AND rendering_id IN (SELECT id FROM rendering WHERE replaced_by IS NOT NULL)"
    )
    op.execute("UPDATE rendering SET variant = variant || ' ' || edition WHERE edition > 1")
    with op.batch_alter_table("rendering") as batch_op:
        batch_op.drop_constraint("fk_rendering_replaced_by", type_="foreignkey")
        batch_op.drop_constraint("uq_rendering_issue_id_variant_edition", type_="unique")
        batch_op.create_unique_constraint(
            op.f("uq_rendering_issue_id_variant"), ["issue_id", "variant"]
        )
        batch_op.drop_column("accepted")
        batch_op.drop_column("replaced_by")
        batch_op.drop_column("edition")
