"""Readers who sign up by HTTP all through a round, and some who use the link that they are mailed.

Who does what is drawn from the round's seed. Each comes from a network of their own.
"""

import http.client
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

from tests.chaos.relay import Relay

A_SECOND = 10
HANDS = 8
# Nobody waits longer: a worker of the web gives a database that is away less than that.
PATIENCE_SECONDS = 15
# So many of each hundred hang up before the answer, confirm, and press the button twice at once.
HANG_UP, CONFIRM, TWICE = 6, 40, 10
TRIES, BETWEEN_SECONDS = 4, 0.5
MOST_A_ROUND = 2**16


@dataclass
class Asked:
    """A request, by the machine's monotonic clock. `status`: None where no answer was heard."""

    began: float
    ended: float
    status: int | None


@dataclass
class Visitor:
    """Who signs up, what they mean to do, and what they were told."""

    email: str
    ip: str
    hangs_up: bool
    confirms: bool
    twice: bool
    asked: Asked | None = None
    looked: list[Asked] = field(default_factory=list)
    pressed: list[Asked] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        return self.asked is not None and self.asked.status == 200

    @property
    def confirmed_at(self) -> float | None:
        """When they were first told that they have confirmed."""
        return min((each.ended for each in self.pressed if each.status == 200), default=None)


@dataclass(frozen=True)
class Door:
    """Where they sign up. `wording`: the number that the form shows."""

    url: str
    newsletter: str
    wording: int

    def form(self, visitor: Visitor) -> dict[str, str]:
        return {
            "email": visitor.email,
            "newsletter": self.newsletter,
            "consent": "on",
            "wording": str(self.wording),
        }


def visitors(seed: str, number: int) -> Iterator[Visitor]:
    """Draw the readers of a round, in the order in which they come."""
    draw = Random(f"{seed} sign-ups")
    for count in range(MOST_A_ROUND):
        # 20.0.0.0 and up: public, and no two in the same /24.
        network = (20 << 16) + (number << 11) + count
        ip = f"{network >> 16 & 255}.{network >> 8 & 255}.{network & 255}.7"
        hangs_up, confirms, twice = (draw.randrange(100) < of for of in (HANG_UP, CONFIRM, TWICE))
        yield Visitor(f"visitor{number}x{count}@example.org", ip, hangs_up, confirms, twice)


class Crowd(threading.Thread):
    """Signs readers up at a steady rate, within a `with`, until it is `shut`.

    It looks at the relay's record for the links. Leaving the `with` waits for who uses one.
    """

    def __init__(self, door: Door, relay: Relay, seed: str, number: int) -> None:
        super().__init__(name="chaos-crowd", daemon=True)
        self.came: list[Visitor] = []
        self._door, self._relay = door, relay
        self._coming = visitors(seed, number)
        self._by_email: dict[str, Visitor] = {}
        self._shut, self._closing = threading.Event(), threading.Event()
        self._more = threading.Semaphore(0)
        self._read = len(relay.entries())
        self._hands = ThreadPoolExecutor(HANDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        self.join()
        self._hands.shutdown()

    def run(self) -> None:
        opens = time.monotonic() + PATIENCE_SECONDS
        while self._get("/healthz").status != 200 and time.monotonic() < opens:
            time.sleep(0.1)
        due = time.monotonic()
        while not self._closing.wait(0.01):
            while not self._shut.is_set() and self._more.acquire(blocking=False):
                self._let_in()
            if not self._shut.is_set() and time.monotonic() >= due:
                self._let_in()
                due = max(due + 1 / A_SECOND, time.monotonic() - 1)
            self._use_links()
        self._use_links()

    def surge(self, count: int) -> None:
        """Let so many more come at once."""
        self._more.release(count)

    def shut(self) -> None:
        """Let nobody in any more."""
        self._shut.set()

    @property
    def is_empty(self) -> bool:
        """Whether all who came were answered, or gave up."""
        return all(each.asked is not None for each in self.came)

    def _let_in(self) -> None:
        # Where nothing is answered, none queue up here either.
        if sum(each.asked is None for each in self.came[-4 * HANDS :]) < 3 * HANDS:
            visitor = next(self._coming)
            self.came.append(visitor)
            self._by_email[visitor.email] = visitor
            self._hands.submit(self._sign_up, visitor)

    def _sign_up(self, visitor: Visitor) -> None:
        visitor.asked = self._ask("POST", "/subscribe", visitor, self._door.form(visitor))

    def _use_links(self) -> None:
        entries = self._relay.entries()
        new, self._read = entries[self._read :], len(entries)
        for entry in new:
            visitor = self._by_email.get(entry.to)
            if visitor is not None and entry.is_copy and entry.link and visitor.confirms:
                # Whoever gets two of them uses one.
                visitor.confirms = False
                for _ in range(2 if visitor.twice else 1):
                    self._hands.submit(self._confirm, visitor, urlsplit(entry.link).path)

    def _confirm(self, visitor: Visitor, path: str) -> None:
        visitor.looked.append(self._ask("GET", path, visitor))
        for _ in range(TRIES):
            pressed = self._ask("POST", path, visitor, {})
            visitor.pressed.append(pressed)
            if pressed.status is not None and pressed.status < 500:
                return
            if self._closing.wait(BETWEEN_SECONDS):
                return

    def _get(self, path: str) -> Asked:
        return self._ask("GET", path, Visitor("", "20.0.0.7", False, False, False))

    def _ask(
        self, method: str, path: str, visitor: Visitor, form: dict[str, str] | None = None
    ) -> Asked:
        began = time.monotonic()
        place = urlsplit(self._door.url)
        assert place.hostname is not None
        line = http.client.HTTPConnection(place.hostname, place.port, timeout=PATIENCE_SECONDS)
        status = None
        headers = {"X-Forwarded-For": visitor.ip, "User-Agent": "Mozilla/5.0 (chaos)"}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            line.request(method, path, None if form is None else urlencode(form), headers)
            if not (form and visitor.hangs_up):
                answer = line.getresponse()
                answer.read()
                status = answer.status
        except (OSError, http.client.HTTPException):
            # It was cut, or nobody was there: what came of it is the audit's question.
            status = None
        finally:
            line.close()
        return Asked(began, time.monotonic(), status)
