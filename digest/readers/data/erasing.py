"""A reader is forgotten: what stays is the chain of events, and a mark that nobody can read."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from digest.models import (
    AddressChange,
    Consent,
    ConsentDetail,
    ConsentKind,
    EndedReason,
    Notice,
    NoticeState,
    SignUp,
    SignUpChoice,
    Subscriber,
    Subscription,
    SuppressionReason,
)
from digest.readers.consent.recording import record_consent
from digest.readers.preferences.fresh_links import close_sessions
from digest.readers.suppressed import suppress
from digest.suppression import SuppressionKey


def erase(
    session: Session, reader: Subscriber, *, now: datetime, suppression: SuppressionKey
) -> bool:
    """Delete everything personal about a reader (GDPR Article 17); done again, nothing changes.

    Return whether there was anything to delete.

    An `erased` suppression stays, so that no import brings the address back. The rows of the
    ledger and of the consents stay too: they name nobody.
    """
    # Whoever else erases at this moment is waited for.
    session.refresh(reader, with_for_update={"key_share": True})
    if reader.erased_at is not None or reader.email_key is None:
        return False
    key, mac = reader.email_key, suppression.mac(reader.email_key)
    subjects = _subjects(session, reader, key)
    _end_subscriptions(session, reader, now)
    _cancel_notices(session, reader, key, (mac, suppression.mailbox_mac(key)), now)
    close_sessions(session, reader, now=now)
    session.execute(delete(AddressChange).where(AddressChange.subscriber_id == reader.id))
    _delete_details(session, subjects)
    _empty_sign_ups(session, subjects, now)
    record_consent(session, ConsentKind.ERASED, reader.subject, now=now)
    suppress(session, mac, SuppressionReason.ERASED, now=now)
    reader.email = reader.email_key = reader.name = reader.suppression_mac = None
    reader.erased_at = now
    session.flush()
    return True


def _end_subscriptions(session: Session, reader: Subscriber, now: datetime) -> None:
    session.execute(
        update(Subscription)
        .where(Subscription.subscriber_id == reader.id, Subscription.ended_at.is_(None))
        .values(ended_at=now, ended_reason=EndedReason.ERASED)
    )
    session.execute(
        update(Subscription).where(Subscription.subscriber_id == reader.id).values(topics=[])
    )


def _cancel_notices(
    session: Session, reader: Subscriber, key: str, macs: Iterable[str], now: datetime
) -> None:
    counted = [Notice.once.endswith(f":{mac}") for mac in macs]
    asked = select(SignUp.id).where(SignUp.email_key == key)
    theirs = or_(
        Notice.subscriber_id == reader.id,
        Notice.sign_up_id.in_(asked),
        Notice.to_address == reader.email,
    )
    open_ones = Notice.state.in_([NoticeState.QUEUED, NoticeState.SENDING])
    session.execute(
        update(Notice)
        .where(theirs, open_ones)
        .values(state=NoticeState.CANCELLED, to_address=None, claim=None, final_at=now)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Notice)
        .where(or_(*counted, Notice.subscriber_id == reader.id))
        .values(once=None)
        .execution_options(synchronize_session=False)
    )


def _subjects(session: Session, reader: Subscriber, key: str) -> set[bytes]:
    """The reader's reference, and those of sign-ups that may have had one of their own."""
    asked = select(SignUp.subject).where(SignUp.email_key == key)
    typed = (
        select(Consent.subject)
        .join(ConsentDetail, ConsentDetail.consent_id == Consent.id)
        .where(ConsentDetail.email == reader.email)
    )
    return {reader.subject, *session.scalars(asked), *session.scalars(typed)}


def _delete_details(session: Session, subjects: set[bytes]) -> None:
    theirs = select(Consent.id).where(Consent.subject.in_(subjects))
    session.execute(
        delete(ConsentDetail)
        .where(ConsentDetail.consent_id.in_(theirs))
        .execution_options(synchronize_session=False)
    )


def _empty_sign_ups(session: Session, subjects: set[bytes], now: datetime) -> None:
    theirs = SignUp.subject.in_(subjects)
    session.execute(
        update(SignUpChoice)
        .where(SignUpChoice.sign_up_id.in_(select(SignUp.id).where(theirs)))
        .values(topics=[])
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(SignUp)
        .where(theirs)
        .values(email=None, email_key=None, name=None, form=None, expires_at=now)
        .execution_options(synchronize_session=False)
    )
