"""Issues on their way, followed live by many: each is read once for all who follow it.

A viewer costs a thread that sleeps (`digest.web.streams`), and neither a query nor a connection
with the database: whichever viewer's time has come reads for the others, at most once a second, and
seldom enough for it to take a fifth of the time at most.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from digest.errors import UnavailableError
from digest.logs import get_logger

READ_EVERY_SECONDS = 1.0
# Of an issue with a million readers the reading takes a while.
SHARE = 5
ASK_WHO_EVERY_SECONDS = 5.0
# Then the browser opens another by itself, and is asked anew who it is.
LIFE_SECONDS = 600.0
AGAIN_MILLISECONDS = 3000

log = get_logger(__name__)


@dataclass(frozen=True)
class Reading:
    """What viewers are shown. `shape` and `html` as the page has them."""

    shape: str
    html: str
    is_over: bool

    def event(self) -> bytes:
        """Return it as the browser gets it."""
        told = json.dumps({"shape": self.shape, "html": self.html, "over": self.is_over})
        return f"event: progress\ndata: {told}\n\n".encode()


@dataclass
class Feed:
    """One issue. `viewers` are sessions of the desk, `gone` those of them that are over."""

    turn: threading.Condition = field(default_factory=threading.Condition)
    number: int = 0
    reading: Reading | None = None
    reads: bool = False
    due: float = 0.0
    ask_due: float = 0.0
    viewers: Counter[int] = field(default_factory=Counter)
    gone: set[int] = field(default_factory=set)


class Feeds:
    """The issues that somebody follows in this process.

    `read` reads one; `may_look` says which of the sessions that follow it may still look at it.
    """

    def __init__(
        self, read: Callable[[int], Reading], may_look: Callable[[int, set[int]], set[int]]
    ) -> None:
        self._read = read
        self._may_look = may_look
        self._lock = threading.Lock()
        self._feeds: dict[int, Feed] = {}

    def follow(self, issue_id: int, session_id: int) -> Iterator[bytes | None]:
        """Yield an event whenever what is shown changed, and None each second in between.

        Ends when the issue is over, when the session is, and after ten minutes.
        """
        feed = self._enter(issue_id, session_id)
        try:
            yield f"retry: {AGAIN_MILLISECONDS}\n\n".encode()
            until, seen = time.monotonic() + LIFE_SECONDS, 0
            while time.monotonic() < until and session_id not in feed.gone:
                number, reading = self._next(issue_id, feed, seen)
                if reading is None or number == seen:
                    yield None
                    continue
                seen = number
                yield reading.event()
                if reading.is_over:
                    return
        finally:
            self._leave(issue_id, session_id)

    def _enter(self, issue_id: int, session_id: int) -> Feed:
        with self._lock:
            feed = self._feeds.setdefault(issue_id, Feed())
            feed.viewers[session_id] += 1
            # It was asked at the door.
            feed.gone.discard(session_id)
            return feed

    def _leave(self, issue_id: int, session_id: int) -> None:
        with self._lock:
            feed = self._feeds[issue_id]
            feed.viewers[session_id] -= 1
            if not feed.viewers[session_id]:
                del feed.viewers[session_id]
            if not feed.viewers:
                del self._feeds[issue_id]

    def _next(self, issue_id: int, feed: Feed, seen: int) -> tuple[int, Reading | None]:
        """Wait for something newer than `seen`, a second at most, or read it for all."""
        with feed.turn:
            if feed.number == seen and (feed.reads or time.monotonic() < feed.due):
                feed.turn.wait(READ_EVERY_SECONDS)
            if feed.number != seen or feed.reads or time.monotonic() < feed.due:
                return feed.number, feed.reading
            feed.reads = True
        began, reading = time.monotonic(), None
        try:
            reading = self._read(issue_id)
            self._ask_who_is_left(issue_id, feed)
        except (SQLAlchemyError, UnavailableError) as error:
            # The database may be away for a moment: what was shown last stays.
            log.warning("an issue could not be read for its viewers", issue=issue_id, error=error)
        finally:
            with feed.turn:
                feed.reads = False
                took = time.monotonic() - began
                feed.due = time.monotonic() + max(READ_EVERY_SECONDS, SHARE * took)
                if reading is not None and reading != feed.reading:
                    feed.number, feed.reading = feed.number + 1, reading
                    feed.turn.notify_all()
        return feed.number, feed.reading

    def _ask_who_is_left(self, issue_id: int, feed: Feed) -> None:
        if time.monotonic() < feed.ask_due:
            return
        feed.ask_due = time.monotonic() + ASK_WHO_EVERY_SECONDS
        with self._lock:
            viewers = set(feed.viewers)
        left = self._may_look(issue_id, viewers)
        with self._lock:
            feed.gone = viewers - left
