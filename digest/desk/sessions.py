"""Browsers that are signed in: sessions in the database, so that each can be ended from elsewhere.

A session ends after 12 hours without a page, and after 14 days in any case.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, joinedload

from digest.models import DeskSession, SpentChallenge, User

IDLE = timedelta(hours=12)
AT_MOST = timedelta(days=14)
# The time for the second factor, after the password.
HALF_OPEN = timedelta(minutes=10)
# What cannot be undone wants a proof of who it is that is not older.
PROOF_LASTS = timedelta(minutes=10)
# A page does not write each time that it is looked at.
SEEN_EVERY = timedelta(minutes=1)
SECRET_BYTES = 32
LONGEST_SECRET = 100


@dataclass(frozen=True)
class Browser:
    """Where a session is used, as its user is shown it."""

    ip: str | None = None
    user_agent: str | None = None


def open_session(
    session: Session, user: User, browser: Browser, *, now: datetime, proved: bool
) -> tuple[DeskSession, str]:
    """Begin a session; return it with its secret, for the cookie.

    `proved`: all that shows who it is has been seen; else the second factor is still asked for.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    opened = DeskSession(
        secret_hash=_hash(secret),
        user_id=user.id,
        opened_at=now,
        seen_at=now,
        proved_at=now if proved else None,
        ends_at=now + (AT_MOST if proved else HALF_OPEN),
        ip=browser.ip,
        user_agent=(browser.user_agent or "")[:500] or None,
    )
    session.add(opened)
    session.flush()
    return opened, secret


def find_session(session: Session, secret: str | None, *, now: datetime) -> DeskSession | None:
    """Return the session that a cookie's secret belongs to, with its user and their roles.

    Half open ones too: `proved_at` tells. None where it is over, or its user is disabled.
    """
    if not secret or len(secret) > LONGEST_SECRET:
        return None
    found = session.scalar(
        select(DeskSession)
        .options(joinedload(DeskSession.user).selectinload(User.grants))
        .where(
            DeskSession.secret_hash == _hash(secret),
            DeskSession.ends_at > now,
            DeskSession.seen_at > now - IDLE,
        )
    )
    return None if found is None or found.user.disabled_at is not None else found


def is_seen_lately(found: DeskSession, now: datetime) -> bool:
    """Tell whether a look at a page need not be written down."""
    return now - found.seen_at < SEEN_EVERY


def note_seen(session: Session, session_id: int, now: datetime) -> None:
    """Write down that a session was used: so it is not idle."""
    session.execute(
        update(DeskSession)
        .where(DeskSession.id == session_id, DeskSession.seen_at < now)
        .values(seen_at=now)
        .execution_options(synchronize_session=False)
    )


def prove(session: Session, found: DeskSession, *, now: datetime) -> str | None:
    """Note that the user showed who they are; return a new secret for the cookie.

    The secret changes, so that one which was planted or taken before opens nothing after. None
    where the session was ended, or its secret changed, since it was found.
    """
    ends_at = found.ends_at if found.proved_at else now + AT_MOST
    return _renew(session, found, seen_at=now, proved_at=now, ends_at=ends_at)


def renew(session: Session, found: DeskSession) -> str | None:
    """Return a new secret for the cookie, as `prove` does, where nothing was shown."""
    return _renew(session, found)


def _renew(session: Session, found: DeskSession, **values: datetime) -> str | None:
    secret = secrets.token_urlsafe(SECRET_BYTES)
    renewed = session.execute(
        update(DeskSession)
        .where(
            DeskSession.id == found.id,
            DeskSession.secret_hash == found.secret_hash,
            # Whoever ended it meanwhile by another clock than ours is seen as well.
            DeskSession.ends_at == found.ends_at,
        )
        .values(secret_hash=_hash(secret), **values)
        .returning(DeskSession.id)
        .execution_options(synchronize_session=False)
    )
    return secret if renewed.first() else None


def is_proved_lately(found: DeskSession, now: datetime) -> bool:
    """Tell whether the user showed who they are just now: what cannot be undone wants that."""
    return found.proved_at is not None and now - found.proved_at < PROOF_LASTS


def list_sessions(session: Session, user: User, *, now: datetime) -> list[DeskSession]:
    """Return a user's sessions that open something, the last used first."""
    return list(
        session.scalars(
            select(DeskSession)
            .where(
                DeskSession.user_id == user.id,
                DeskSession.proved_at.is_not(None),
                DeskSession.ends_at > now,
                DeskSession.seen_at > now - IDLE,
            )
            .order_by(DeskSession.seen_at.desc(), DeskSession.id.desc())
        )
    )


def list_open(session: Session, session_ids: Iterable[int], *, now: datetime) -> list[DeskSession]:
    """Return those of some sessions that still open something, with their users and roles."""
    found = session.scalars(
        select(DeskSession)
        .options(joinedload(DeskSession.user).selectinload(User.grants))
        .where(
            DeskSession.id.in_(session_ids),
            DeskSession.proved_at.is_not(None),
            DeskSession.ends_at > now,
            DeskSession.seen_at > now - IDLE,
        )
    )
    return [each for each in found if each.user.disabled_at is None]


def end_session(session: Session, user: User, session_id: int, *, now: datetime) -> bool:
    """End one session of a user; False where it is none of theirs, or over."""
    ended = session.execute(
        update(DeskSession)
        .where(
            DeskSession.id == session_id,
            DeskSession.user_id == user.id,
            DeskSession.ends_at > now,
        )
        .values(ends_at=now)
        .returning(DeskSession.id)
        .execution_options(synchronize_session=False)
    )
    return ended.first() is not None


def end_sessions(
    session: Session, user: User, *, now: datetime, keep: DeskSession | None = None
) -> int:
    """End all sessions of a user but `keep`; return how many were open."""
    ended = session.execute(
        update(DeskSession)
        .where(
            DeskSession.user_id == user.id,
            DeskSession.ends_at > now,
            DeskSession.id != (keep.id if keep else 0),
        )
        .values(ends_at=now)
        .returning(DeskSession.id)
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())


def forget_sessions(session: Session, *, now: datetime) -> None:
    """Delete the sessions that are over, and with them where they were used."""
    session.execute(
        delete(DeskSession)
        .where((DeskSession.ends_at < now) | (DeskSession.seen_at < now - IDLE))
        .execution_options(synchronize_session=False)
    )


def _hash(secret: str) -> bytes:
    # 256 random bits need no slow hash.
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def forget_spent(session: Session, *, now: datetime) -> None:
    """Delete the notes of tokens that are out of time by now."""
    session.execute(
        delete(SpentChallenge)
        .where(SpentChallenge.ends_at < now)
        .execution_options(synchronize_session=False)
    )
