"""Sign-ups that nobody confirmed are forgotten after a while."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from digest.database import Database
from digest.models import Consent, ConsentDetail, SignUp, Subscriber

KEPT_FOR = timedelta(days=30)


def sweep_sign_ups(database: Database, now: datetime, limit: int = 500) -> int:
    """Delete the personal part of sign-ups that ran out 30 days ago; return how many.

    With it go the details of their requests, unless the same person is a reader, or asked again
    since. Safe when two run at once.
    """
    over = SignUp.expires_at < now - KEPT_FOR
    stale = (
        select(SignUp.id, SignUp.subject)
        .where(SignUp.email_key.is_not(None), over)
        .order_by(SignUp.id)
        .limit(limit)
    )
    with database.reading() as session:
        if session.execute(stale.limit(1)).first() is None:
            return 0
    with database.transaction() as session:
        rows = session.execute(stale).all()
        session.execute(
            update(SignUp)
            .where(SignUp.id.in_([row.id for row in rows]))
            .values(email=None, email_key=None, name=None, form=None)
            .execution_options(synchronize_session=False)
        )
        _forget_details(session, {row.subject for row in rows})
        return len(rows)


def _forget_details(session: Session, subjects: set[bytes]) -> None:
    readers = select(Subscriber.subject).where(Subscriber.subject.in_(subjects))
    waiting = select(SignUp.subject).where(
        SignUp.subject.in_(subjects), SignUp.email_key.is_not(None)
    )
    strangers = subjects - set(session.scalars(readers)) - set(session.scalars(waiting))
    events = select(Consent.id).where(Consent.subject.in_(strangers))
    session.execute(
        delete(ConsentDetail)
        .where(ConsentDetail.consent_id.in_(events))
        .execution_options(synchronize_session=False)
    )
