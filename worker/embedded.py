"""The workers in threads of one process: what `digest run` and `digest demo` run on."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from celery import Celery
from celery.concurrency.thread import TaskPool
from celery.worker import state
from celery.worker.worker import WorkController

from digest.logs import get_logger
from digest.newsroom.intake.reading_child.asking import end_reading_child
from digest.runtime import BULK, FEEDS, NOTICES, Runtime
from worker.app import make_app

# The threads that work at once on each queue. Notices have a worker of their own: never behind
# a bulk send, and a send never behind a slow feed. SQLite has one writer at a time, so more would
# only wait.
CONCURRENCY = {BULK: 2, NOTICES: 1, FEEDS: 1}
START_SECONDS = 30.0
WAKE = "worker.embedded.wake"

log = get_logger(__name__)


class EmbeddedWorkers:
    """A worker for each queue. One at a time in a process: Celery's stop is for all."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        # An app for each worker: the queues to consume from are chosen per app.
        self._workers = [_Worker(runtime, queue) for queue in CONCURRENCY]
        self._for_new_sockets = socket.getdefaulttimeout()

    def start(self) -> None:
        """Start all, and wait until they listen.

        Raises:
            TimeoutError: a worker did not come up.
        """
        # Left over where an earlier set in this process was not stopped.
        state.should_stop = None
        for worker in self._workers:
            worker.thread.start()
        for worker in self._workers:
            if not worker.ready.wait(START_SECONDS):
                raise TimeoutError(f"the worker for {worker.queue} did not start")

    @property
    def alive(self) -> bool:
        """Whether every part still runs."""
        return all(worker.thread.is_alive() for worker in self._workers)

    def stop(self, timeout_seconds: float) -> bool:
        """Take no more work, let what runs finish, and return whether it did in that time.

        May be called again where it did not.
        """
        deadline = time.monotonic() + timeout_seconds
        self._runtime.stopping.set()
        # Celery's own word for it (celery.contrib.testing does the same): each worker's loop
        # sees it and shuts down in its own thread, once its pool is idle.
        state.should_stop = 0  # type: ignore[assignment]  # an exit code
        for worker in self._workers:
            worker.wake()
        threads = [worker.thread for worker in self._workers]
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        finished = not any(thread.is_alive() for thread in threads)
        if finished:
            end_reading_child()
            # Each worker sets this process's timeout for new sockets while it shuts down, and puts
            # back what it found: side by side, one puts back another's.
            socket.setdefaulttimeout(self._for_new_sockets)
            state.should_stop = None
            for worker in self._workers:
                worker.app.close()
        return finished


class _Worker:
    """One WorkController with a pool of threads, run in a thread."""

    def __init__(self, runtime: Runtime, queue: str) -> None:
        self.queue = queue
        self.ready = threading.Event()
        self.app: Celery = make_app(runtime.settings, runtime)
        self.app.task(name=WAKE, shared=False)(_nothing)
        self._controller = WorkController(
            app=self.app,
            hostname=f"{queue}@embedded",
            queues=[queue],
            pool_cls=_Threads,
            concurrency=CONCURRENCY[queue],
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
            ready_callback=lambda _: self.ready.set(),
        )
        self.thread = threading.Thread(target=self._controller.start, name=f"worker-{queue}")

    def wake(self) -> None:
        """End the waits for a message that lie between the word to stop and the stop."""
        for _ in range(2):
            self.app.send_task(WAKE, queue=self.queue, ignore_result=True)


class _Threads(TaskPool):
    """Celery's pool of threads, with its app told to each: there is no current one in them."""

    def on_apply(self, target: Callable[..., Any], *args: Any, **options: Any) -> Any:
        result = super().on_apply(partial(target, app=self.app), *args, **options)
        result.f.add_done_callback(_tell_of_failure)
        return result


def _tell_of_failure(done: "Future[Any]") -> None:
    # A task's own failure is Celery's to log; this is for what went wrong around it.
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("a task could not be run", exc_info=error)


def _nothing() -> None:
    """Do nothing, but as a task."""
