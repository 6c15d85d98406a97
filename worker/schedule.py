"""What beat rings. It is all that beat knows: the calendar itself is in the database."""

from datetime import UTC, datetime, timedelta
from typing import Any

from celery.schedules import schedule

from digest.delivery.relay.deadlines import elapsed
from digest.doorbell import NOTICES, TICK
from digest.settings.loading import Settings

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return Celery's `beat_schedule`: one tick every `settings.tick_seconds`.

    Without `expires`, by which Celery compares the clocks of two machines: where they differ by
    more, no tick would ever be heard. A backlog does no harm (`worker.tasks.Ticker`).
    """
    return {
        "tick": {
            "task": TICK,
            "schedule": schedule(settings.tick_seconds, nowfun=_steady_now),
            "options": {"queue": NOTICES},
        },
    }


def _steady_now() -> datetime:
    """Tell a time that nobody sets: by the wall clock, set back an hour, beat is silent as long."""
    return _BEGINNING + timedelta(seconds=elapsed())
