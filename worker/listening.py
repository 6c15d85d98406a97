"""A worker that has stopped listening to the broker, and is made to call it again.

An acknowledgement that is lost while the broker is away counts as outstanding for good. With as
many of them as a worker may hold messages it asks the broker for no more, does not see that its
connection is gone either, and waits for ever (celery/celery#8091 tells of such). The tick finds
the work, but nobody would hear it ring.
"""

from typing import Any

from celery import bootsteps
from celery.worker import state

from digest.logs import get_logger

LOOK_SECONDS = 2.0
# A look may fall between a task's end and its acknowledgement.
LOOKS = 3

log = get_logger(__name__)


class Listening(bootsteps.StartStopStep):
    """A step of Celery's consumer: looks now and then, in its own loop, whether it is deaf."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._deaf = 0
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        """Begin to look."""
        self._deaf = 0
        self._timer = parent.timer.call_repeatedly(LOOK_SECONDS, self._look, (parent,))

    def stop(self, parent: Any) -> None:
        """Look no more: the consumer ends, or begins anew."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    terminate = stop

    def _look(self, consumer: Any) -> None:
        channel = getattr(consumer.task_consumer, "channel", None)
        if channel is None or state.reserved_requests or channel.qos.can_consume():
            self._deaf = 0
            return
        self._deaf += 1
        if self._deaf >= LOOKS:
            log.warning("the broker was not listened to any more: it is called again")
            # Late: one process for all has no Redis.
            from redis.exceptions import ConnectionError as BrokerGoneError

            # What the consumer takes for a lost connection, and mends as one.
            raise BrokerGoneError("acknowledgements were lost with an earlier connection")
