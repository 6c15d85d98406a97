"""Notices: one mail to one person, from a table and a queue of their own.

The same ideas as the ledger's: claimed by a conditional statement with a lease, retried by
`next_attempt_at`. What is in doubt is sent again, under the same Message-ID, once its lease and
the final dot's time are over, and ever later: a confirmation that never comes is worse than one
that comes twice, and one that comes for ever is worse than both.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.delivery.ledger import breaker
from digest.delivery.messages import Links
from digest.delivery.notices import queue
from digest.delivery.notices.capacity import note_rate
from digest.delivery.notices.clerk import Clerk, Task
from digest.delivery.relay.deadlines import elapsed
from digest.delivery.relay.pacing import Pace, open_pace
from digest.delivery.signing.signatory import Signatory
from digest.settings.loading import Settings

# The tick comes to this worker as well, once a minute: after so long it gets its turn.
LONGEST_SECONDS = 20.0


def send_notices(
    database: Database,
    *,
    settings: Settings,
    links: Links,
    stopping: threading.Event,
    signatory: Signatory | None = None,
    pace: Pace | None = None,
    ring_issue: Callable[[int], None] = lambda _: None,
    ring_again: Callable[[], None] = lambda: None,
) -> int:
    """Send every notice that is due. Return how many the relay accepted.

    `signatory`: signs them. `pace`: shared by all threads of a process. `ring_issue` is called for
    the issues that may go on, where the relay turns out to be there again; `ring_again` where some
    were left over.
    """
    admitted = _admitted(database, settings)
    if admitted is None:
        return 0
    # Writers of SQLite wait for one another.
    connections = 1 if database.is_sqlite else settings.notice_connections
    task = Task(
        database=database,
        settings=settings,
        links=links,
        signatory=signatory,
        stopping=stopping,
        pace=pace or open_pace(settings),
        # Of all connections together: so many may be in doubt when the process is killed.
        window_size=max(1, settings.window_size // connections),
        until=elapsed() + settings.slice_seconds,
        latest=elapsed() + max(LONGEST_SECONDS, settings.slice_seconds),
    )
    clerks = _send(task, admitted.probe, connections)
    accepted = sum(clerk.accepted for clerk in clerks)
    note_rate(database, settings.relay.name, [clerk.at_speed for clerk in clerks])
    if not all(clerk.is_done for clerk in clerks):
        ring_again()
    for clerk in clerks:
        for issue_id in clerk.resumed:
            ring_issue(issue_id)
    return accepted


def notices_due(session: Session, settings: Settings) -> bool:
    """Say whether `send_notices` would find work."""
    return queue.is_due(session, settings)


def _admitted(database: Database, settings: Settings) -> breaker.Admission | None:
    """Return leave to call the relay; None where there is nothing to call it for, or it is down."""
    with database.transaction() as session:
        if not notices_due(session, settings):
            return None
        admitted = breaker.admit(
            session,
            settings.relay.name,
            lease_seconds=settings.lease_seconds,
            patience=queue.AWAY_SECONDS / 2,
        )
        if admitted is None:
            queue.put_off(session)
        return admitted


def _send(task: Task, probe: bytes | None, connections: int) -> list[Clerk]:
    """Send by one connection, and by another for each full window, up to so many."""
    others: list[Future[Clerk]] = []
    with ThreadPoolExecutor(max_workers=connections) as threads:

        def add_one() -> None:
            if len(others) < connections - 1:
                others.append(threads.submit(_send_by_one, task))

        first = _send_by_one(task, probe, add_one, is_first=True)
    return [first, *(each.result() for each in others)]


def _send_by_one(
    task: Task,
    probe: bytes | None = None,
    on_full_window: Callable[[], None] = lambda: None,
    *,
    is_first: bool = False,
) -> Clerk:
    with task.database.held() as held:
        clerk = Clerk(task, held, probe, on_full_window, is_first=is_first)
        clerk.run()
    return clerk
