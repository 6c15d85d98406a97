"""A stranger asks for a newsletter. Nothing changes for anybody until the link is used."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.database import database_now
from digest.models import (
    ConsentKind,
    Newsletter,
    Notice,
    NoticeKind,
    SignUp,
    SignUpChoice,
    Subscriber,
    Subscription,
)
from digest.readers.consent import Evidence, record_consent
from digest.readers.sign_up_form import SignUpForm, Wish, understand
from digest.readers.suppressed import is_suppressed
from digest.suppression import SuppressionKey
from digest.tokens import new_token_id

LINK_LASTS = timedelta(hours=48)
MOST_A_DAY = {
    NoticeKind.CONFIRMATION: 2,
    NoticeKind.ALREADY_SIGNED_UP: 1,
    NoticeKind.FRESH_LINK: 3,
}


@dataclass(frozen=True)
class Asked:
    """What may be told to whoever asked: the same, whether or not the address is known."""

    email: str
    newsletters: tuple[Newsletter, ...]


def sign_up(
    session: Session, form: SignUpForm, *, now: datetime, suppression: SuppressionKey
) -> Asked:
    """Queue a confirmation, or a word that the reader already has it, or nothing at all.

    The same statements run for every address, and are taken back where nothing may be kept: how
    long the answer takes tells no more than what it says.

    Raises:
        InvalidSignUpError: the form cannot be accepted; nothing was written.
    """
    wish = understand(session, form)
    key = wish.address.key
    mac = suppression.mac(key)
    reader = session.scalar(select(Subscriber).where(Subscriber.email_key == key))
    missing = _not_yet_had(session, reader, wish.newsletters)
    may_mail = not is_suppressed(session, mac) and not form.website
    has_all = reader is not None and not missing

    request = _Request(wish, reader, tuple(missing or wish.newsletters), form.site, form.evidence)
    _write_request(session, request, mac, now=now, keep=may_mail and not has_all)
    if reader is not None and has_all and may_mail:
        _say_already_signed_up(session, reader, wish, mac, now)
    return Asked(wish.address.email, wish.newsletters)


@dataclass(frozen=True)
class _Request:
    wish: Wish
    reader: Subscriber | None
    newsletters: tuple[Newsletter, ...]
    site: str
    evidence: Evidence


def _not_yet_had(
    session: Session, reader: Subscriber | None, asked: Sequence[Newsletter]
) -> list[Newsletter]:
    active = select(Subscription.newsletter_id).where(
        Subscription.subscriber_id == (reader.id if reader else 0), Subscription.ended_at.is_(None)
    )
    had = set(session.scalars(active))
    return [newsletter for newsletter in asked if newsletter.id not in had]


def _write_request(
    session: Session, request: _Request, mac: str, *, now: datetime, keep: bool
) -> None:
    wish = request.wish
    once = free_once(session, NoticeKind.CONFIRMATION, mac, now)
    subject = _subject(session, request.reader, wish.address.key)
    savepoint = session.begin_nested()
    row = SignUp(
        token_id=new_token_id(),
        subject=subject,
        email=wish.address.email,
        email_key=wish.address.key,
        name=wish.name,
        form=request.evidence.form,
        site=request.site,
        wording_id=wish.wording.id,
        requested_at=now,
        expires_at=now + LINK_LASTS,
        choices=[
            SignUpChoice(newsletter_id=newsletter.id, topics=list(wish.topics))
            for newsletter in request.newsletters
        ],
    )
    try:
        ask_to_confirm(session, row, request.evidence, once, now)
    except IntegrityError:
        # Another request for the same address was faster, and took the last mail of the day.
        keep = False
    if keep and once is not None:
        savepoint.commit()
    else:
        savepoint.rollback()


def ask_to_confirm(
    session: Session, row: SignUp, evidence: Evidence, once: str | None, now: datetime
) -> None:
    """Add a sign-up with its evidence, and queue the mail that holds its link."""
    session.add(row)
    session.flush()
    for choice in row.choices:
        record_consent(
            session,
            ConsentKind.REQUESTED,
            row.subject,
            now=now,
            newsletter_id=choice.newsletter_id,
            wording=row.wording,
            email=row.email,
            name=row.name,
            evidence=evidence,
        )
    session.add(
        Notice(
            token_id=new_token_id(),
            kind=NoticeKind.CONFIRMATION,
            to_address=row.email,
            once=once,
            newsletter_id=row.choices[0].newsletter_id,
            sign_up_id=row.id,
            created_at=now,
            next_attempt_at=database_now(),
        )
    )
    session.flush()


def _subject(session: Session, reader: Subscriber | None, key: str) -> bytes:
    """One reference per person: the reader's own, or that of an earlier sign-up."""
    waiting = select(SignUp.subject).where(SignUp.email_key == key).order_by(SignUp.id).limit(1)
    earlier = session.scalar(waiting)
    if reader is not None:
        return reader.subject
    return earlier or secrets.token_bytes(16)


def _say_already_signed_up(
    session: Session, reader: Subscriber, wish: Wish, mac: str, now: datetime
) -> None:
    once = free_once(session, NoticeKind.ALREADY_SIGNED_UP, mac, now)
    if once is None:
        return
    savepoint = session.begin_nested()
    session.add(
        Notice(
            token_id=new_token_id(),
            kind=NoticeKind.ALREADY_SIGNED_UP,
            to_address=reader.email,
            once=once,
            newsletter_id=wish.newsletters[0].id,
            subscriber_id=reader.id,
            created_at=now,
            next_attempt_at=database_now(),
        )
    )
    try:
        savepoint.commit()
    except IntegrityError:
        savepoint.rollback()


def free_once(session: Session, kind: NoticeKind, mac: str, now: datetime) -> str | None:
    """Return a free value for `Notice.once`, or None: the address had its mails of 24 hours.

    The count looks at the last 24 hours; that the value is unique keeps two requests at the same
    moment from passing it together.
    """
    today, yesterday = now.date(), (now - timedelta(days=1)).date()
    slots = [
        f"{kind.value}:{day}:{slot}:{mac}"
        for day in (today, yesterday)
        for slot in range(MOST_A_DAY[kind])
    ]
    used = select(Notice.once, Notice.created_at).where(Notice.once.in_(slots))
    taken = {row.once: row.created_at for row in session.execute(used)}
    recent = sum(created_at > now - timedelta(days=1) for created_at in taken.values())
    if recent >= MOST_A_DAY[kind]:
        return None
    return next(slot for slot in slots if slot not in taken)
