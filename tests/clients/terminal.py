"""A terminal without a screen: tmux, in which programs are typed into and read from."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.clients.machine import READER
from tests.debian import Debian
from tests.programs import CannotRunError
from tests.servers.process import ServerProcess
from tests.servers.run import Run

SOCKET = f"/home/{READER}/.tmux"
PATIENCE_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 0.1
MOST_SCREENS = 20


class Tmux(ServerProcess):
    """The reader's tmux in the Debian of the clients; its terminals end with it."""

    def __init__(self, run: Run, debian: Debian) -> None:
        super().__init__(run, run.server_directory("tmux"))
        self._debian = debian
        self._socket = debian.folder / SOCKET.lstrip("/")
        self._socket.unlink(missing_ok=True)

    def command(self) -> list[str]:
        tmux = ["tmux", "-S", SOCKET, "-f", "/dev/null", "-D"]
        return self._debian.command(*tmux, user=READER)

    def is_ready(self) -> bool:
        return self._socket.is_socket()

    def tell(self, *words: str) -> str:
        """Give tmux a command, and return what it printed."""
        return self._debian.run("tmux", "-S", SOCKET, *words, user=READER)


class Terminal:
    """One program in a terminal of `columns` by `rows`."""

    def __init__(self, tmux: Tmux, command: Sequence[str], columns: int, rows: int) -> None:
        self._tmux, self._name = tmux, command[0]
        size = ["-x", str(columns), "-y", str(rows)]
        tmux.tell("new-session", "-d", "-s", self._name, *size, *command)

    def shown(self, *, coloured: bool = False) -> str:
        """Return what stands on the screen, line by line; `coloured`: with escape sequences."""
        form = ["-e", "-N"] if coloured else []
        return self._tmux.tell("capture-pane", "-p", *form, "-t", self._name)

    def type(self, *keys: str) -> str:
        """Press keys, by tmux's names for them (`q`, `Enter`), and return the new screen.

        Raises:
            CannotRunError: nothing on the screen changed.
        """
        before = self.shown()
        self._tmux.tell("send-keys", "-t", self._name, *keys)
        return self._wait(lambda shown: shown != before, f"did nothing at {' '.join(keys)}")

    def wait_for(self, words: str) -> str:
        """Return the screen as soon as these words stand on it.

        Raises:
            CannotRunError: they never did.
        """
        return self._wait(lambda shown: words in shown, f"never showed “{words}”")

    def page_through(self, key: str, last_words: str) -> list[str]:
        """Return all screens, from this one to that with the last words, by pressing `key`.

        Raises:
            CannotRunError: they did not come.
        """
        screens = [self.shown()]
        while last_words not in screens[-1]:
            if len(screens) == MOST_SCREENS:
                raise CannotRunError(f"{self._name} never came to “{last_words}”:\n{screens[-1]}")
            screens.append(self.type(key))
        return screens

    def _wait(self, wanted: Callable[[str], bool], complaint: str) -> str:
        """Return the screen once it is as wanted, and has been drawn to its end."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        before = ""
        while not (wanted(shown := self.shown()) and shown == before):
            if time.monotonic() > give_up_at:
                raise CannotRunError(f"{self._name} {complaint}:\n{shown}")
            before = shown
            time.sleep(LOOK_AGAIN_SECONDS)
        return shown


@contextmanager
def terminal(
    run: Run, debian: Debian, command: Sequence[str], columns: int, rows: int
) -> Iterator[Terminal]:
    """Run a program in a terminal of its own, until the block ends."""
    tmux = Tmux(run, debian)
    tmux.start()
    try:
        yield Terminal(tmux, command, columns, rows)
    finally:
        tmux.discard()
