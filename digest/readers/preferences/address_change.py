"""A reader's new address: confirmed at the new one, told to the old one."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.addresses import Address
from digest.errors import FieldError
from digest.models import (
    AddressChange,
    ConsentKind,
    Newsletter,
    Notice,
    NoticeKind,
    Relay,
    Subscriber,
    Subscription,
)
from digest.readers.consent import words_shown
from digest.readers.consent.recording import Evidence, record_readers_consent
from digest.readers.consent.words_shown import words_shown as words
from digest.readers.mailing import queue_notice
from digest.readers.mails_a_day import free_once, give_back
from digest.readers.preferences.fresh_links import withdraw_links
from digest.readers.signing_up.asking import LINK_LASTS
from digest.readers.signing_up.typed_address import TypedAddress, unwritable
from digest.readers.suppressed import is_suppressed
from digest.suppression import SuppressionKey

MOST_A_DAY = 3


class ChangeState(enum.StrEnum):
    """What the link in the mail to a new address leads to."""

    WAITING = "waiting"
    DONE = "done"
    TAKEN = "taken"
    BLOCKED = "blocked"
    GONE = "gone"


@dataclass(frozen=True)
class Change:
    """A change of address as its page may show it; `email` is the new one."""

    state: ChangeState
    newsletter: Newsletter | None = None
    email: str | None = None


def ask_for_change(
    session: Session,
    reader: Subscriber,
    typed: TypedAddress,
    newsletter_id: int,
    *,
    now: datetime,
    suppression: SuppressionKey,
    relay: str = "",
) -> str:
    """Mail a link to the new address; return the address as it was understood.

    Whether somebody else has it, or it must not be mailed, is not told: the answer is the same.
    `relay`: the name of the one that our mail is handed to.

    Raises:
        FieldError: it is no address, is probably mistyped, or is the one that the reader has; or
            this was the day's fourth.
    """
    address = _understood(session, reader, typed, relay)
    asked = select(func.count(AddressChange.id)).where(
        AddressChange.subscriber_id == reader.id,
        AddressChange.requested_at > now - timedelta(days=1),
    )
    if (session.scalar(asked) or 0) >= MOST_A_DAY:
        raise FieldError("email", "That was the third new address today. Try again tomorrow")
    mac = suppression.mac(address.key)
    mailbox = suppression.mailbox_mac(address.key)
    once = free_once(session, NoticeKind.CONFIRMATION, mailbox, now)
    keep = once is not None and not is_suppressed(session, mac)
    savepoint = session.begin_nested()
    try:
        _write(session, reader, address, once, newsletter_id, now)
    except IntegrityError:
        # Another request for the same address was faster, and took the last mail of the day.
        keep = False
    if keep:
        savepoint.commit()
    else:
        savepoint.rollback()
    return address.email


def _understood(session: Session, reader: Subscriber, typed: TypedAddress, relay: str) -> Address:
    address = typed.checked()
    if not address.local.isascii():
        offers = session.scalar(select(Relay.offers).where(Relay.name == relay))
        if wrong := unwritable(address, offers):
            raise wrong
    if address.key == reader.email_key:
        raise FieldError("email", "That is the address that we have. Enter the new one")
    return address


def _write(
    session: Session,
    reader: Subscriber,
    address: Address,
    once: str | None,
    newsletter_id: int,
    now: datetime,
) -> None:
    notice = queue_notice(
        session,
        NoticeKind.CONFIRMATION,
        address.email,
        newsletter_id,
        once=once,
        subscriber_id=reader.id,
        now=now,
    )
    session.add(
        AddressChange(
            token_id=notice.token_id,
            subscriber_id=reader.id,
            email=address.email,
            email_key=address.key,
            requested_at=now,
            expires_at=now + LINK_LASTS,
        )
    )
    session.flush()


def look_at_change(
    session: Session, token_id: bytes, *, now: datetime, suppression: SuppressionKey
) -> Change:
    """Say what the link would do. Changes nothing."""
    row = session.scalar(select(AddressChange).where(AddressChange.token_id == token_id))
    if row is None or now >= row.expires_at:
        return Change(ChangeState.GONE)
    return Change(
        _state(session, row, suppression),
        newsletter=_newsletters(session, row.subscriber)[0],
        email=row.email,
    )


def confirm_change(
    session: Session,
    token_id: bytes,
    evidence: Evidence,
    *,
    now: datetime,
    suppression: SuppressionKey,
) -> Change:
    """Use the new address from now on, and tell the old one. Done again, nothing changes.

    Whoever presses the button has the new address, and may be told that a reader has it already.
    """
    found = look_at_change(session, token_id, now=now, suppression=suppression)
    if found.state is not ChangeState.WAITING:
        return found
    row = session.scalar(select(AddressChange).where(AddressChange.token_id == token_id))
    if row is None:
        # Somebody pressed it at the same moment.
        return Change(ChangeState.GONE)
    reader, old = row.subscriber, row.subscriber.email
    old_mac = reader.suppression_mac
    savepoint = session.begin_nested()
    try:
        if not _take(session, row):
            savepoint.rollback()
            return Change(ChangeState.GONE)
        reader.email, reader.email_key = row.email, row.email_key
        reader.suppression_mac = suppression.mac(row.email_key)
        mailbox, its_mail = suppression.mailbox_mac(row.email_key), Notice.token_id == token_id
        give_back(session, NoticeKind.CONFIRMATION, mailbox, row.requested_at, its_mail)
        savepoint.commit()
    except IntegrityError:
        # Somebody signed up with it at the same moment.
        savepoint.rollback()
        return Change(ChangeState.TAKEN, found.newsletter, found.email)
    withdraw_links(session, reader, now=now)
    newsletters = _newsletters(session, reader)
    _record(session, reader, newsletters, evidence, now)
    if old is not None and not is_suppressed(session, old_mac):
        queue_notice(
            session,
            NoticeKind.ADDRESS_CHANGED,
            old,
            newsletters[0].id,
            subscriber_id=reader.id,
            now=now,
        )
    return Change(ChangeState.DONE, found.newsletter, found.email)


def _state(session: Session, row: AddressChange, suppression: SuppressionKey) -> ChangeState:
    if is_suppressed(session, suppression.mac(row.email_key)):
        return ChangeState.BLOCKED
    taken = select(Subscriber.id).where(Subscriber.email_key == row.email_key)
    return ChangeState.WAITING if session.scalar(taken) is None else ChangeState.TAKEN


def _take(session: Session, row: AddressChange) -> bool:
    """Use up the reader's changes that wait, unless another request has used this one."""
    mine = delete(AddressChange).where(AddressChange.id == row.id)
    unsynchronised = {"synchronize_session": False}
    used = session.execute(mine, execution_options=unsynchronised)
    others = delete(AddressChange).where(AddressChange.subscriber_id == row.subscriber_id)
    session.execute(others, execution_options=unsynchronised)
    return cast("CursorResult[Any]", used).rowcount == 1


def _newsletters(session: Session, reader: Subscriber) -> list[Newsletter]:
    """Return what the reader gets; after having left all, the last one that they got."""
    periods = (
        select(Newsletter, Subscription.ended_at)
        .join(Subscription, Subscription.newsletter_id == Newsletter.id)
        .where(Subscription.subscriber_id == reader.id)
    )
    newest_first = periods.order_by(Subscription.ended_at.is_(None).desc(), Subscription.id.desc())
    rows = session.execute(newest_first).all()
    active = [newsletter for newsletter, ended_at in rows if ended_at is None]
    return active or [rows[0][0]]


def _record(
    session: Session,
    reader: Subscriber,
    newsletters: list[Newsletter],
    evidence: Evidence,
    now: datetime,
) -> None:
    for newsletter in newsletters:
        record_readers_consent(
            session,
            ConsentKind.CHANGED,
            reader,
            now=now,
            newsletter_id=newsletter.id,
            wording=words(session, words_shown.NEW_ADDRESS, now),
            evidence=evidence,
        )


def forget_changes(session: Session, *, now: datetime) -> None:
    """Delete the new addresses that nobody confirmed in time."""
    session.execute(
        delete(AddressChange)
        .where(AddressChange.expires_at < now)
        .execution_options(synchronize_session=False)
    )
