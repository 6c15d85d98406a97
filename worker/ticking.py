"""The worker for notices rings the tick. It is all that it knows: the calendar is in the database.

It is the one that hears it, too: where none runs, nobody would have listened to another's ring. Of
two, each rings, and one tick's work is done (`worker.tasks.Ticker`).
"""

from typing import Any

from celery import bootsteps

from digest.doorbell import NOTICES, TICK, Bell


def ticking(bell: Bell, seconds: float) -> type[bootsteps.StartStopStep]:
    """Return a step of Celery's consumer that rings at its start, and so often from then on.

    By a clock that nobody sets, as Celery's timers are. A tick does not expire: Celery would
    compare the clocks of two machines, and where they differ by more, none would ever be heard.
    """

    class Ticking(bootsteps.StartStopStep):
        requires = ("celery.worker.consumer.tasks:Tasks",)
        _timer: Any = None

        def start(self, parent: Any) -> None:
            if NOTICES not in parent.app.amqp.queues.consume_from:
                return
            # At once, too: each time that the broker was lost, the timer begins anew.
            bell.ring(TICK)
            self._timer = parent.timer.call_repeatedly(seconds, bell.ring, (TICK,))

        def stop(self, parent: Any) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        terminate = stop

    return Ticking
