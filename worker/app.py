"""The Celery application: `celery --app worker.app worker`, or made by `digest run` in its process.

A worker of its own opens its runtime in each process that does work, after the fork: engines and
their connections must never be shared between processes.
"""

import threading
from typing import Any

from celery import Celery, signals

from digest.logs import set_up_logging
from digest.newsroom.intake.reading_child.asking import end_reading_child
from digest.runtime import Runtime, celery_app, open_runtime
from digest.settings.loading import Settings, load_settings
from worker.foreign import read_on_behind_what_is_foreign
from worker.listening import Listening
from worker.schedule import beat_schedule
from worker.tasks import register


def make_app(settings: Settings, runtime: Runtime | None = None) -> Celery:
    """Return the app with its tasks. They use `runtime` if given, else open one per process."""
    app = celery_app(settings)
    if not settings.embedded:
        read_on_behind_what_is_foreign()
    app.conf.beat_schedule = beat_schedule(settings)
    app.steps["consumer"].add(Listening)
    register(app, RuntimeOfProcess(settings, runtime))
    return app


class RuntimeOfProcess:
    """Opens the runtime when a task first needs it, once per process."""

    def __init__(self, settings: Settings, runtime: Runtime | None) -> None:
        self._settings = settings
        self._runtime = runtime
        self._lock = threading.Lock()
        if runtime is None:
            signals.worker_process_shutdown.connect(self._close)

    def __call__(self) -> Runtime:
        with self._lock:
            if self._runtime is None:
                self._runtime = open_runtime(self._settings)
            return self._runtime

    def _close(self, **_: Any) -> None:
        end_reading_child()
        if self._runtime is not None:
            self._runtime.close()


def _on_setup_logging(**_: Any) -> None:
    # Connected, so that Celery leaves logging to us: its own format would show tasks' arguments.
    set_up_logging(_settings.log_format)


def __getattr__(name: str) -> Any:
    """Make `app` when Celery's command asks for it: importing this module needs no settings."""
    if name == "app":
        return _app_of_command()
    raise AttributeError(name)


_settings: Settings


def _app_of_command() -> Celery:
    global _settings
    _settings = load_settings()
    signals.setup_logging.connect(_on_setup_logging)
    app = make_app(_settings)
    globals()["app"] = app
    return app
