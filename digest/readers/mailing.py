"""Queueing a notice to a reader."""

from datetime import datetime

from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.models import Notice, NoticeKind
from digest.tokens import new_token_id


def queue_notice(
    session: Session,
    kind: NoticeKind,
    to_address: str,
    newsletter_id: int,
    *,
    now: datetime,
    once: str | None = None,
    subscriber_id: int | None = None,
) -> Notice:
    """Add a notice that is due at once; the caller rings for it after the commit."""
    notice = Notice(
        token_id=new_token_id(),
        kind=kind,
        to_address=to_address,
        once=once,
        newsletter_id=newsletter_id,
        subscriber_id=subscriber_id,
        created_at=now,
        next_attempt_at=database_now(),
    )
    session.add(notice)
    session.flush()
    return notice
