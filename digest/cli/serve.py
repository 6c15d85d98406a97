"""`digest run`: everything in one process, until Ctrl-C.

With `demo_serving` the one module of the command line that may import the pages and the workers.
"""

import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Self
from urllib.parse import urlsplit

import click
from sqlalchemy import func, select

from digest import home
from digest.cli.opening import settings_of_command
from digest.errors import DigestError, RefusedError
from digest.logs import set_up_logging
from digest.migrations import upgrade
from digest.models import Newsletter, Terms
from digest.runtime import Runtime, open_runtime
from digest.settings.loading import Settings
from digest.settings.values import LOOPBACK_NAMES
from digest.web import create_app
from digest.web.server import EmbeddedServer, Wsgi, bind
from worker.embedded import EmbeddedWorkers

STOP_SECONDS = 60.0
LOOK_SECONDS = 0.5

port_range = click.IntRange(0, 65535)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=port_range, default=8000, show_default=True, help="0: any free one.")
def run(host: str, port: int) -> None:
    """Run everything in one process: pages and workers, with nothing to install.

    The database is brought up to date first. Ctrl-C lets what is being sent finish; a second
    Ctrl-C does not wait.
    """
    settings = settings_of_command()
    set_up_logging(settings.log_format)
    if not settings.embedded:
        raise RefusedError(
            "REDIS_URL names a broker, and `digest run` is for one process that needs none. "
            "Start the processes of the Procfile instead, or unset REDIS_URL."
        )
    listener = bind(host, port)
    with listener, Stop() as stop:
        if settings.database_url.startswith("sqlite"):
            settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        upgrade(settings.database_url)
        runtime = open_runtime(settings)
        try:
            with serving(runtime, create_app(runtime), listener) as parts:
                _say_where(settings, host, listener.getsockname()[1])
                _say_what_is_missing(runtime)
                parts.run_until(stop)
        finally:
            runtime.close()
    click.echo("Stopped.")


@dataclass(frozen=True)
class Parts:
    """What runs beside the main thread."""

    server: EmbeddedServer
    workers: EmbeddedWorkers

    def run_until(self, stop: "Stop", each_time: Callable[[], None] = lambda: None) -> None:
        """Wait, calling `each_time` twice a second.

        Raises:
            DigestError: a part ended by itself.
        """
        while not stop.wait(LOOK_SECONDS):
            if not (self.server.alive and self.workers.alive):
                raise DigestError("A part of Digest has stopped by itself. The log says why.")
            each_time()


@contextmanager
def serving(runtime: Runtime, app: Wsgi, listener: socket.socket) -> Iterator[Parts]:
    """Answer on `listener` and work, around a block; at its end let everything finish."""
    parts = Parts(EmbeddedServer(app, listener), EmbeddedWorkers(runtime))
    try:
        parts.workers.start()
        parts.server.start()
        yield parts
    finally:
        stop_by = time.monotonic() + STOP_SECONDS
        parts.server.stop()
        if not parts.workers.stop(stop_by - time.monotonic()):
            click.echo(
                f"Something was still being sent after {STOP_SECONDS:g} seconds. What of it is in "
                "doubt is counted as such.",
                err=True,
            )
            leave_at_once()


class Stop:
    """Ctrl-C and SIGTERM: the first asks for a stop, a second ends the process at once, with 1."""

    def __init__(self) -> None:
        self.discard: Path | None = None
        self._asked = threading.Event()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; return whether a stop was asked for."""
        return self._asked.wait(seconds)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            if self.discard is not None:
                shutil.rmtree(self.discard, ignore_errors=True)
            leave_at_once()
        self._asked.set()
        click.echo("Stopping, once what is being sent is through. Ctrl-C again does not wait.")


def leave_at_once() -> NoReturn:
    """End the process, whatever its threads do."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def _say_where(settings: Settings, host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"Digest is at http://{shown}:{port}{settings.public_path}/ (Ctrl-C stops it)")
    public = urlsplit(settings.public_url)
    if public.hostname in LOOPBACK_NAMES and (public.port or 80) != port:
        click.echo(
            f"Links in mail lead to {settings.public_url}. If that is not where readers reach "
            "these pages, set DIGEST_PUBLIC_URL.",
            err=True,
        )


def _say_what_is_missing(runtime: Runtime) -> None:
    with runtime.database.reading() as session:
        if home.look(session).moved:
            click.echo(
                "This database was restored or copied, so nothing is sent from it. See: digest "
                "doctor",
                err=True,
            )
        newsletters = session.scalar(select(func.count(Newsletter.id)))
        terms = session.scalar(select(func.count(Terms.id)))
    if not newsletters:
        click.echo("There is no newsletter yet. Make one: digest newsletter create --help")
    if not terms:
        click.echo("There are no terms for readers to agree to yet: digest terms publish --help")
