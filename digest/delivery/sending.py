"""A worker's part in sending an issue: a task that works for a while, by several connections."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

from digest.addresses import AddressError
from digest.clock import Clock
from digest.database.transactions import Database
from digest.delivery.controls.pausing import withdraw_rows
from digest.delivery.ledger import breaker, claiming, relays
from digest.delivery.ledger.lateness import pause_if_late
from digest.delivery.messages import Links, Mailing, load_mailing
from digest.delivery.relay.deadlines import elapsed
from digest.delivery.relay.habits import Habits
from digest.delivery.relay.pacing import Pace, open_pace
from digest.delivery.rendering.slots import StencilError
from digest.delivery.sender import HANDS, REFUSED_SECONDS, Halt, Sender, Task, park
from digest.delivery.signing.signatory import Signatory, SigningError
from digest.delivery.windows import open_windows
from digest.settings.loading import Settings

__all__ = ["HANDS", "deliver_issue"]


def deliver_issue(
    database: Database,
    issue_id: int,
    *,
    settings: Settings,
    links: Links,
    clock: Clock,
    stopping: threading.Event,
    signatory: Signatory | None = None,
    pace: Pace | None = None,
    ring: Callable[[int], None] = lambda _: None,
) -> bool:
    """Send what is due of an issue, for at most about `settings.slice_seconds`.

    Return whether there is more to do now. Safe to run in any number of workers at once. What is
    left of a cancelled issue is withdrawn instead. `signatory`: signs its mail. `pace`: shared by
    all threads of a process. `ring` asks for a worker for an issue, where the relay turns out to be
    there again.
    """
    until = elapsed() + settings.slice_seconds
    started = _start(database, issue_id, settings, clock.now(), signatory)
    if started is None:
        return withdraw_rows(
            database, issue_id, go_on=lambda: elapsed() < until and not stopping.is_set()
        )
    mailing, admitted, habits = started
    # Writers of SQLite wait for one another.
    connections = 1 if database.is_sqlite or admitted.probe else settings.connections
    task = Task(
        database=database,
        mailing=mailing,
        settings=settings,
        links=links,
        signatory=signatory,
        clock=clock,
        stopping=stopping,
        pace=pace or open_pace(settings),
        ring=ring,
        # Of all connections together: so many rows may be in doubt when the process is killed.
        window_size=max(1, settings.window_size // connections),
        until=until,
        habits=habits,
    )
    return _send(task, admitted.probe, connections)


def _send(task: Task, probe: bytes | None, connections: int) -> bool:
    """Send by one connection, and by another for each full window, up to so many."""
    others: list[Future[bool]] = []
    with ThreadPoolExecutor(max_workers=connections) as threads:

        def add_one() -> None:
            if len(others) < connections - 1:
                others.append(threads.submit(_send_by_one, task))

        more = _send_by_one(task, probe, add_one)
    return any([more, *(each.result() for each in others)])


def _send_by_one(
    task: Task, probe: bytes | None = None, on_full_window: Callable[[], None] = lambda: None
) -> bool:
    with task.database.held() as held:
        windows = open_windows(held, task.mailing, task.settings, task.clock)
        return Sender(task, windows, probe, on_full_window).run()


def _start(
    database: Database,
    issue_id: int,
    settings: Settings,
    now: datetime,
    signatory: Signatory | None,
) -> tuple[Mailing, breaker.Admission, Habits] | None:
    relay = settings.relay.name
    try:
        with database.transaction() as session:
            if pause_if_late(session, issue_id, now, timedelta(hours=settings.late_hours)):
                return None
            if not claiming.start_sending(session, issue_id):
                return None
            mailing = load_mailing(session, issue_id, signatory)
            admitted = breaker.admit(session, relay, lease_seconds=settings.lease_seconds)
            habits = relays.habits_of(session, relay)
        return (mailing, admitted, habits) if admitted else None
    except (StencilError, AddressError, SigningError) as error:
        halt = Halt(f"This issue's messages cannot be made: {error}", REFUSED_SECONDS)
        with database.transaction() as session:
            claiming.start_sending(session, issue_id)
            park(session, issue_id, halt)
        return None
