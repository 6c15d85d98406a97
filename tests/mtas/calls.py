"""How often this process has called a port: as Python itself reports it, whoever does."""

import sys
from typing import Any


class Calls:
    """Counts the connections made to `port` of 127.0.0.1; for the whole life of the process."""

    def __init__(self) -> None:
        self.port = 0
        self.count = 0
        sys.addaudithook(self._heard)

    def begin(self, port: int) -> None:
        self.port, self.count = port, 0

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and arguments[1] == ("127.0.0.1", self.port):
            self.count += 1
