"""How a reader stands with the newsletter that a link in a mail speaks of."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload

from digest.models import EndedReason, Newsletter, SignUp, SignUpChoice, Subscriber, Subscription

UNDO_LASTS = timedelta(hours=1)


@dataclass(frozen=True)
class Standing:
    """What the page behind a link shows.

    `newsletter` is None where nothing is known of the link's id any more. `undo` is the id for an
    undo token, while leaving can still be taken back; `why` that for an answer to why the reader
    left, until one was given. `changed` tells whether this call did it.
    """

    newsletter: Newsletter | None = None
    active: bool = False
    paused_until: datetime | None = None
    undo: bytes | None = None
    why: bytes | None = None
    changed: bool = False


def find_period(session: Session, token_id: bytes) -> Subscription | None:
    """Return the period that a link was made in, with its reader and newsletter."""
    return session.scalar(
        select(Subscription)
        .where(Subscription.token_id == token_id)
        .options(joinedload(Subscription.subscriber), joinedload(Subscription.newsletter))
    )


def newest_period(session: Session, subscriber_id: int, newsletter_id: int) -> Subscription:
    """Return the reader's last period of a newsletter, active or not."""
    return session.scalars(
        select(Subscription)
        .where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.newsletter_id == newsletter_id,
        )
        .order_by(Subscription.ended_at.is_(None).desc(), Subscription.id.desc())
        .limit(1)
    ).one()


def look_at_standing(session: Session, token_id: bytes, *, now: datetime) -> Standing:
    """Say how things stand. Changes nothing."""
    period = find_period(session, token_id)
    return standing_of(session, period, now) if period else Standing()


def standing_of(
    session: Session, period: Subscription, now: datetime, *, changed: bool = False
) -> Standing:
    """Describe the newest period of the reader and newsletter that `period` belongs to."""
    newest = newest_period(session, period.subscriber_id, period.newsletter_id)
    return _standing(newest, period.newsletter, now, changed=changed)


def standings_of_sign_up(session: Session, token_id: bytes, now: datetime) -> tuple[Standing, ...]:
    """Say how a reader stands with each newsletter of a sign-up that they confirmed."""
    newest = _newest_of_each(
        session,
        Subscriber.subject
        == select(SignUp.subject).where(SignUp.token_id == token_id).scalar_subquery(),
        Subscription.newsletter_id.in_(
            select(SignUpChoice.newsletter_id)
            .join(SignUp, SignUp.id == SignUpChoice.sign_up_id)
            .where(SignUp.token_id == token_id)
        ),
    )
    return tuple(_standing(period, period.newsletter, now) for period in newest)


def others_that_come(session: Session, token_id: bytes, now: datetime) -> tuple[Standing, ...]:
    """Say what the reader of a link gets besides its newsletter: leaving one ends no other."""
    own = find_period(session, token_id)
    if own is None:
        return ()
    active = _newest_of_each(
        session,
        Subscription.subscriber_id == own.subscriber_id,
        Subscription.newsletter_id != own.newsletter_id,
        Subscription.ended_at.is_(None),
    )
    return tuple(_standing(period, period.newsletter, now) for period in active)


def _newest_of_each(session: Session, *where: ColumnElement[bool]) -> list[Subscription]:
    """Return the last period of each newsletter, active or not, by newsletter."""
    periods = session.scalars(
        select(Subscription)
        .join(Subscription.subscriber)
        .where(*where)
        .options(joinedload(Subscription.newsletter))
        .order_by(
            Subscription.newsletter_id,
            Subscription.ended_at.is_(None).desc(),
            Subscription.id.desc(),
        )
    )
    newest: dict[int, Subscription] = {}
    for period in periods:
        newest.setdefault(period.newsletter_id, period)
    return list(newest.values())


def _standing(
    newest: Subscription, newsletter: Newsletter, now: datetime, *, changed: bool = False
) -> Standing:
    if newest.ended_at is None:
        paused = newest.paused_until
        return Standing(
            newsletter=newsletter,
            active=True,
            paused_until=paused if paused and paused > now else None,
            changed=changed,
        )
    return Standing(
        newsletter=newsletter,
        undo=newest.token_id if can_undo(newest, now) else None,
        why=newest.token_id if _may_say_why(newest) else None,
        changed=changed,
    )


def _may_say_why(period: Subscription) -> bool:
    return period.ended_reason is EndedReason.LEFT and period.reason_told_at is None


def can_undo(period: Subscription, now: datetime) -> bool:
    """Tell whether leaving may still be taken back: for an hour, and only one's own decision."""
    return (
        period.ended_at is not None
        and period.ended_reason is EndedReason.LEFT
        and now - period.ended_at < UNDO_LASTS
    )
