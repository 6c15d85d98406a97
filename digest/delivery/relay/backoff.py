"""When to try again: the one retry rule of deliveries and notices (RFC 5321 4.5.4.1)."""

import random
from datetime import timedelta

# Quick at first, for greylisting and passing load; then rarely, as the RFC asks.
STEPS_MINUTES = (2, 5, 15, 30, 60, 120, 240)
GIVE_UP_AFTER = timedelta(hours=48)
# A row that waited out its 48 hours in a paused issue is not given up at the first greylisting.
TRIES_AT_LEAST = 4
JITTER = 0.2


def wait_before(attempt: int, draw: random.Random | None = None) -> float:
    """Return the seconds to wait after the `attempt`th failure, counted from 1, with jitter."""
    minutes = STEPS_MINUTES[min(max(attempt, 1), len(STEPS_MINUTES)) - 1]
    return with_jitter(minutes * 60, draw)


def with_jitter(seconds: float, draw: random.Random | None = None) -> float:
    """Return a wait that is up to a fifth longer or shorter: so that not all come back at once."""
    return seconds * (draw or random).uniform(1 - JITTER, 1 + JITTER)
