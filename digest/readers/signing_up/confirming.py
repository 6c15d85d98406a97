"""The link in the confirmation mail: it consumes a stored sign-up, once."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session, selectinload

from digest.database.adding import add_unless_there
from digest.database.inserting import next_id
from digest.database.prepared import tried
from digest.models import (
    ConsentKind,
    Newsletter,
    Notice,
    NoticeKind,
    SignUp,
    SignUpChoice,
    Subscriber,
    Subscription,
    Wording,
)
from digest.readers.consent.recording import Evidence, record_readers_consent
from digest.readers.mails_a_day import free_again, free_once, give_back
from digest.readers.signing_up.asking import CONSENT, SIGN_UP, Waiting, ask_to_confirm
from digest.readers.signing_up.sign_up_form import Words
from digest.readers.suppressed import is_suppressed
from digest.suppression import SuppressionKey
from digest.tokens import new_token_id


class ConfirmState(enum.StrEnum):
    """What a confirmation link leads to."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    LEFT = "left"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Confirmation:
    """A sign-up as its link's page may show it; `email` only while it waits.

    `again_from`: no new link was mailed, for the address had its mails of the day until then.
    """

    state: ConfirmState
    newsletters: tuple[Newsletter, ...] = ()
    email: str | None = None
    again_from: datetime | None = None


def look_at_sign_up(session: Session, token_id: bytes, *, now: datetime) -> Confirmation:
    """Say what the link would do. Changes nothing: scanners open every link."""
    row = _find(session, token_id)
    return _described(session, row, now) if row else Confirmation(ConfirmState.UNKNOWN)


def confirm(
    session: Session,
    token_id: bytes,
    evidence: Evidence,
    *,
    now: datetime,
    suppression: SuppressionKey,
) -> Confirmation:
    """Start what the sign-up asked for, and forget the personal part of the sign-up.

    A sign-up is consumed once: doing it again says how things stand, and changes nothing.
    """
    row = _find(session, token_id)
    if row is None:
        return Confirmation(ConfirmState.UNKNOWN)
    found = _described(session, row, now)
    if found.state is not ConfirmState.PENDING:
        return found
    assert row.email is not None
    assert row.email_key is not None
    mac = suppression.mac(row.email_key)
    if is_suppressed(session, mac):
        return Confirmation(ConfirmState.BLOCKED, found.newsletters)

    person = _Person(row.email, row.email_key, mac, row.name, row.subject)
    mailbox, asked_at = suppression.mailbox_mac(row.email_key), row.requested_at
    if not _consume(session, row, now):
        session.refresh(row)
        return _described(session, row, now)
    # Who used it wants more of them: it is no nuisance, and counts no longer.
    give_back(session, NoticeKind.CONFIRMATION, mailbox, asked_at, Notice.sign_up_id == row.id)
    reader = _find_or_make_reader(session, person, found.newsletters[0].language, now)
    row.subject = reader.subject
    for choice in row.choices:
        start_period(
            session,
            reader,
            choice.newsletter_id,
            evidence,
            now=now,
            site=row.site,
            topics=choice.topics,
            wording=row.wording,
        )
    return Confirmation(ConfirmState.CONFIRMED, found.newsletters)


def ask_again(
    session: Session,
    token_id: bytes,
    evidence: Evidence,
    *,
    now: datetime,
    suppression: SuppressionKey,
) -> Confirmation:
    """Queue a new confirmation for a sign-up that has run out; bounded per address and day.

    The state is EXPIRED where it was asked again, or could not be, and UNKNOWN where the address
    has been forgotten since.
    """
    row = _find(session, token_id)
    if row is None:
        return Confirmation(ConfirmState.UNKNOWN)
    found = _described(session, row, now)
    if found.state is not ConfirmState.EXPIRED:
        return found
    assert row.email_key is not None
    mac = suppression.mac(row.email_key)
    mailbox = suppression.mailbox_mac(row.email_key)
    once = free_once(session, NoticeKind.CONFIRMATION, mailbox, now)
    if is_suppressed(session, mac):
        return found
    if once is None:
        return replace(found, again_from=free_again(session, NoticeKind.CONFIRMATION, mailbox, now))
    again = _as_new(session, row)
    connection = session.connection()
    tried(connection, lambda: ask_to_confirm(connection, again, evidence, once, now))
    return found


def _as_new(session: Session, row: SignUp) -> Waiting:
    assert row.email is not None
    assert row.email_key is not None
    ids = session.execute(
        select(next_id(SIGN_UP), next_id(CONSENT))
        .select_from(SignUpChoice)
        .where(SignUpChoice.sign_up_id == row.id)
    ).all()
    return Waiting(
        id=ids[0][0],
        token_id=new_token_id(),
        consent_ids=tuple(consent_id for _, consent_id in ids),
        subject=row.subject,
        email=row.email,
        email_key=row.email_key,
        name=row.name,
        form=row.form,
        site=row.site,
        words=Words(row.wording.id, row.wording.terms_id),
        topics={choice.newsletter_id: tuple(choice.topics) for choice in row.choices},
    )


@dataclass(frozen=True)
class _Person:
    email: str
    email_key: str
    mac: str
    name: str | None
    subject: bytes


def _find(session: Session, token_id: bytes) -> SignUp | None:
    return session.scalar(
        select(SignUp)
        .where(SignUp.token_id == token_id)
        .options(selectinload(SignUp.choices).selectinload(SignUpChoice.newsletter))
    )


def _described(session: Session, row: SignUp, now: datetime) -> Confirmation:
    newsletters = tuple(choice.newsletter for choice in row.choices)
    if row.confirmed_at is not None:
        state = ConfirmState.CONFIRMED if _still_has(session, row) else ConfirmState.LEFT
        return Confirmation(state, newsletters)
    if row.email is None or not newsletters:
        return Confirmation(ConfirmState.UNKNOWN, newsletters)
    state = ConfirmState.PENDING if now < row.expires_at else ConfirmState.EXPIRED
    return Confirmation(state, newsletters, row.email)


def _still_has(session: Session, row: SignUp) -> bool:
    active = (
        select(Subscription.id)
        .join(Subscription.subscriber)
        .where(
            Subscriber.subject == row.subject,
            Subscription.newsletter_id.in_([choice.newsletter_id for choice in row.choices]),
            Subscription.ended_at.is_(None),
        )
    )
    return session.scalar(active.limit(1)) is not None


def _consume(session: Session, row: SignUp, now: datetime) -> bool:
    """Take the sign-up, unless another request was faster; its personal fields go with it."""
    result = session.execute(
        update(SignUp)
        .where(SignUp.id == row.id, SignUp.confirmed_at.is_(None), SignUp.expires_at > now)
        .values(confirmed_at=now, email=None, email_key=None, name=None)
    )
    return cast("CursorResult[Any]", result).rowcount == 1


def _find_or_make_reader(
    session: Session, person: _Person, language: str, now: datetime
) -> Subscriber:
    known = select(Subscriber).where(Subscriber.email_key == person.email_key)
    reader = session.scalar(known)
    if reader is None:
        reader = Subscriber(
            subject=person.subject,
            email=person.email,
            email_key=person.email_key,
            suppression_mac=person.mac,
            name=person.name,
            language=language,
            created_at=now,
        )
        if not add_unless_there(session, reader):
            # Another link of the same address was confirmed at the same moment.
            reader = session.scalars(known).one()
    if reader.name is None:
        reader.name = person.name
    return reader


def start_period(
    session: Session,
    reader: Subscriber,
    newsletter_id: int,
    evidence: Evidence,
    *,
    now: datetime,
    site: str,
    topics: Sequence[str] = (),
    wording: Wording | None = None,
) -> None:
    """Start a newsletter for a reader, and record that they confirmed it."""
    period = Subscription(
        token_id=new_token_id(),
        subscriber_id=reader.id,
        newsletter_id=newsletter_id,
        topics=list(topics),
        site=site,
        started_at=now,
    )
    # Unless the reader has it already: one period is active at most.
    add_unless_there(session, period)
    record_readers_consent(
        session,
        ConsentKind.CONFIRMED,
        reader,
        now=now,
        newsletter_id=newsletter_id,
        wording=wording,
        evidence=evidence,
    )
