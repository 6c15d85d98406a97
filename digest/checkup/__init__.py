"""The check-up behind `digest doctor`: what is missing, and how to mend it.

It only reads, and waits for nobody longer than five seconds at a time; but for one mail to itself,
where there is an inbound domain, and for its arrival.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy.orm import Session

from digest.checkup import (
    addresses,
    contents,
    feeding,
    machinery,
    residence,
    returning,
    signatures,
    sizes,
)
from digest.checkup.finding import Finding, Level, within_seconds
from digest.checkup.returning import Echoing
from digest.checkup.surroundings import from_complaints, look_around
from digest.clock import Clock, SystemClock
from digest.database.transactions import Database
from digest.settings.loading import Settings, load_settings, setting_complaints

__all__ = ["Echoing", "Finding", "Level", "check_up", "check_up_with"]

Known = TypeVar("Known")

DATABASE_REMEDY = "Is DATABASE_URL right, and does the database run?"
LOOK_REMEDY = "The database is slow or broken; its own log says more."
RELAY_REMEDY = "Is SMTP_URL right, and does the relay run? Until it answers, mail waits."
SLOW_REMEDY = "The relay or the database is slow: see what is said of them."
BROKER_REMEDY = "Is REDIS_URL right, and does Redis run? Until it answers, mail waits."

CONTENTS: dict[str, Callable[[Session, datetime], Iterable[Finding]]] = {
    "home": residence.look_at_home,
    "newsletters": contents.look_at_paper,
    "time zones": contents.look_at_zones,
    "sources": contents.look_at_sources,
    "feeding": feeding.look_at_feeding,
    "issues": contents.look_at_issues,
    "notices": contents.look_at_notices,
    "deliveries": contents.look_at_doubt,
    "sums": contents.look_at_sums,
    "sizes": sizes.look_at_sizes,
}


def check_up(clock: Clock | None = None, echoing: Echoing | None = None) -> Iterator[Finding]:
    """Look at everything in turn, and yield what is found as it is found.

    `echoing`: how the mail to itself is sent and waited for.
    """
    complaints = setting_complaints()
    if complaints:
        yield from from_complaints(complaints)
        return
    yield from check_up_with(load_settings(), clock or SystemClock(), echoing or Echoing())


def check_up_with(settings: Settings, clock: Clock, echoing: Echoing) -> Iterator[Finding]:
    """Look at everything under settings that are known to be readable."""
    yield from look_around(settings, os.environ)
    yield from within_seconds("broker", lambda: machinery.look_at_broker(settings), BROKER_REMEDY)
    yield from within_seconds("relay", lambda: machinery.look_at_relay(settings), RELAY_REMEDY)
    missing = machinery.database_is_there(settings)
    if missing is not None:
        yield missing
        return
    database = Database(settings.database_url)
    try:
        yield from _look_into(database, settings, clock, echoing)
    finally:
        database.dispose()


def _look_into(
    database: Database, settings: Settings, clock: Clock, echoing: Echoing
) -> Iterator[Finding]:
    found = within_seconds(
        "database",
        lambda: machinery.look_at_database(database, settings, clock),
        DATABASE_REMEDY,
    )
    yield from found
    if any(each.check == "database" and each.level is Level.FAILURE for each in found):
        return
    now = clock.now()
    yield from within_seconds(
        "beat", lambda: machinery.look_at_beat(database, settings, now), LOOK_REMEDY
    )
    yield from within_seconds(
        "breaker",
        lambda: _read(database, contents.look_at_breaker, settings.relay.name),
        LOOK_REMEDY,
    )
    yield from within_seconds(
        "relay's habits",
        lambda: _read(database, contents.look_at_habits, settings.relay.name),
        LOOK_REMEDY,
    )
    if (domain := settings.inbound_domain) is not None:
        yield from within_seconds(
            returning.CHECK,
            lambda: returning.look_at_returning_mail(database, settings, domain, echoing),
            SLOW_REMEDY,
            seconds=echoing.seconds_at_most,
        )
    yield from within_seconds(
        signatures.CHECK,
        lambda: _read(
            database, signatures.look_at_signatures, (settings.relay_signs, settings.keys)
        ),
        LOOK_REMEDY,
    )
    yield from within_seconds(
        "addresses",
        lambda: _read(database, addresses.look_at_addresses, (settings.disposable, now)),
        LOOK_REMEDY,
    )
    for check, look in CONTENTS.items():
        yield from within_seconds(check, partial(_read, database, look, now), LOOK_REMEDY)


def _read(
    database: Database, look: Callable[[Session, Known], Iterable[Finding]], known: Known
) -> list[Finding]:
    with database.reading() as session:
        return list(look(session, known))
