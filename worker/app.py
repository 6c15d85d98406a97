"""The Celery application: `celery --app worker.app worker`, or made by `digest run` in its process.

A worker of its own opens its runtime in each process that does work, after the fork: engines and
their connections must never be shared between processes.
"""

import threading
from typing import TYPE_CHECKING, Any

from celery import Celery, signals

from digest.doorbell import CeleryBell, celery_app
from digest.logs import set_up_logging
from digest.settings.loading import Settings, load_settings
from worker.listening import Listening
from worker.ticking import ticking

if TYPE_CHECKING:
    from digest.runtime import Runtime


def make_app(settings: Settings, runtime: "Runtime | None" = None) -> Celery:
    """Return the app with its tasks. They use `runtime` if given, else open one per process."""
    app = _app_without_tasks(settings, runtime)
    _register(app, settings, runtime)
    return app


def _app_without_tasks(settings: Settings, runtime: "Runtime | None" = None) -> Celery:
    app = celery_app(settings)
    if not settings.embedded:
        # It has Redis's transport loaded.
        from worker.foreign import read_on_behind_what_is_foreign

        read_on_behind_what_is_foreign()
    bell = runtime.bell if runtime else CeleryBell(settings)
    app.steps["consumer"].update((Listening, ticking(bell, settings.tick_seconds)))
    return app


def _register(app: Celery, settings: Settings, runtime: "Runtime | None" = None) -> None:
    # Late, here and below: what asks for no tasks does without the tables.
    from worker.tasks import register

    register(app, RuntimeOfProcess(settings, runtime))


class RuntimeOfProcess:
    """Opens the runtime when a task first needs it, once per process."""

    def __init__(self, settings: Settings, runtime: "Runtime | None") -> None:
        self._settings = settings
        self._runtime = runtime
        self._lock = threading.Lock()
        if runtime is None:
            # A pool's process says the one, and a worker that does its tasks itself the other.
            signals.worker_process_shutdown.connect(self._close)
            signals.worker_shutdown.connect(self._close)

    def __call__(self) -> "Runtime":
        from digest.runtime import open_runtime

        with self._lock:
            if self._runtime is None:
                self._runtime = open_runtime(self._settings)
            return self._runtime

    def _close(self, **_: Any) -> None:
        from digest.newsroom.intake.reading_child.asking import end_reading_child

        end_reading_child()
        if self._runtime is not None:
            self._runtime.close()


def _on_setup_logging(**_: Any) -> None:
    # Connected, so that Celery leaves logging to us: its own format would show tasks' arguments.
    set_up_logging(_settings.log_format)


def _on_celeryd_init(**_: Any) -> None:
    _register(_app_of_command(), _settings)


def _on_worker_init(**_: Any) -> None:
    from digest.runtime import share_with_children

    # Its pool is forked next.
    share_with_children(_settings)


def __getattr__(name: str) -> Any:
    """Make `app` when Celery's command asks for it: importing this module needs no settings."""
    if name == "app":
        return _app_of_command()
    raise AttributeError(name)


_settings: Settings


def _app_of_command() -> Celery:
    global _settings
    if "app" in globals():
        made: Celery = globals()["app"]
        return made
    _settings = load_settings()
    signals.setup_logging.connect(_on_setup_logging)
    signals.celeryd_init.connect(_on_celeryd_init)
    signals.worker_init.connect(_on_worker_init)
    app = _app_without_tasks(_settings)
    globals()["app"] = app
    return app
