"""A reader takes a break from a newsletter, and comes back from it."""

import enum
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy.orm import Session

from digest import zones
from digest.clock import months_before
from digest.errors import FieldError
from digest.models import ConsentKind, Newsletter, Subscription, Wording
from digest.readers.consent import words_shown
from digest.readers.consent.recording import Evidence, record_readers_consent
from digest.readers.preferences.standing import Standing, find_period, newest_period, standing_of

PAUSE = timedelta(weeks=4)
LONGEST = timedelta(days=366)
# Pressing the button again on the same day is the same pause.
SAME_PAUSE = timedelta(days=1)


class Break(enum.StrEnum):
    """How long a reader may choose to pause for."""

    FOUR_WEEKS = "four_weeks"
    THREE_MONTHS = "three_months"
    DATE = "date"


BREAK_WORDS = {
    Break.FOUR_WEEKS: words_shown.FOUR_WEEKS,
    Break.THREE_MONTHS: words_shown.THREE_MONTHS,
    Break.DATE: words_shown.UNTIL_A_DATE,
}


def break_until(choice: Break, day: str, newsletter: Newsletter, now: datetime) -> datetime:
    """Return when a break is over: a chosen day begins at midnight where the newsletter is at home.

    Raises:
        FieldError: `day` is no date, or not one of the coming twelve months.
    """
    if choice is Break.FOUR_WEEKS:
        return now + PAUSE
    if choice is Break.THREE_MONTHS:
        return months_before(now, -3)
    try:
        chosen = date.fromisoformat(day)
    except ValueError:
        raise FieldError("until", "Choose the day that it starts again on") from None
    zone = zones.named(newsletter.zone)
    today = now.astimezone(zone).date()
    if not today < chosen <= today + LONGEST:
        raise FieldError("until", "Choose a day from tomorrow on, within a year")
    return datetime.combine(chosen, time(0), zone).astimezone(UTC)


def pause(
    session: Session,
    token_id: bytes,
    evidence: Evidence | None = None,
    *,
    now: datetime,
    until: datetime | None = None,
    wording: Wording | None = None,
) -> Standing:
    """Stop the newsletter's issues until then, or for four weeks; not after leaving."""
    period = find_period(session, token_id)
    if period is None:
        return Standing()
    active = newest_period(session, period.subscriber_id, period.newsletter_id)
    if active.ended_at is not None or _is_same(active.paused_until, until, now):
        return standing_of(session, period, now)
    return _changed(session, active, until or now + PAUSE, evidence, wording, now)


def _is_same(paused_until: datetime | None, until: datetime | None, now: datetime) -> bool:
    if paused_until is None:
        return False
    if until is not None:
        return abs(paused_until - until) < SAME_PAUSE
    return paused_until > now + PAUSE - SAME_PAUSE


def resume(
    session: Session,
    token_id: bytes,
    evidence: Evidence | None = None,
    *,
    now: datetime,
    wording: Wording | None = None,
) -> Standing:
    """End a pause; without one, nothing changes."""
    period = find_period(session, token_id)
    if period is None:
        return Standing()
    active = newest_period(session, period.subscriber_id, period.newsletter_id)
    if active.ended_at is not None or active.paused_until is None:
        return standing_of(session, period, now)
    return _changed(session, active, None, evidence, wording, now)


def _changed(
    session: Session,
    active: Subscription,
    paused_until: datetime | None,
    evidence: Evidence | None,
    wording: Wording | None,
    now: datetime,
) -> Standing:
    active.paused_until = paused_until
    reader = active.subscriber
    record_readers_consent(
        session,
        ConsentKind.CHANGED,
        reader,
        now=now,
        newsletter_id=active.newsletter_id,
        wording=wording,
        evidence=evidence,
    )
    return standing_of(session, active, now, changed=True)
