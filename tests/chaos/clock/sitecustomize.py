"""Python imports this by itself at start: makes the process's clock follow the file CHAOS_CLOCK.

The file holds seconds by which the wall clock is off, for this process alone: the database keeps
its own, and so do the clocks that nobody can set (monotonic, boot time). It may change at any
time, and is followed across forks.
"""

import os
import threading
import time
from datetime import timedelta
from pathlib import Path

LOOKS_EVERY = 0.1


def start_following(path: Path) -> None:
    threading.Thread(target=_follow, args=(path,), name="chaos-clock", daemon=True).start()


def _follow(path: Path) -> None:
    # Imported late: most processes never need it.
    traveller = None
    was = 0.0
    while True:
        off = float(path.read_text() or was)
        if off != was:
            import time_machine

            if traveller is not None:
                traveller.stop()
            traveller = time_machine.travel(timedelta(seconds=off), tick=True) if off else None
            if traveller is not None:
                traveller.start()
            was = off
        time.sleep(LOOKS_EVERY)


if "CHAOS_CLOCK" in os.environ:
    followed = Path(os.environ["CHAOS_CLOCK"])
    start_following(followed)
    os.register_at_fork(after_in_child=lambda: start_following(followed))
