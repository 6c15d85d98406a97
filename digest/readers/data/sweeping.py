"""What is kept for a while only: addresses of the never confirmed, and of those long gone."""

from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from digest.clock import months_before
from digest.database.transactions import Database
from digest.models import SignUp, Subscriber, Subscription
from digest.readers.consent.forgetting import forget_strangers
from digest.readers.data.erasing import erase
from digest.readers.preferences.address_change import forget_changes
from digest.readers.preferences.fresh_links import forget_sessions
from digest.suppression import SuppressionKey

SIGN_UPS_AT_ONCE = 500
# An erasure is many statements, and on SQLite nobody else can write meanwhile.
READERS_AT_ONCE = 50


class Forget(Protocol):
    """What erases one reader: `erase`, or more, where more is known of them."""

    def __call__(
        self, session: Session, reader: Subscriber, *, now: datetime, suppression: SuppressionKey
    ) -> bool: ...


def sweep_addresses(
    database: Database,
    now: datetime,
    *,
    unconfirmed_days: int,
    left_months: int,
    suppression: SuppressionKey,
    forget: Forget = erase,
) -> bool:
    """Forget what was kept long enough; return whether there is more of it to forget."""
    with database.transaction() as session:
        forget_sessions(session, now=now)
        forget_changes(session, now=now)
    asked = sweep_sign_ups(database, now, unconfirmed_days)
    gone = sweep_readers(database, now, left_months, suppression, forget=forget)
    return asked == SIGN_UPS_AT_ONCE or gone == READERS_AT_ONCE


def sweep_readers(
    database: Database,
    now: datetime,
    months: int,
    suppression: SuppressionKey,
    limit: int = READERS_AT_ONCE,
    *,
    forget: Forget = erase,
) -> int:
    """Erase readers who left everything more than `months` ago, 0 for nobody; return how many.

    The mark of an erasure stays of them as well: no import brings them back, and they themselves
    can. Safe when two run at once: what is erased is not erased again.
    """
    if not months:
        return 0
    since = months_before(now, months)
    still = select(Subscription.id).where(
        Subscription.subscriber_id == Subscriber.id,
        or_(Subscription.ended_at.is_(None), Subscription.ended_at >= since),
    )
    coming = select(SignUp.id).where(
        SignUp.email_key == Subscriber.email_key, SignUp.expires_at > now
    )
    gone = and_(
        Subscriber.email_key.is_not(None),
        Subscriber.created_at < since,
        ~still.exists(),
        ~coming.exists(),
    )
    # To look at every reader takes a while, in which others can write.
    with database.reading() as session:
        found = select(Subscriber.id).where(gone).order_by(Subscriber.id).limit(limit)
        ids = session.scalars(found).all()
    if not ids:
        return 0
    with database.transaction() as session:
        readers = session.scalars(
            select(Subscriber).where(Subscriber.id.in_(ids), gone).with_for_update(skip_locked=True)
        ).all()
        for reader in readers:
            forget(session, reader, now=now, suppression=suppression)
    return len(ids)


def sweep_sign_ups(
    database: Database, now: datetime, days: int, limit: int = SIGN_UPS_AT_ONCE
) -> int:
    """Delete the personal part of sign-ups that ran out so many days ago; return how many.

    With it go the details of their requests, unless the same person is a reader, or asked again
    since. Safe when two run at once.
    """
    over = SignUp.expires_at < now - timedelta(days=days)
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
        forget_strangers(session, {row.subject for row in rows})
        return len(rows)
