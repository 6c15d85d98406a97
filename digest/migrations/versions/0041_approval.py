"""Approval by a second person, and the notice that reminds an editor before an issue closes

Revision ID: 0041
Revises: 0040
"""

from alembic import op

from digest.migrations.steps import allow_notice_kinds, allow_words

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

KINDS_BEFORE = (
    "confirmation",
    "already_signed_up",
    "draft_ready",
    "held",
    "story_withdrawn",
    "fresh_link",
    "address_changed",
    "user_link",
    "turned_bad",
)
POLICIES_BEFORE = ("automatic", "required")


def upgrade() -> None:
    allow_notice_kinds((*KINDS_BEFORE, "reminder"))
    allow_words("newsletter", "approval", "approval", (*POLICIES_BEFORE, "second-person"))


def downgrade() -> None:
    op.execute("DELETE FROM notice WHERE kind = 'reminder'")
    allow_notice_kinds(KINDS_BEFORE)
    # The nearest that there was: nothing goes out by itself.
    op.execute("UPDATE newsletter SET approval = 'required' WHERE approval = 'second-person'")
    allow_words("newsletter", "approval", "approval", POLICIES_BEFORE)
