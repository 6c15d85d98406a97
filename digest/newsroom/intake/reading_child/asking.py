"""The worker's side: has a reading child, asks it, and ends it when it is spent or spoilt."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from digest.logs import get_logger
from digest.newsroom.intake.feeds import Feed, FeedError
from digest.newsroom.intake.reading_child.answers import AnswerError, read_answer
from digest.newsroom.intake.reading_child.limits import ANSWER, NO_MEMORY, REQUEST, Limits

PROGRAM = Path(__file__).with_name("__main__.py")
# What a Python may need to find its own libraries. No DATABASE_URL, no DIGEST_…, no proxy.
KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
PIECE = 1 << 16
END_SECONDS = 5.0

TOO_LONG = "The feed took too long to read."
TOO_LARGE = "Reading the feed took more memory than we give it."
BROKE_OFF = "Reading the feed broke off. It is built in a way that our reader does not stand."
TIME_SIGNALS = frozenset({signal.SIGPROF, signal.SIGALRM, signal.SIGXCPU})

log = get_logger(__name__)


class FeedReader:
    """Reads feeds in a child, one feed at a time, whichever thread asks.

    The child starts with the first feed. It ends by itself when this process does, whatever ended
    it, and when it is left alone; then the next feed gets another. `program` is for tests.
    """

    def __init__(self, limits: Limits | None = None, program: Path = PROGRAM) -> None:
        self._limits = limits or Limits()
        self._program = program
        self._lock = threading.Lock()
        self._child: _Child | None = None
        _readers.add(self)

    @property
    def pid(self) -> int | None:
        """The process id of the child, where there is one."""
        child = self._child
        return child.pid if child is not None and child.is_alive else None

    def read(
        self,
        content: bytes,
        url: str,
        now: datetime,
        charset: str | None = None,
        *,
        page: bool = False,
    ) -> Feed:
        """Read a feed, as `feeds.read_feed` does; a feed beyond the limits is a FeedError too.

        `page`: read a web page, as `web_pages.read_page` does.

        Raises:
            FeedError: not a feed, or not one that we can read.
        """
        seconds = self._limits.seconds_for(len(content))
        wall = seconds + self._limits.wall_seconds
        asked = {"url": url, "charset": charset, "now": now.isoformat(), "page": page}
        head = json.dumps(asked | {"seconds": seconds, "wall_seconds": wall}).encode()
        request = REQUEST.pack(len(head), len(content)) + head + content
        with self._lock:
            return self._read(request, wall)

    def end(self) -> None:
        """End the child, if there is one. Another one starts when there is something to read."""
        with self._lock:
            self._let_go()

    def _read(self, request: bytes, wall: float) -> Feed:
        try:
            answer = self._answer(request, wall)
        except _SpoiltError as spoilt:
            self._let_go()
            log.warning("a reading child was ended", why=spoilt.why)
            raise FeedError(spoilt.sentence) from None
        try:
            return read_answer(answer)
        except AnswerError as error:
            self._let_go()
            log.warning("a reading child was ended", why=str(error))
            raise FeedError(BROKE_OFF) from None

    def _answer(self, request: bytes, wall: float) -> bytes:
        try:
            return self._child_for_next().ask(request, wall)
        except _LeftError:
            # It had waited long enough just when it was to be asked.
            self._let_go()
        try:
            return self._child_for_next().ask(request, wall)
        except _LeftError:
            raise _SpoiltError(BROKE_OFF, "it left at once") from None

    def _child_for_next(self) -> "_Child":
        if self._child is not None:
            if self._child.asked < self._limits.feeds and self._child.is_alive:
                return self._child
            self._let_go()
        self._child = _Child(self._program, self._limits)
        return self._child

    def _let_go(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def _forget(self) -> None:
        """In a process that was forked off: the child is the other one's."""
        self._lock = threading.Lock()
        if self._child is not None:
            self._child.forget()
            self._child = None


class _LeftError(Exception):
    """The child had ended by itself, in order, before it was asked."""


class _SpoiltError(Exception):
    """The child is not to be asked again. `sentence` is for an editor, `why` for the log."""

    def __init__(self, sentence: str, why: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.why = why


class _Child:
    """One reading child, from its start to its end."""

    def __init__(self, program: Path, limits: Limits) -> None:
        self.asked = 0
        self._answer_bytes = limits.answer_bytes
        told = (limits.memory_bytes, limits.answer_bytes, limits.idle_seconds)
        # A session of its own: Ctrl-C on the terminal is not for it.
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", program, *map(str, told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={name: os.environ[name] for name in KEPT if name in os.environ},
            cwd="/",
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions, self._answers = self._process.stdin, self._process.stdout
        os.set_blocking(self._questions.fileno(), False)
        self.pid = self._process.pid
        # Whenever and however it ends, it is no zombie.
        self._waiting = threading.Thread(
            target=self._process.wait, name="reading-child", daemon=True
        )
        self._waiting.start()

    @property
    def is_alive(self) -> bool:
        return self._waiting.is_alive()

    def ask(self, request: bytes, wall_seconds: float) -> bytes:
        """Return the answer to a request.

        Raises:
            _LeftError: it is to be asked of another child.
            _SpoiltError: it came too late, or not, or is too long.
        """
        self.asked += 1
        until = time.monotonic() + wall_seconds
        try:
            self._write(request, until)
            (length,) = ANSWER.unpack(self._take(ANSWER.size, until))
            if length > self._answer_bytes:
                raise _SpoiltError(BROKE_OFF, "an answer that is too long")
            return self._take(length, until)
        except (EOFError, BrokenPipeError):
            raise self._why_ended() from None
        except TimeoutError:
            raise _SpoiltError(TOO_LONG, "no answer in time") from None

    def end(self) -> None:
        """End it; returns once it is gone."""
        for pipe in (self._questions, self._answers):
            with suppress(OSError):
                pipe.close()
        self._process.kill()
        self._waiting.join(END_SECONDS)

    def forget(self) -> None:
        """Close what a fork copied, so that the child sees when its own worker is gone."""
        for pipe in (self._questions, self._answers):
            pipe.close()
        # It is not ours to wait for.
        self._process.returncode = 0

    def _write(self, content: bytes, until: float) -> None:
        left = memoryview(content)
        while left:
            _await(self._questions.fileno(), select.POLLOUT, until)
            with suppress(BlockingIOError):
                left = left[os.write(self._questions.fileno(), left[:PIECE]) :]

    def _take(self, length: int, until: float) -> bytes:
        taken = bytearray()
        while len(taken) < length:
            _await(self._answers.fileno(), select.POLLIN, until)
            piece = os.read(self._answers.fileno(), min(length - len(taken), PIECE))
            if not piece:
                raise EOFError
            taken += piece
        return bytes(taken)

    def _why_ended(self) -> Exception:
        """Return what the end of the pipe means."""
        self._waiting.join(END_SECONDS)
        status = self._process.returncode
        if status == 0:
            return _LeftError()
        if status == NO_MEMORY:
            return _SpoiltError(TOO_LARGE, "no memory left")
        if status is not None and -status in TIME_SIGNALS:
            return _SpoiltError(TOO_LONG, "no time left")
        return _SpoiltError(BROKE_OFF, f"exit status {status}")


def _await(descriptor: int, event: int, until: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        raise TimeoutError


_readers: "weakref.WeakSet[FeedReader]" = weakref.WeakSet()


def _forget_all() -> None:
    for reader in _readers:
        reader._forget()


os.register_at_fork(after_in_child=_forget_all)

# One for each process, whatever asks in it: the reading itself takes one processor.
OURS = FeedReader()


def read_apart(content: bytes, url: str, now: datetime, charset: str | None = None) -> Feed:
    """Read a feed in this process's child, as `feeds.read_feed` would.

    Raises:
        FeedError: not a feed, or not one that we can read within the limits.
    """
    return OURS.read(content, url, now, charset)


def read_page_apart(content: bytes, url: str, now: datetime, charset: str | None = None) -> Feed:
    """Read a web page in this process's child, as `web_pages.read_page` would.

    Raises:
        FeedError: it cannot be read, or not within the limits.
    """
    return OURS.read(content, url, now, charset, page=True)


def end_reading_child() -> None:
    """End this process's child, if there is one."""
    OURS.end()
