"""A sender's hold on the ledger: it takes rows for a window, and writes down what came of them."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from sqlalchemy import ClauseElement, Table
from sqlalchemy.orm import Session

from digest import home
from digest.clock import Clock
from digest.database.transactions import HeldDatabase
from digest.delivery.ledger import claiming, statements
from digest.delivery.ledger.claiming import Recipient
from digest.delivery.messages import Mailing
from digest.delivery.relay.connection import Fate, Outcome
from digest.delivery.relay.deadlines import window_deadline
from digest.settings.loading import Settings


@dataclass(frozen=True)
class Window:
    """An open window: how many rows left their place for it, and whether it must be given up."""

    token: bytes
    rows: int
    too_late: Callable[[], bool]


@dataclass(frozen=True)
class Told:
    """What is known of a window and not yet written down. `left`: who may not be mailed."""

    token: bytes = b""
    outcomes: Sequence[Outcome] = ()
    left: Sequence[Recipient] = ()
    recalled: Sequence[Hashable] = ()
    postponed: Sequence[Outcome] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the relay accepted all of it."""
        others = self.left or self.recalled or self.postponed
        return not others and all(each.fate is Fate.ACCEPTED for each in self.outcomes)


NOTHING = Told()


class Windows:
    """Takes windows by sessions: on both databases, and for whatever may come of a window.

    Everything here may be done again where the database did not answer.
    """

    def __init__(
        self, held: HeldDatabase, mailing: Mailing, settings: Settings, clock: Clock
    ) -> None:
        self._held = held
        self._mailing = mailing
        self._issue_id = mailing.issue_id
        self._settings = settings
        self._clock = clock
        # Of the window that was asked for last, until it is known whether it was opened.
        self._asked: bytes | None = None
        self.claim: bytes | None = None
        """Of rows that are claimed: for the first window, or for several."""
        self._windows_of_claim = 0

    def claim_some(self, size: int) -> bytes | None:
        """Claim up to `size` rows for the windows that come; return the claim."""
        with self._held.transaction() as session:
            self.claim = claiming.claim(
                session, self._issue_id, size=size, lease_seconds=self._settings.lease_seconds
            )
        self._windows_of_claim = 0
        return self.claim

    def release(self) -> None:
        """Give back what is claimed."""
        if self.claim is not None:
            with self._held.transaction() as session:
                claiming.release(session, self._issue_id, self.claim)
            self.claim = None

    def turn(self, told: Told, size: int) -> Window:
        """Write the last window down and open the next, of up to `size` rows, in one commit."""
        too_late = window_deadline(self._settings)
        if self.claim is not None:
            rows = self._open_claimed(told, self.claim, size)
            self._windows_of_claim += 1
            return Window(self.claim, rows, too_late)
        if self._asked and (rows := self._opened_unheard(told, self._asked)):
            # It did open, when the database was not heard to say so.
            token, self._asked = self._asked, None
            return Window(token, rows, too_late)
        token = self._asked = claiming.new_token()
        rows = self._take(told, token, size)
        self._asked = None
        return Window(token, rows, too_late)

    def read(self, token: bytes) -> list[Recipient]:
        """Read who is in the open window."""
        with self._held.reading() as session:
            return claiming.read_window(
                session, self._issue_id, token, self._mailing.newsletter_id, self._clock.now()
            )

    def take_back(self, token: bytes) -> None:
        """Queue again what was given up of a window, of which nothing was sent yet.

        We slept, or the database was away, for longer than its lease. Of a claim's later windows
        nothing is: what is in doubt may be of an earlier one.
        """
        if token != self.claim or self._windows_of_claim == 1:
            with self._held.transaction() as session:
                claiming.take_back(session, self._issue_id, token)

    def write(self, told: Told) -> None:
        """Write the last window down."""
        with self._held.transaction() as session:
            self.note(session, told)

    def note(self, session: Session, told: Told) -> None:
        """Write the last window down; the caller commits."""
        claiming.record(session, self._issue_id, told.token, told.outcomes)
        claiming.exclude(session, self._issue_id, told.token, told.left)
        claiming.postpone(session, self._issue_id, told.token, told.postponed)
        claiming.recall(session, self._issue_id, told.recalled)

    def _open_claimed(self, told: Told, claim: bytes, size: int) -> int:
        with self._held.transaction() as session:
            self.note(session, told)
            opened = claiming.open_window(
                session,
                self._issue_id,
                claim,
                size=size,
                lease_seconds=self._settings.lease_seconds,
                now=self._clock.now(),
            )
            # One that opened when the database was not heard to say so is all that is left of it.
            return opened or claiming.count_window(session, self._issue_id, claim)

    def _take(self, told: Told, token: bytes, size: int) -> int:
        with self._held.transaction() as session:
            self.note(session, told)
            return claiming.take_window(
                session,
                self._issue_id,
                token,
                size=size,
                lease_seconds=self._settings.lease_seconds,
                now=self._clock.now(),
            )

    def _opened_unheard(self, told: Told, token: bytes) -> int:
        with self._held.transaction() as session:
            self.note(session, told)
            claiming.take_back(session, self._issue_id, token)
            return claiming.count_window(session, self._issue_id, token)


class QuickWindows(Windows):
    """The same on PostgreSQL, where what is usual is one statement, and needs no session."""

    def __init__(
        self, held: HeldDatabase, mailing: Mailing, settings: Settings, clock: Clock
    ) -> None:
        super().__init__(held, mailing, settings, clock)
        self._rows: Table = statements.partition(mailing.issue_id)
        with held.transaction() as session:
            self._at_home = home.at_home(session)

    def read(self, token: bytes) -> list[Recipient]:
        """Read who is in the open window."""
        found = self._run(
            statements.reading(self._rows),
            token=token,
            newsletter=self._mailing.newsletter_id,
            now=self._clock.now(),
        )
        # Two suppressions of one address would give the reader two rows.
        return list({row[0]: _recipient(*row) for row in found}.values())

    def _take(self, told: Told, token: bytes, size: int) -> int:
        if not told.is_plain:
            return super()._take(told, token, size)
        [(rows,)] = self._run(
            statements.turning(self._rows, self._at_home, size),
            told=told.token,
            readers=[outcome.key for outcome in told.outcomes],
            token=token,
            lease_seconds=float(self._settings.lease_seconds),
            now=self._clock.now(),
        )
        return int(rows)

    def _run(self, statement: ClauseElement, **values: object) -> list[tuple[Any, ...]]:
        plain = statements.plain(statement, self._held.engine.dialect)
        return plain.run(self._held, issue=self._issue_id, **values)


def open_windows(held: HeldDatabase, mailing: Mailing, settings: Settings, clock: Clock) -> Windows:
    """Return the quicker way, where this database has one."""
    kind = Windows if held.is_sqlite else QuickWindows
    return kind(held, mailing, settings, clock)


def _recipient(*row: Any) -> Recipient:
    *columns, started_at = row
    return Recipient._make((*columns, started_at.astimezone(UTC) if started_at else None))
