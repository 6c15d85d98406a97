"""All that a reader gets and may choose, for the page behind `Change what we send`.

The link may have been forwarded: nothing here shows or changes the reader's address, unless a
fresh link has opened a session for that very reader.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from digest.models import Newsletter, ReaderSession, Subscriber, Subscription, Wording
from digest.readers.preferences.choosing import (
    languages_to_choose,
    newsletters_to_join,
    topics_to_choose,
)
from digest.readers.preferences.fresh_links import find_session
from digest.readers.preferences.standing import Standing, find_period, newest_period, standing_of


@dataclass(frozen=True)
class Choices:
    """What a reader gets of one newsletter, and what of it they may choose."""

    standing: Standing
    topics: dict[str, str]
    chosen: tuple[str, ...]
    languages: tuple[str, ...]
    language: str


# Newsletters that a reader does not get, on their page.
TO_JOIN = 20


@dataclass(frozen=True)
class Preferences:
    """What the page shows. `more`: there are others to join.

    `reader` and `session` are there only for who came by a fresh link.
    """

    choices: tuple[Choices, ...] = ()
    to_join: tuple[Newsletter, ...] = ()
    more: bool = False
    wording: Wording | None = None
    reader: Subscriber | None = None
    session: ReaderSession | None = None


def look_at_preferences(
    session: Session, token_id: bytes, secret: str | None = None, *, now: datetime
) -> Preferences:
    """Say what the reader gets, the link's own newsletter first. Changes nothing."""
    period = find_period(session, token_id)
    if period is None or period.subscriber.erased_at is not None:
        return Preferences()
    others = session.scalars(
        select(Subscription)
        .where(
            Subscription.subscriber_id == period.subscriber_id,
            Subscription.newsletter_id != period.newsletter_id,
            Subscription.ended_at.is_(None),
        )
        .options(joinedload(Subscription.newsletter))
        .order_by(Subscription.id)
    )
    opened = session_of(session, period, secret, now=now)
    to_join = newsletters_to_join(session, period.subscriber, TO_JOIN + 1)
    return Preferences(
        choices=tuple(_choices(session, each, now) for each in (period, *others)),
        to_join=to_join[:TO_JOIN],
        more=len(to_join) > TO_JOIN,
        wording=newest_wording(session),
        reader=opened.subscriber if opened else None,
        session=opened,
    )


def session_of(
    session: Session, period: Subscription, secret: str | None, *, now: datetime
) -> ReaderSession | None:
    """Return the open session of a cookie, where it is that of the period's own reader."""
    opened = find_session(session, secret, now=now)
    return opened if opened and opened.subscriber_id == period.subscriber_id else None


def newest_wording(session: Session) -> Wording | None:
    """Return the words beside the checkbox as they are now."""
    shown = select(Wording).where(Wording.number > 0)
    return session.scalar(shown.order_by(Wording.number.desc()).limit(1))


def _choices(session: Session, period: Subscription, now: datetime) -> Choices:
    newest = newest_period(session, period.subscriber_id, period.newsletter_id)
    languages = languages_to_choose(period.newsletter)
    language = period.subscriber.language
    return Choices(
        standing=standing_of(session, period, now),
        topics=topics_to_choose(newest),
        chosen=tuple(newest.topics),
        languages=tuple(languages),
        language=language if language in languages else period.newsletter.language,
    )


def period_of_newsletter(session: Session, token_id: bytes, slug: str) -> bytes | None:
    """Return the id of the same reader's active period of another newsletter, if there is one."""
    period = find_period(session, token_id)
    if period is None:
        return None
    if period.newsletter.slug == slug:
        return period.token_id
    others = session.scalars(
        select(Subscription)
        .where(Subscription.subscriber_id == period.subscriber_id, Subscription.ended_at.is_(None))
        .options(joinedload(Subscription.newsletter))
    )
    return next((each.token_id for each in others if each.newsletter.slug == slug), None)
