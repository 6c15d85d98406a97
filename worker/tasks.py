"""The tasks. Each opens the runtime and calls one function; each may be lost, repeated, or late."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from celery import Celery

from digest import tick as calendar
from digest.delivery.ledger.freezing import prepare
from digest.delivery.ledger.retention import fold_deliveries
from digest.delivery.notices.sending import send_notices
from digest.delivery.relay.deadlines import elapsed
from digest.delivery.sending import HANDS, deliver_issue
from digest.logs import get_logger
from digest.newsroom.intake.fetching_pictures import fetch_pictures
from digest.newsroom.intake.fetching_sources import fetch_source, open_fetcher
from digest.newsroom.intake.withdrawing import ask_pages
from digest.preflight.clearing import hold_back
from digest.preflight.watching import look_again
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
    TICK,
    Runtime,
)

log = get_logger(__name__)


def register(app: Celery, runtime_of_process: Callable[[], Runtime]) -> None:
    """Give `app` its tasks, by the names that are rung."""

    ticker = Ticker()

    @app.task(name=TICK, shared=False)
    def _tick() -> None:
        ticker.tick(runtime_of_process())

    @app.task(name=PREPARE_ISSUE, shared=False)
    def _prepare_issue(issue_id: int) -> None:
        runtime = runtime_of_process()
        frozen = prepare(
            runtime.database,
            issue_id,
            now=runtime.clock.now(),
            late=timedelta(hours=runtime.settings.late_hours),
            public_url=runtime.settings.public_url,
            inbound_domain=runtime.settings.inbound_domain,
            check=partial(hold_back, public_url=runtime.settings.public_url),
        )
        if frozen:
            for _ in range(HANDS):
                runtime.bell.ring(DELIVER_ISSUE, issue_id)

    @app.task(name=DELIVER_ISSUE, shared=False)
    def _deliver_issue(issue_id: int) -> None:
        runtime = runtime_of_process()
        more = deliver_issue(
            runtime.database,
            issue_id,
            settings=runtime.settings,
            links=calendar.links(runtime),
            signatory=runtime.signatory,
            clock=runtime.clock,
            stopping=runtime.stopping,
            pace=runtime.pace,
            ring=partial(runtime.bell.ring, DELIVER_ISSUE),
        )
        if more:
            runtime.bell.ring(DELIVER_ISSUE, issue_id)

    @app.task(name=SEND_NOTICES, shared=False)
    def _send_notices() -> None:
        runtime = runtime_of_process()
        send_notices(
            runtime.database,
            settings=runtime.settings,
            links=calendar.links(runtime),
            signatory=runtime.signatory,
            stopping=runtime.stopping,
            pace=runtime.pace,
            ring_issue=partial(runtime.bell.ring, DELIVER_ISSUE),
            ring_again=partial(runtime.bell.ring, SEND_NOTICES),
        )

    @app.task(name=FETCH_SOURCE, shared=False)
    def _fetch_source(source_id: int) -> None:
        runtime = runtime_of_process()
        fetched = fetch_source(
            runtime.database,
            source_id,
            fetcher=open_fetcher(runtime.database, runtime.settings),
            now=runtime.clock.now(),
            every=timedelta(minutes=runtime.settings.source_minutes),
        )
        if fetched is None:
            return
        if fetched.error is not None:
            log.warning("source not fetched", source=source_id, error=fetched.error)
        if fetched.added + fetched.changed:
            runtime.bell.ring(FETCH_PICTURES)

    @app.task(name=FETCH_PICTURES, shared=False)
    def _fetch_pictures() -> None:
        runtime = runtime_of_process()
        stop_at = time.monotonic() + runtime.settings.slice_seconds
        finished = fetch_pictures(
            runtime.database,
            fetcher=open_fetcher(runtime.database, runtime.settings),
            now=runtime.clock.now(),
            go_on=lambda: time.monotonic() < stop_at and not runtime.stopping.is_set(),
        )
        if not finished and not runtime.stopping.is_set():
            runtime.bell.ring(FETCH_PICTURES)

    @app.task(name=FOLD_DELIVERIES, shared=False)
    def _fold_deliveries() -> None:
        runtime = runtime_of_process()
        stop_at = time.monotonic() + runtime.settings.slice_seconds
        fold_deliveries(
            runtime.database,
            now=runtime.clock.now(),
            months=runtime.settings.keep_months,
            go_on=lambda: time.monotonic() < stop_at and not runtime.stopping.is_set(),
        )

    @app.task(name=ASK_PAGES, shared=False)
    def _ask_pages() -> None:
        runtime = runtime_of_process()
        stop_at = time.monotonic() + runtime.settings.slice_seconds
        finished = ask_pages(
            runtime.database,
            fetcher=open_fetcher(runtime.database, runtime.settings),
            clock=runtime.clock.now,
            go_on=lambda: time.monotonic() < stop_at and not runtime.stopping.is_set(),
        )
        if not finished and not runtime.stopping.is_set():
            runtime.bell.ring(ASK_PAGES)

    @app.task(name=LOOK_AGAIN, shared=False)
    def _look_again(issue_id: int) -> None:
        runtime = runtime_of_process()
        look_again(
            runtime.database,
            issue_id,
            fetcher=open_fetcher(runtime.database, runtime.settings),
            public_url=runtime.settings.public_url,
            now=runtime.clock.now(),
        )

    @app.task(name=LET_GO, shared=False)
    def _let_go() -> None:
        runtime = runtime_of_process()
        stop_at = time.monotonic() + runtime.settings.slice_seconds
        finished = calendar.let_go_of_old(
            runtime, lambda: time.monotonic() < stop_at and not runtime.stopping.is_set()
        )
        if not finished and not runtime.stopping.is_set():
            runtime.bell.ring(LET_GO)


class Ticker:
    """Ticks, unless this process did within half of the time between two ticks.

    Those that piled up while no worker was there, and those that another rang, are one tick's work.
    """

    def __init__(self) -> None:
        self._done_at: float | None = None

    def tick(self, runtime: Runtime) -> None:
        now = elapsed()
        pause = runtime.settings.tick_seconds / 2
        if self._done_at is not None and now - self._done_at < pause:
            return
        calendar.tick(runtime)
        self._done_at = now
