"""gunicorn's workers: its processes, restarts and signals around the one web server of ours."""

import os
from typing import Any

from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

from digest.web.access_log import access_logged
from digest.web.connections import Bounds
from digest.web.server import Server

TURN_SECONDS = 1.0


class WebWorker(Worker):  # type: ignore[misc]
    """A process that answers."""

    bounds = Bounds()
    _server: Server | None = None

    def run(self) -> None:
        """Answer until gunicorn says to stop, or is gone; then finish what is being answered."""
        sockets = [listener.sock for listener in self.sockets]
        for each in sockets:
            each.setblocking(False)
        server = Server(access_logged(self.wsgi, self.log.access_log), sockets, self.bounds)
        self._server = server
        while self.alive and self.ppid == os.getppid():
            self.notify()
            server.turn(TURN_SECONDS)
        server.finish(self.cfg.graceful_timeout)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop after what is being answered."""
        self.alive = False
        if self._server is not None:
            self._server.wake()
