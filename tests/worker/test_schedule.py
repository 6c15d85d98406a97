"""Beat's ticks when clocks are wrong: set back, or another machine's an hour ahead."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from celery import Celery
from celery.beat import Scheduler
from celery.worker.request import Request
from sqlalchemy import select

from digest.cli.demo import demo_settings
from digest.clock import FixedClock
from digest.models import Heartbeat
from digest.runtime import NOTICES, TICK, Runtime, open_runtime
from tests.factories import NOW
from tests.migrated import put_database
from tests.worker.test_fetching import RecordingBell
from worker.app import make_app

HOUR = timedelta(hours=1)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    settings = replace(demo_settings(tmp_path, 8000, 1), tick_seconds=0.2)
    put_database(settings.database_url)
    runtime = open_runtime(settings, clock=FixedClock(NOW), bell=RecordingBell())
    yield runtime
    runtime.close()


@pytest.fixture
def app(runtime: Runtime) -> Iterator[Celery]:
    app = make_app(runtime.settings, runtime)
    with app.connection_for_write() as connection:
        # The memory broker is the whole process's: an earlier test may have left something.
        connection.SimpleQueue(NOTICES).clear()
    yield app
    app.close()


def next_tick(app: Celery, beat: Scheduler) -> Any:
    """Return the message of the next tick, as a worker would get it; None if none comes."""
    until = time.monotonic() + 3
    with app.connection_for_read() as connection:
        queue = connection.SimpleQueue(NOTICES)
        while time.monotonic() < until:
            time.sleep(min(max(beat.tick(), 0.0), 0.05))
            try:
                return queue.get_nowait()
            except queue.Empty:
                continue
    return None


def test_beat_rings_on_when_the_clock_is_set_back_an_hour(app: Celery) -> None:
    with time_machine.travel(HOUR):
        beat = Scheduler(app=app)
        assert next_tick(app, beat) is not None
    assert next_tick(app, beat) is not None, "beat would be silent for an hour"


def test_a_worker_whose_clock_is_an_hour_ahead_hears_the_tick(app: Celery) -> None:
    message = next_tick(app, Scheduler(app=app))
    with time_machine.travel(HOUR):
        request = Request(message, app=app, hostname="elsewhere", task=app.tasks[TICK])
        assert not request.revoked(), "no tick would ever be heard"


def test_ticks_that_piled_up_are_one_ticks_work(app: Celery, runtime: Runtime) -> None:
    runtime.settings = replace(runtime.settings, tick_seconds=60.0)
    clock = runtime.clock
    assert isinstance(clock, FixedClock)
    for _ in range(5):
        app.tasks[TICK]()
        clock.advance(HOUR)
    with runtime.database.reading() as session:
        ticked = select(Heartbeat.at).where(Heartbeat.name == "tick")
        assert session.scalars(ticked).all() == [NOW]
