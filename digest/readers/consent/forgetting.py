"""Details of requests that nothing came of: who asked is forgotten, the chain of events stays."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from digest.models import Consent, ConsentDetail, SignUp, Subscriber


def forget_strangers(session: Session, subjects: set[bytes]) -> None:
    """Delete the details of those who are no readers, and of whom no other sign-up waits."""
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
