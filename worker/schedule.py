"""What beat rings. It is all that beat knows: the calendar itself is in the database."""

from typing import Any

from digest.runtime import NOTICES, TICK
from digest.settings import Settings


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return Celery's `beat_schedule`: one tick every `settings.tick_seconds`."""
    return {
        "tick": {
            "task": TICK,
            "schedule": settings.tick_seconds,
            # A tick that waited is worth no more than the next one.
            "options": {"queue": NOTICES, "expires": settings.tick_seconds},
        },
    }
