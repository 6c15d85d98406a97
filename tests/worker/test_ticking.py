"""The tick: it is rung when a clock is set back, and heard by another that is an hour ahead."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from celery.worker.request import Request
from sqlalchemy import select

from digest.cli.demo import demo_settings
from digest.clock import FixedClock
from digest.doorbell import CeleryBell
from digest.models import Heartbeat
from digest.runtime import NOTICES, TICK, Runtime, open_runtime
from tests.factories import NOW
from tests.journeys.formation import wait_until
from tests.migrated import put_database
from tests.worker.test_fetching import RecordingBell
from worker.app import make_app
from worker.embedded import EmbeddedWorkers

HOUR = timedelta(hours=1)


@pytest.fixture
def bell() -> RecordingBell:
    return RecordingBell()


@pytest.fixture
def runtime(tmp_path: Path, bell: RecordingBell) -> Iterator[Runtime]:
    settings = replace(demo_settings(tmp_path, 8000, 1), tick_seconds=0.2)
    put_database(settings.database_url)
    runtime = open_runtime(settings, clock=FixedClock(NOW), bell=bell)
    yield runtime
    runtime.close()


def test_it_rings_on_when_the_clock_is_set_back_an_hour(
    runtime: Runtime, bell: RecordingBell
) -> None:
    workers = EmbeddedWorkers(runtime)
    with time_machine.travel(HOUR):
        workers.start()
        wait_until(lambda: bell.rung.count((TICK, ())) >= 2, "it rings")
    before = len(bell.rung)
    try:
        wait_until(lambda: len(bell.rung) >= before + 2, "it rings on", 10)
    finally:
        assert workers.stop(30)


def test_a_worker_whose_clock_is_an_hour_ahead_hears_the_tick(runtime: Runtime) -> None:
    app = make_app(runtime.settings, runtime)
    with app.connection_for_read() as connection:
        # The memory broker is the whole process's: an earlier test may have left something.
        queue = connection.SimpleQueue(NOTICES)
        queue.clear()
        CeleryBell(runtime.settings).ring(TICK)
        message = queue.get(timeout=3)
    with time_machine.travel(HOUR):
        request = Request(message, app=app, hostname="elsewhere", task=app.tasks[TICK])
        assert not request.revoked(), "no tick would ever be heard"
    app.close()


def test_ticks_that_piled_up_are_one_ticks_work(runtime: Runtime) -> None:
    runtime.settings = replace(runtime.settings, tick_seconds=60.0)
    app = make_app(runtime.settings, runtime)
    clock = runtime.clock
    assert isinstance(clock, FixedClock)
    for _ in range(5):
        app.tasks[TICK]()
        clock.advance(HOUR)
    app.close()
    with runtime.database.reading() as session:
        ticked = select(Heartbeat.at).where(Heartbeat.name == "tick")
        assert session.scalars(ticked).all() == [NOW]
