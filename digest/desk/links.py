"""Links by which a user chooses a password: good once, and for a while."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.addresses import seek_address
from digest.desk.audit import Actor, record
from digest.desk.passkeys import has_passkey, lock_user
from digest.desk.sessions import end_sessions
from digest.desk.users import find_by_address, withdraw_links
from digest.errors import RefusedError
from digest.models import Grant, Newsletter, NoticeKind, User, UserLink
from digest.readers.mailing import queue_notice
from digest.readers.mails_a_day import free_once
from digest.suppression import SuppressionKey
from digest.tokens import new_token_id

# One that a stranger can ask for, and one that an owner or the operator gives.
ASKED_LASTS = timedelta(minutes=30)
GIVEN_LASTS = timedelta(days=3)


class LinkState(enum.StrEnum):
    """What a link is worth."""

    WAITING = "waiting"
    SPENT = "spent"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Link:
    """A link, as its page may show it."""

    state: LinkState
    user: User


def make_link(
    session: Session, actor: Actor, user: User, *, now: datetime, verb: str = "user link"
) -> UserLink:
    """Give a user a link for three days. Those that they were given before open nothing more."""
    withdraw_links(session, user, now=now)
    link = _add(session, user, now, lasts=GIVEN_LASTS, made_by_user=False)
    record(session, actor, verb, User.__tablename__, user.id, now=now)
    return link


def ask_for_link(
    session: Session, typed: str, *, now: datetime, suppression: SuppressionKey, ip: str | None
) -> None:
    """Mail a link to the user with that address, at most three a day; to anybody else, nothing.

    For everybody it is written, and for strangers taken back: how long it takes, but for what the
    database makes of that, tells nobody who works here.
    """
    user = find_by_address(session, typed)
    sought = seek_address(typed)
    mac = suppression.mac(user.email_key if user else sought.key[:320])
    once = free_once(session, NoticeKind.USER_LINK, mac, now)
    instead = user or session.scalar(select(User).order_by(User.id).limit(1))
    newsletter_id = _newsletter_of(session, instead)
    if instead is None or newsletter_id is None:
        return
    savepoint = session.begin_nested()
    try:
        notice = queue_notice(
            session, NoticeKind.USER_LINK, instead.email, newsletter_id, once=once, now=now
        )
        link = _add(session, instead, now, lasts=ASKED_LASTS, made_by_user=True)
        notice.token_id = link.token_id
        table, stranger = User.__tablename__, Actor(None, ip)
        record(session, stranger, "user ask for link", table, instead.id, now=now)
        session.flush()
    except IntegrityError:
        # Another request for the same address was faster, and took the last mail of the day.
        once = None
    if user is not None and user.disabled_at is None and once is not None:
        savepoint.commit()
    else:
        savepoint.rollback()


def look_at_link(session: Session, token_id: bytes, *, now: datetime) -> Link | None:
    """Say what a link is worth; None where it never was any. Changes nothing."""
    link = session.scalar(select(UserLink).where(UserLink.token_id == token_id))
    if link is None or link.user.disabled_at is not None:
        return None
    if link.spent_at is not None:
        return Link(LinkState.SPENT, link.user)
    return Link(LinkState.WAITING if now < link.ends_at else LinkState.EXPIRED, link.user)


def choose_password(
    session: Session, token_id: bytes, password_hash: str, *, now: datetime, ip: str | None
) -> User | None:
    """Spend a link: the user has this password, and no session any more. None where it is spent.

    A second factor stays: who reads somebody's mail has not got their phone.
    """
    spent = session.execute(
        update(UserLink)
        .where(UserLink.token_id == token_id, UserLink.spent_at.is_(None), UserLink.ends_at > now)
        .values(spent_at=now)
        .returning(UserLink.user_id)
    ).first()
    if spent is None:
        return None
    user = session.get_one(User, spent.user_id)
    if user.disabled_at is not None:
        return None
    set_password(session, Actor(user, ip), user, password_hash, now=now)
    end_sessions(session, user, now=now)
    return user


def set_password(
    session: Session, actor: Actor, user: User, password_hash: str, *, now: datetime
) -> None:
    """Give a user a new password; links that would choose another open nothing more."""
    _set_hash(session, actor, user, password_hash, now=now, verb="user choose password")


def drop_password(session: Session, actor: Actor, user: User, *, now: datetime) -> None:
    """Leave a user no password: they sign in by passkey alone.

    Raises:
        RefusedError: they have no passkey.
    """
    lock_user(session, user)
    if not has_passkey(session, user):
        raise RefusedError("Your password is your only way in. Add a passkey first.")
    _set_hash(session, actor, user, None, now=now, verb="user drop password")


def _set_hash(
    session: Session, actor: Actor, user: User, hashed: str | None, *, now: datetime, verb: str
) -> None:
    user.password_hash, user.password_since = hashed, now if hashed else None
    withdraw_links(session, user, now=now)
    fields = ("password_hash",)
    record(session, actor, verb, User.__tablename__, user.id, now=now, fields=fields)


def _add(
    session: Session, user: User, now: datetime, *, lasts: timedelta, made_by_user: bool
) -> UserLink:
    link = UserLink(
        token_id=new_token_id(),
        user_id=user.id,
        made_by_user=made_by_user,
        made_at=now,
        ends_at=now + lasts,
    )
    session.add(link)
    session.flush()
    return link


def _newsletter_of(session: Session, user: User | None) -> int | None:
    """Return the newsletter in whose name a user is mailed: one of theirs, or the oldest."""
    own = select(Grant.newsletter_id).where(
        Grant.user_id == (user.id if user else 0), Grant.newsletter_id.is_not(None)
    )
    oldest = select(Newsletter.id).where(Newsletter.retired_at.is_(None))
    return session.scalar(own.order_by(Grant.id).limit(1)) or session.scalar(
        oldest.order_by(Newsletter.id).limit(1)
    )
