"""The tick: asks the database what is due and not done, and rings for it.

Nothing is remembered from one tick to the next, so that a missed tick, two at once, a clock that
jumps or a week of downtime heal by themselves.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest import home
from digest.delivery.ledger import breaker, sweeping
from digest.delivery.ledger.lateness import pause_late
from digest.delivery.ledger.restoring import hold_if_moved
from digest.delivery.ledger.retention import fold_due
from digest.delivery.ledger.totals import count_issues
from digest.delivery.messages import Links
from digest.delivery.notices.sending import notices_due
from digest.desk.audit import forget_origins
from digest.desk.audit_chain import seal_events
from digest.desk.readers import forget_reader
from digest.desk.sessions import forget_sessions, forget_spent
from digest.heartbeats import beat, is_due
from digest.logs import kept_apart
from digest.models import Issue, IssueState
from digest.newsroom.intake.fetch_history import forget_fetches
from digest.newsroom.intake.fetching_pictures import pictures_due
from digest.newsroom.intake.fetching_sources import sources_due
from digest.newsroom.intake.letting_go import has_something_to_let_go, let_go
from digest.newsroom.intake.withdrawing import pages_to_ask
from digest.newsroom.issues.agenda import keep_agenda
from digest.preflight.watching import issues_to_look_over
from digest.readers.consent.sealing import seal_consents
from digest.readers.data.day_counts import count_days
from digest.readers.data.sweeping import sweep_addresses
from digest.runtime import (
    ASK_PAGES,
    DELIVER_ISSUE,
    FETCH_PICTURES,
    FETCH_SOURCE,
    FOLD_DELIVERIES,
    LET_GO,
    LOOK_AGAIN,
    PREPARE_ISSUE,
    SEND_NOTICES,
    Runtime,
)

ADDRESSES, DESK, FETCHES, LETTING_GO = "addresses", "desk", "fetches", "letting_go"
DAY = timedelta(days=1)


def tick(runtime: Runtime) -> None:
    """Do what takes no time, and ring for the rest. Called once a minute; safe at any time."""
    now = runtime.clock.now()
    with runtime.database.transaction() as session:
        beat(session, "tick", now)
    if _at_home(runtime, now):
        _keep_issues_going(runtime, now)
    with kept_apart("seals"):
        seal_consents(runtime.database, now)
    with kept_apart("audit seals"):
        seal_events(runtime.database, now)
    with kept_apart("addresses"):
        _forget_addresses(runtime, now)
    with kept_apart("desk"):
        _forget_where_users_were(runtime, now)
    with kept_apart("fetches"):
        _forget_fetches(runtime, now)
    with kept_apart("counts"):
        count_days(runtime.database, now)
        count_issues(runtime.database, now)
    with kept_apart("log"):
        runtime.database.clear_log()
    with runtime.database.reading() as session:
        to_prepare = _scheduled_and_due(session, now)
        to_deliver = sweeping.issues_with_work(session)
        notices = notices_due(session, runtime.settings)
        to_fetch = sources_due(session, now)
        pictures = pictures_due(session, now, at_most=1)
        pages = pages_to_ask(session, now)
        to_look_over = issues_to_look_over(session, now)
        old = fold_due(session, now, runtime.settings.keep_months)
        too_old = is_due(session, LETTING_GO, now, DAY) and has_something_to_let_go(session, now)
    for issue_id in to_prepare:
        runtime.bell.ring(PREPARE_ISSUE, issue_id)
    for issue_id in to_deliver:
        runtime.bell.ring(DELIVER_ISSUE, issue_id)
    if notices:
        runtime.bell.ring(SEND_NOTICES)
    for source_id in to_fetch:
        runtime.bell.ring(FETCH_SOURCE, source_id)
    if pictures:
        runtime.bell.ring(FETCH_PICTURES)
    if pages:
        runtime.bell.ring(ASK_PAGES)
    for issue_id in to_look_over:
        runtime.bell.ring(LOOK_AGAIN, issue_id)
    if old:
        runtime.bell.ring(FOLD_DELIVERIES)
    if too_old:
        runtime.bell.ring(LET_GO)


def _at_home(runtime: Runtime, now: datetime) -> bool:
    """Hold what would go out where the database was restored or copied; then return False."""
    with kept_apart("home"):
        if not hold_if_moved(runtime.database, now):
            with runtime.database.transaction() as session:
                home.raise_mark(session)
            return True
    return False


def _keep_issues_going(runtime: Runtime, now: datetime) -> None:
    with kept_apart("leases"), runtime.database.transaction() as session:
        sweeping.sweep_leases(session, final_dot_wait=runtime.settings.final_dot_wait)
        pause_late(session, now, timedelta(hours=runtime.settings.late_hours))
        sweeping.resume_parked(session)
        breaker.resume_for_probe(session, runtime.settings.relay.name)
    with kept_apart("agenda"):
        keep_agenda(runtime.database, now, late=timedelta(hours=runtime.settings.late_hours))


def _forget_addresses(runtime: Runtime, now: datetime) -> None:
    """Once a day, and until nothing is left to forget: it looks at every reader."""
    with runtime.database.reading() as session:
        if not is_due(session, ADDRESSES, now, DAY):
            return
    more = sweep_addresses(
        runtime.database,
        now,
        unconfirmed_days=runtime.settings.keep_unconfirmed_days,
        left_months=runtime.settings.keep_left_months,
        suppression=runtime.suppression,
        forget=forget_reader,
    )
    if not more:
        with runtime.database.transaction() as session:
            beat(session, ADDRESSES, now)


def _forget_where_users_were(runtime: Runtime, now: datetime) -> None:
    """Once a day: sessions that are over, and from where things were done, 90 days later.

    And which challenges passkeys answered.
    """
    with runtime.database.reading() as session:
        if not is_due(session, DESK, now, DAY):
            return
    with runtime.database.transaction() as session:
        forget_sessions(session, now=now)
        forget_spent(session, now=now)
        forget_origins(session, now)
        beat(session, DESK, now)


def _forget_fetches(runtime: Runtime, now: datetime) -> None:
    """Once a day: what is old of the sources' histories."""
    with runtime.database.reading() as session:
        if not is_due(session, FETCHES, now, DAY):
            return
    with runtime.database.transaction() as session:
        forget_fetches(session, now)
        beat(session, FETCHES, now)


def let_go_of_old(runtime: Runtime, go_on: Callable[[], bool]) -> bool:
    """Let go of old bodies and pictures: once a day, and until nothing is left to let go of.

    Return whether that is all.
    """
    now = runtime.clock.now()
    finished = let_go(runtime.database, now=now, go_on=go_on)
    if finished:
        with runtime.database.transaction() as session:
            beat(session, LETTING_GO, now)
    return finished


def links(runtime: Runtime) -> Links:
    """Return what makes readers' links in this installation."""
    settings = runtime.settings
    return Links(runtime.ring, settings.public_url, settings.inbound_domain)


def _scheduled_and_due(session: Session, now: datetime) -> list[int]:
    found = session.execute(
        select(Issue.id).where(Issue.state == IssueState.SCHEDULED, Issue.send_at <= now)
    )
    return list(found.scalars())
