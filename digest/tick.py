"""The tick: asks the database what is due and not done, and rings for it.

Nothing is remembered from one tick to the next, so that a missed tick, two at once, a clock that
jumps or a week of downtime heal by themselves.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.delivery import sweeping
from digest.delivery.messages import Links
from digest.delivery.notices import notices_due
from digest.models import Heartbeat, Issue, IssueState
from digest.newsroom.agenda import keep_agenda
from digest.readers.consent import seal_consents
from digest.runtime import DELIVER_ISSUE, PREPARE_ISSUE, SEND_NOTICES, Runtime


def tick(runtime: Runtime) -> None:
    """Do what takes no time, and ring for the rest. Called once a minute; safe at any time."""
    now = runtime.clock.now()
    with runtime.database.transaction() as session:
        beat(session, "tick", now)
        sweeping.sweep_leases(session, final_dot_wait=runtime.settings.final_dot_wait)
        sweeping.resume_parked(session)
    seal_consents(runtime.database, now)
    keep_agenda(runtime.database, now, late=timedelta(hours=runtime.settings.late_hours))
    with runtime.database.reading() as session:
        to_prepare = _scheduled_and_due(session, now)
        to_deliver = sweeping.issues_with_work(session)
        notices = notices_due(session, runtime.settings)
    for issue_id in to_prepare:
        runtime.bell.ring(PREPARE_ISSUE, issue_id)
    for issue_id in to_deliver:
        runtime.bell.ring(DELIVER_ISSUE, issue_id)
    if notices:
        runtime.bell.ring(SEND_NOTICES)


def links(runtime: Runtime) -> Links:
    """Return what makes readers' links in this installation."""
    settings = runtime.settings
    return Links(runtime.ring, settings.public_url, settings.inbound_domain)


def beat(session: Session, name: str, now: datetime) -> None:
    """Note that a part of the machinery is alive; `digest doctor` and /readyz look at it."""
    session.merge(Heartbeat(name=name, at=now))


def _scheduled_and_due(session: Session, now: datetime) -> list[int]:
    found = session.execute(
        select(Issue.id).where(Issue.state == IssueState.SCHEDULED, Issue.send_at <= now)
    )
    return list(found.scalars())
