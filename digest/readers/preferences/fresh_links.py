"""Fresh links: half an hour, spent by the first POST, which opens a session of half an hour.

A mail that was forwarded gives nobody control of the reader's address: what shows or changes it
needs a link that was just mailed to it. The link is a notice; what it speaks for is its id.
"""

import enum
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.models import (
    Newsletter,
    Notice,
    NoticeKind,
    NoticeState,
    ReaderSession,
    Subscriber,
    Subscription,
)
from digest.readers.mailing import queue_notice
from digest.readers.mails_a_day import free_again, free_once
from digest.readers.signing_up.typed_address import TypedAddress
from digest.readers.suppressed import is_suppressed
from digest.suppression import SuppressionKey

LINK_LASTS = timedelta(minutes=30)
SESSION_LASTS = timedelta(minutes=30)
SECRET_BYTES = 32


class LinkState(enum.StrEnum):
    """What a fresh link is worth."""

    WAITING = "waiting"
    SPENT = "spent"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FreshLink:
    """A fresh link as its page may show it; `period` is the token id of one of the reader's."""

    state: LinkState
    newsletter: Newsletter | None = None
    period: bytes | None = None


def ask_by_address(
    session: Session,
    typed: TypedAddress,
    *,
    now: datetime,
    suppression: SuppressionKey,
) -> str:
    """Mail a fresh link to the reader with that address; return the address as it was understood.

    The answer is the same whether or not there is such a reader, and so are the statements.

    Raises:
        FieldError: it is no address, or is probably mistyped.
    """
    address = typed.checked()
    reader = session.scalar(select(Subscriber).where(Subscriber.email_key == address.key))
    _mail(session, reader, address.email, suppression.mac(address.key), now)
    return address.email


def ask_by_link(session: Session, reader: Subscriber, *, now: datetime) -> datetime | None:
    """Mail a fresh link to a reader whose page it is.

    Return when they can have another, where they had all of the day's and this was not mailed.
    """
    if reader.email is None or reader.suppression_mac is None:
        return None
    again_from = free_again(session, NoticeKind.FRESH_LINK, reader.suppression_mac, now)
    if again_from is None:
        _mail(session, reader, reader.email, reader.suppression_mac, now)
    return again_from


def ask_by_old_link(
    session: Session, token_id: bytes, *, now: datetime
) -> tuple[bool, datetime | None]:
    """Mail a link in place of one that was used or ran out.

    Return whether we know its reader, and what `ask_by_link` does.
    """
    link = look_at_link(session, token_id, now=now)
    if link.state is LinkState.UNKNOWN:
        return False, None
    notice = session.scalars(select(Notice).where(Notice.token_id == token_id)).one()
    again_from = None
    if notice.subscriber is not None and _is_to_their_address(notice, notice.subscriber):
        again_from = ask_by_link(session, notice.subscriber, now=now)
    return True, again_from


def _mail(session: Session, reader: Subscriber | None, email: str, mac: str, now: datetime) -> None:
    once = free_once(session, NoticeKind.FRESH_LINK, mac, now)
    # All of it for everybody: how long the answer takes tells no more than what it says.
    newest = _newest_period(session, reader.id if reader else 0)
    otherwise, suppressed = _any_newsletter(session), is_suppressed(session, mac)
    newsletter_id = newest.newsletter_id if newest else otherwise
    may_mail = reader is not None and newest is not None and not suppressed
    if newsletter_id is None:
        return
    savepoint = session.begin_nested()
    try:
        queue_notice(
            session,
            NoticeKind.FRESH_LINK,
            reader.email or email if reader else email,
            newsletter_id,
            once=once,
            subscriber_id=reader.id if reader else None,
            now=now,
        )
    except IntegrityError:
        # Another request for the same address was faster, and took the last mail of the day.
        may_mail = False
    if may_mail and once is not None:
        savepoint.commit()
    else:
        savepoint.rollback()


def _newest_period(session: Session, subscriber_id: int) -> Subscription | None:
    """The reader's newest period, an active one before all that are over."""
    return session.scalar(
        select(Subscription)
        .where(Subscription.subscriber_id == subscriber_id)
        .order_by(Subscription.ended_at.is_(None).desc(), Subscription.id.desc())
        .limit(1)
    )


def _any_newsletter(session: Session) -> int | None:
    return session.scalar(select(Newsletter.id).order_by(Newsletter.id).limit(1))


def look_at_link(session: Session, token_id: bytes, *, now: datetime) -> FreshLink:
    """Say what a fresh link is worth. Changes nothing: scanners open every link."""
    notice = session.scalar(
        select(Notice).where(Notice.token_id == token_id, Notice.kind == NoticeKind.FRESH_LINK)
    )
    reader = notice.subscriber if notice else None
    period = _newest_period(session, reader.id) if reader else None
    if notice is None or reader is None or period is None or reader.email is None:
        return FreshLink(LinkState.UNKNOWN)
    return FreshLink(
        _state(session, notice, reader, now), newsletter=notice.newsletter, period=period.token_id
    )


def _state(session: Session, notice: Notice, reader: Subscriber, now: datetime) -> LinkState:
    if not _is_to_their_address(notice, reader):
        return LinkState.EXPIRED
    spent = select(ReaderSession.id).where(ReaderSession.link == notice.token_id)
    if session.scalar(spent) is not None:
        return LinkState.SPENT
    return LinkState.WAITING if now < notice.created_at + LINK_LASTS else LinkState.EXPIRED


def _is_to_their_address(notice: Notice, reader: Subscriber) -> bool:
    # Whoever has the address that the reader had before has no say here any more.
    return (notice.once or "").endswith(f":{reader.suppression_mac}")


def open_session(
    session: Session, token_id: bytes, *, now: datetime
) -> tuple[FreshLink, str | None]:
    """Spend a fresh link; return it with the secret of its session, for the reader's cookie.

    There is a secret only for the first who asks, within the link's half hour.
    """
    link = look_at_link(session, token_id, now=now)
    if link.state is not LinkState.WAITING:
        return link, None
    notice = session.scalars(select(Notice).where(Notice.token_id == token_id)).one()
    assert notice.subscriber_id is not None
    secret = secrets.token_urlsafe(SECRET_BYTES)
    opened = ReaderSession(
        link=token_id,
        secret_hash=_hash(secret),
        subscriber_id=notice.subscriber_id,
        opened_at=now,
        ends_at=now + SESSION_LASTS,
    )
    if not add_unless_there(session, opened):
        # Pressed twice at the same moment: the other one has it.
        return look_at_link(session, token_id, now=now), None
    return link, secret


def find_session(session: Session, secret: str | None, *, now: datetime) -> ReaderSession | None:
    """Return the open session that a cookie's secret belongs to."""
    if not secret or len(secret) > 100:
        return None
    return session.scalar(
        select(ReaderSession).where(
            ReaderSession.secret_hash == _hash(secret), ReaderSession.ends_at > now
        )
    )


def close_sessions(session: Session, reader: Subscriber, *, now: datetime) -> None:
    """End every session of a reader."""
    session.execute(
        update(ReaderSession)
        .where(ReaderSession.subscriber_id == reader.id, ReaderSession.ends_at > now)
        .values(ends_at=now)
        .execution_options(synchronize_session=False)
    )


def withdraw_links(session: Session, reader: Subscriber, *, now: datetime) -> None:
    """Call back the fresh links that still wait to be mailed, and end what others opened."""
    session.execute(
        update(Notice)
        .where(
            Notice.subscriber_id == reader.id,
            Notice.kind == NoticeKind.FRESH_LINK,
            Notice.state.in_((NoticeState.QUEUED, NoticeState.SENDING)),
        )
        .values(state=NoticeState.CANCELLED, to_address=None, claim=None, final_at=now)
        .execution_options(synchronize_session=False)
    )
    close_sessions(session, reader, now=now)


def forget_sessions(session: Session, *, now: datetime) -> None:
    """Delete the sessions whose link has long run out as well: nobody can spend it again."""
    session.execute(
        delete(ReaderSession)
        .where(ReaderSession.ends_at < now - timedelta(days=1))
        .execution_options(synchronize_session=False)
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
