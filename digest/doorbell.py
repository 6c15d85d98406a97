"""The doorbell: what is rung, and Celery as all of our processes know it. Nothing is opened."""

import time
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from digest.logs import get_logger
from digest.settings.loading import Settings

if TYPE_CHECKING:
    from celery import Celery

log = get_logger(__name__)

SILENT_SECONDS = 15

BULK, NOTICES, FEEDS = "bulk", "notices", "feeds"
TICK = "worker.tasks.tick"
PREPARE_ISSUE = "worker.tasks.prepare_issue"
DELIVER_ISSUE = "worker.tasks.deliver_issue"
SEND_NOTICES = "worker.tasks.send_notices"
FETCH_SOURCE = "worker.tasks.fetch_source"
FETCH_PICTURES = "worker.tasks.fetch_pictures"
FOLD_DELIVERIES = "worker.tasks.fold_deliveries"
ASK_PAGES = "worker.tasks.ask_pages"
LET_GO = "worker.tasks.let_go"
LOOK_AGAIN = "worker.tasks.look_again"


class Bell(Protocol):
    """The doorbell: says that there may be work. It may fail, be late, or ring twice."""

    def ring(self, task: str, *ids: int) -> None:
        """Ask for `task` to be run soon. Never raises: the next tick finds the work anyway."""
        ...


def celery_app(settings: Settings) -> "Celery":
    """Return Celery as every process of ours configures it: a doorbell without results."""
    # Late, here and below: most commands never ring, and should not wait for it.
    from celery import Celery

    embedded = settings.embedded
    # A host that means nothing: kombu warns at each connection that has none.
    broker = "memory://localhost/" if embedded else settings.redis_url
    app = Celery("digest", broker=broker, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_default_queue=BULK,
        task_routes={
            TICK: {"queue": NOTICES},
            SEND_NOTICES: {"queue": NOTICES},
            FETCH_SOURCE: {"queue": FEEDS},
            FETCH_PICTURES: {"queue": FEEDS},
            FOLD_DELIVERIES: {"queue": FEEDS},
            ASK_PAGES: {"queue": FEEDS},
            LET_GO: {"queue": FEEDS},
            LOOK_AGAIN: {"queue": FEEDS},
        },
        task_publish_retry=False,
        task_serializer="json",
        accept_content=["json"],
        timezone="UTC",
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=2,
        # memory:// looks for work once a second by default, which loses half of the throughput.
        broker_transport_options={"polling_interval": 0.02}
        if embedded
        else {
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
            "socket_keepalive": True,
            "global_keyprefix": f"{settings.redis_prefix}:",
        },
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
    )
    return app


class CeleryBell:
    """Rings by sending a Celery task by its name.

    `silent_seconds`: how long it is left alone after the broker was found away. Finding out takes
    seconds, which the next reader should not wait as well.
    """

    def __init__(self, settings: Settings, *, silent_seconds: float = SILENT_SECONDS) -> None:
        self._settings = settings
        self._silent_seconds = silent_seconds
        self._silent_until = 0.0

    @cached_property
    def _app(self) -> "Celery":
        return celery_app(self._settings)

    def ring(self, task: str, *ids: int) -> None:
        if time.monotonic() < self._silent_until:
            return
        from kombu.exceptions import OperationalError as BrokerError

        away: tuple[type[Exception], ...] = (BrokerError, OSError)
        if not self._settings.embedded:
            from redis.exceptions import RedisError

            away += (RedisError,)
        try:
            self._app.send_task(task, args=list(ids), retry=False, ignore_result=True)
        except away as error:
            self._silent_until = time.monotonic() + self._silent_seconds
            log.warning("bell not heard: the next tick will find the work", error=repr(error))
