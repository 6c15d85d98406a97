"""A reader takes a break from a newsletter, and comes back from it."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from digest.models import ConsentKind, Subscription
from digest.readers.consent import Evidence, record_consent
from digest.readers.standing import Standing, find_period, newest_period, standing_of

PAUSE = timedelta(weeks=4)
# Pressing the button again on the same day is the same pause.
SAME_PAUSE = timedelta(days=1)


def pause(
    session: Session, token_id: bytes, evidence: Evidence | None = None, *, now: datetime
) -> Standing:
    """Stop the newsletter's issues for four weeks from now; after leaving, nothing changes."""
    period = find_period(session, token_id)
    if period is None:
        return Standing()
    active = newest_period(session, period.subscriber_id, period.newsletter_id)
    until = now + PAUSE
    if active.ended_at is not None or (
        active.paused_until and active.paused_until > until - SAME_PAUSE
    ):
        return standing_of(session, period, now)
    return _changed(session, active, until, evidence, now)


def resume(
    session: Session, token_id: bytes, evidence: Evidence | None = None, *, now: datetime
) -> Standing:
    """End a pause; without one, nothing changes."""
    period = find_period(session, token_id)
    if period is None:
        return Standing()
    active = newest_period(session, period.subscriber_id, period.newsletter_id)
    if active.ended_at is not None or active.paused_until is None:
        return standing_of(session, period, now)
    return _changed(session, active, None, evidence, now)


def _changed(
    session: Session,
    active: Subscription,
    paused_until: datetime | None,
    evidence: Evidence | None,
    now: datetime,
) -> Standing:
    active.paused_until = paused_until
    reader = active.subscriber
    record_consent(
        session,
        ConsentKind.CHANGED,
        reader.subject,
        now=now,
        newsletter_id=active.newsletter_id,
        email=reader.email,
        name=reader.name,
        evidence=evidence,
    )
    return standing_of(session, active, now, changed=True)
