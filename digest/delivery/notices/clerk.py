"""One connection's part in sending notices: take a window, send it, write down what came of it."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from sqlalchemy.orm import Session

from digest.database.transactions import Database, HeldDatabase
from digest.delivery.ledger import breaker, relays
from digest.delivery.messages import Links
from digest.delivery.notices import queue
from digest.delivery.notices.letters import Letter, read_letters
from digest.delivery.notices.queue import NOTHING, Told
from digest.delivery.relay.connecting import connect_to_relay
from digest.delivery.relay.connection import Connection, Outcome, RelayTrouble, Stage
from digest.delivery.relay.deadlines import elapsed, patiently, window_deadline
from digest.delivery.relay.habits import Habits
from digest.delivery.relay.pacing import Pace
from digest.delivery.signing.signatory import Signatory
from digest.logs import get_logger
from digest.settings.loading import Settings

log = get_logger(__name__)


@dataclass(frozen=True)
class Task:
    """What all clerks of a task share.

    `until`: when it waits for the pace no longer, `latest`: when it takes nothing more, by
    `elapsed`.
    """

    database: Database
    settings: Settings
    links: Links
    signatory: Signatory | None
    stopping: threading.Event
    pace: Pace
    window_size: int
    until: float
    latest: float


class Window(NamedTuple):
    """Notices that were taken by a token. `too_late` says whether it must be given up."""

    token: bytes
    ids: list[int]
    too_late: Callable[[], bool]


@dataclass
class Clerk:
    """One thread's work on the notices: at most one connection, and one window.

    `probe`: it tries whether the relay is back. `on_full_window` is called when a window was full,
    so that there may be work for another. `is_first`: what the relay tells it goes for all.
    """

    task: Task
    held: HeldDatabase
    probe: bytes | None = None
    on_full_window: Callable[[], None] = lambda: None
    is_first: bool = True
    connection: Connection | None = None
    accepted: int = 0
    at_speed: tuple[int, float] = (0, 0.0)
    """How many were accepted of full windows, and the seconds that those took."""
    resumed: list[int] = field(default_factory=list)
    is_done: bool = True
    """Whether all was done that can be done now."""
    _told: Told = NOTHING
    # Of the window that was asked for last, until it is known whether it was taken.
    _asked: bytes | None = None

    @property
    def relay(self) -> str:
        return self.task.settings.relay.name

    def run(self) -> None:
        """Send window by window, until nothing is due or no more can be done now."""
        try:
            self._run()
        finally:
            try:
                self._write_down()
            finally:
                self._hang_up()

    def _run(self) -> None:
        task, since = self.task, elapsed()
        while not task.stopping.is_set():
            if not self._is_connected:
                # To call may take a while, in which nothing shall be known to us alone.
                self._write_down()
            turn = task.pace.take_for_notices(1 if self.probe else task.window_size)
            if not turn.granted:
                self._write_down()
                if elapsed() > task.until:
                    self.is_done = False
                    return
                task.stopping.wait(min(turn.wait, task.settings.slice_seconds))
                continue
            # One commit writes the last window down and takes the next.
            window = patiently(partial(self._turn, turn.granted))
            self._told = NOTHING
            goes_on = bool(window.ids) and self._send(window, turn.granted)
            now = elapsed()
            if len(window.ids) == turn.granted:
                count, seconds = self.at_speed
                self.at_speed = count + len(self._told.accepted), seconds + now - since
            since = now
            if not window.ids:
                task.pace.give_back(turn.granted)
            if not goes_on:
                return
            if len(window.ids) == task.window_size:
                self.on_full_window()
            if elapsed() > task.latest:
                self.is_done = False
                return

    def _turn(self, size: int) -> Window:
        too_late = window_deadline(self.task.settings)
        with self.held.transaction() as session:
            queue.write_down(session, self._told)
            if self._asked is not None:
                # It may have been taken, when the database was not heard to say so.
                queue.give_back(session, self._asked)
            token = self._asked = self._asked or secrets.token_bytes(16)
            ids = queue.claim(session, token, self.task.settings, size, told=self._told.token)
        self._asked = None
        return Window(token, ids, too_late)

    def _send(self, window: Window, granted: int) -> bool:
        """Send a window. Return whether there is any use in going on."""
        task = self.task
        try:
            connection = self._connected()
        except RelayTrouble as trouble:
            task.pace.give_back(granted)
            self._turned_away(window, trouble)
            return False
        read = partial(
            read_letters, self.held, window.token, window.ids, task.links, task.signatory
        )
        letters = patiently(read)
        task.pace.give_back(granted - sum(each.envelope is not None for each in letters))
        outcomes = _outcomes(connection, letters, window.too_late)
        self._told = Told(window.token, outcomes, for_all=self.is_first)
        patiently(partial(relays.note_habits, self.held, self.relay, connection.habits))
        taken = len(self._told.accepted)
        self.accepted += taken
        found = connection.trouble
        # Many relays hang up after so many messages, and can be called again.
        if found is not None and not taken and not self.is_first:
            self.is_done = False
        elif found is not None and not taken and breaker.is_of_relay(found):
            self._write_down()
            with self.held.transaction() as session:
                self._report(session, found)
        elif self.probe is not None and (found is not None or self._told.has_reply):
            self._write_down()
            self._relay_is_back()
        return found is None or taken > 0

    @property
    def _is_connected(self) -> bool:
        return self.connection is not None and self.connection.usable

    def _connected(self) -> Connection:
        if self.connection is None or not self.connection.usable:
            # A window was taken already: an outage shall not leave it in doubt.
            self.connection = connect_to_relay(self.task.settings, patiently(self._habits))
            patiently(partial(relays.note_relay, self.held, self.relay, self.connection.offers))
        return self.connection

    def _habits(self) -> Habits:
        with self.held.reading() as session:
            return relays.habits_of(session, self.relay)

    def _turned_away(self, window: Window, trouble: RelayTrouble) -> None:
        if not self.is_first:
            # The relay may bear one connection, and not two. The first finds out if it is away.
            patiently(partial(self._give_back, window))
            self.is_done = False
            return
        log.warning("notices wait for the relay", reason=str(trouble))
        patiently(partial(self._put_off, window, trouble))

    def _give_back(self, window: Window) -> None:
        with self.held.transaction() as session:
            queue.give_back(session, window.token)

    def _put_off(self, window: Window, trouble: RelayTrouble) -> None:
        with self.held.transaction() as session:
            queue.put_off(session, window.token)
            self._report(session, trouble)

    def _report(self, session: Session, trouble: RelayTrouble) -> None:
        breaker.report_trouble(session, self.relay, trouble, probe=self.probe, claim=b"")

    def _relay_is_back(self) -> None:
        with self.held.transaction() as session:
            self.resumed += breaker.report_success(session, self.relay)
        self.probe = None

    def _write_down(self) -> None:
        if self._told is not NOTHING:
            patiently(self._write)
            self._told = NOTHING

    def _write(self) -> None:
        with self.held.transaction() as session:
            queue.write_down(session, self._told)

    def _hang_up(self) -> None:
        if self.connection is not None:
            self.connection.close()
        if self.probe is not None:
            with self.held.transaction() as session:
                breaker.withdraw(session, self.probe)


def _outcomes(
    connection: Connection, letters: list[Letter], too_late: Callable[[], bool]
) -> list[tuple[Letter, Outcome]]:
    by_id = {letter.notice_id: letter for letter in letters}
    done = [
        (letter, Outcome(letter.notice_id, letter.fate, None, Stage.CHECK, letter.reason))
        for letter in letters
        if letter.envelope is None
    ]
    envelopes = [letter.envelope for letter in letters if letter.envelope is not None]
    for outcome in connection.send(envelopes, deadline=too_late):
        assert isinstance(outcome.key, int)
        done.append((by_id[outcome.key], outcome))
    return done
