"""A worker's part in sending an issue: claim, open a window, send, write down what came of it."""

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog
from sqlalchemy.orm import Session

from digest.addresses import AddressError
from digest.clock import Clock
from digest.database import Database
from digest.delivery import breaker, ledger, sweeping
from digest.delivery.controlling import withdraw_rows
from digest.delivery.deadlines import elapsed, patiently, window_deadline
from digest.delivery.ledger import Recipient
from digest.delivery.messages import Links, Mailing, load_mailing, write_message
from digest.delivery.pacing import BOOKED_SECONDS, Pace, open_pace
from digest.delivery.postponing import spread_by_domain
from digest.delivery.relay import connect_to_relay
from digest.delivery.slots import StencilError
from digest.delivery.smtp import (
    Connection,
    Envelope,
    Fate,
    Outcome,
    RelayDown,
    RelayRefused,
    RelayTrouble,
    Stage,
)
from digest.settings import Settings

# How long an issue waits for a relay that is away, and for one that a person must set right.
AWAY_SECONDS = 60
REFUSED_SECONDS = 15 * 60
# So many messages refused one after the other in the same words are the issue's fault.
VERDICT_RUN = 10
WINDOWS_PER_CLAIM = 4
# So many tasks share an issue. Each rings for itself until nothing is due, and the tick adds one
# only where nobody is left: so a long send never fills the queue, and a short one gets its turn.
HANDS = 4
# Who waits for rows that are due later than the next tick waits for nothing.
TICK_SECONDS = 60.0

log = structlog.get_logger(__name__)


def deliver_issue(
    database: Database,
    issue_id: int,
    *,
    settings: Settings,
    links: Links,
    clock: Clock,
    stopping: threading.Event,
    pace: Pace | None = None,
    ring: Callable[[int], None] = lambda _: None,
) -> bool:
    """Send what is due of an issue, for at most about `settings.slice_seconds`.

    Return whether there is more to do now. Safe to run in any number of workers at once. What is
    left of a cancelled issue is withdrawn instead. `pace`: shared by all threads of a process.
    `ring` asks for a worker for an issue, where the relay turns out to be there again.
    """
    started = _start(database, issue_id, settings)
    if started is None:
        until = elapsed() + settings.slice_seconds
        return withdraw_rows(
            database, issue_id, go_on=lambda: elapsed() < until and not stopping.is_set()
        )
    mailing, admitted = started
    worker = _Worker(
        database,
        mailing,
        settings,
        links,
        clock,
        stopping,
        pace=pace or open_pace(settings),
        ring=ring,
        probe=admitted.probe,
    )
    try:
        return worker.run()
    finally:
        worker.hang_up()
        worker.give_up_probe()


def _start(
    database: Database, issue_id: int, settings: Settings
) -> tuple[Mailing, breaker.Admission] | None:
    relay = breaker.relay_name(settings)
    try:
        with database.transaction() as session:
            if not ledger.start_sending(session, issue_id):
                return None
            mailing = load_mailing(session, issue_id)
            admitted = breaker.admit(session, relay, lease_seconds=settings.lease_seconds)
        return (mailing, admitted) if admitted else None
    except (StencilError, AddressError) as error:
        halt = _Halt(f"This issue's messages cannot be made: {error}", REFUSED_SECONDS)
        with database.transaction() as session:
            ledger.start_sending(session, issue_id)
            _park(session, issue_id, halt)
        return None


@dataclass(frozen=True)
class _Halt:
    """Why an issue cannot be sent on, in words, and for how many seconds it shall rest.

    `trouble`: the relay's, if it is that.
    """

    reason: str
    seconds: float
    trouble: RelayTrouble | None = None

    @classmethod
    def of(cls, trouble: RelayTrouble) -> "_Halt":
        refused = isinstance(trouble, RelayRefused)
        return cls(str(trouble), REFUSED_SECONDS if refused else AWAY_SECONDS, trouble)


def _park(session: Session, issue_id: int, halt: _Halt) -> None:
    log.warning("issue parked", issue=issue_id, reason=halt.reason)
    sweeping.park(session, issue_id, halt.reason, seconds=halt.seconds)


@dataclass(frozen=True)
class _Told:
    """What is known of a window and not yet written down. `left`: who may not be mailed."""

    outcomes: Sequence[Outcome] = ()
    left: Sequence[Recipient] = ()


@dataclass
class _Worker:
    """One task's hold on an issue: at most one connection, one claim, one window."""

    database: Database
    mailing: Mailing
    settings: Settings
    links: Links
    clock: Clock
    stopping: threading.Event
    pace: Pace
    ring: Callable[[int], None]
    probe: bytes | None
    connection: Connection | None = None
    proven: bool = False
    refusals: list[Outcome] = field(default_factory=list)
    until: float = 0.0

    def run(self) -> bool:
        self.until = elapsed() + self.settings.slice_seconds
        while not self.stopping.is_set():
            if self._is_over:
                return True
            token = self._claim()
            if token is None:
                if not self._close_or_rest():
                    return False
                continue
            spread_by_domain(self.database, self.mailing.issue_id, token, self.pace)
            if not self._send_claim(token):
                return False
        return True

    def hang_up(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def give_up_probe(self) -> None:
        if self.probe is not None:
            with self.database.transaction() as session:
                breaker.withdraw(session, self.probe)

    @property
    def _is_over(self) -> bool:
        return elapsed() > self.until

    def _rest(self, seconds: float) -> None:
        self.stopping.wait(max(0.0, min(seconds, self.until - elapsed())))

    def _claim(self) -> bytes | None:
        settings = self.settings
        # What is claimed and not sent in this slice goes back, for others to take up again.
        seconds = min(settings.lease_seconds / 3, settings.slice_seconds / HANDS)
        with self.database.transaction() as session:
            return ledger.claim(
                session,
                self.mailing.issue_id,
                size=self.pace.claim_size(settings.window_size * WINDOWS_PER_CLAIM, seconds),
                lease_seconds=settings.lease_seconds,
                now=self.clock.now(),
            )

    def _close_or_rest(self) -> bool:
        """Nothing is due: close the issue if it is done.

        Return whether something will be due soon, having waited for it: readers whose domain was
        to get no more come back one after the other, and the tick comes once a minute.
        """
        soon = None
        with self.database.transaction() as session:
            issue_id = self.mailing.issue_id
            closed = sweeping.close_if_done(session, issue_id, self.clock.now())
            if self.pace.holds_domains_back and not closed:
                soon = sweeping.next_moment(session, issue_id, within=TICK_SECONDS)
        if soon is None:
            return False
        self._rest(max(soon, BOOKED_SECONDS))
        return True

    def _send_claim(self, token: bytes) -> bool:
        """Send a claim window by window. Return False when the issue was parked."""
        told = _Told()
        halt = self._connect()
        while halt is None and not self.stopping.is_set() and not self._is_over:
            turn = self.pace.take(1 if self.probe else self.settings.window_size)
            if not turn.granted:
                # While we wait, nothing shall be known to us alone.
                patiently(partial(self._write_down, token, told))
                self._rest(turn.wait)
                told, halt = _Told(), self._connect()
                continue
            # One commit writes the last window down and opens the next.
            opened, too_late = patiently(partial(self._turn, token, told, turn.granted))
            told = _Told()
            if not opened:
                self.pace.give_back(turn.granted)
                break
            readers = patiently(partial(self._read_window, token))
            told, halt = self._send_window(readers, too_late)
            self.pace.give_back(turn.granted - len(told.outcomes))
            if self.probe is not None and _is_there(told, halt):
                patiently(partial(self._relay_is_back, token, told))
                told = _Told()
            if halt is None and not self._is_connected:
                # To call again may take a while, in which nothing shall be known to us alone.
                patiently(partial(self._write_down, token, told))
                told, halt = _Told(), self._connect()
        patiently(partial(self._finish, token, told, halt))
        return halt is None

    def _turn(self, token: bytes, told: _Told, size: int) -> tuple[int, Callable[[], bool]]:
        too_late = window_deadline(self.settings)
        with self.database.transaction() as session:
            self._note(session, token, told)
            opened = ledger.open_window(
                session,
                self.mailing.issue_id,
                token,
                size=size,
                lease_seconds=self.settings.lease_seconds,
                now=self.clock.now(),
            )
        return opened, too_late

    def _write_down(self, token: bytes, told: _Told) -> None:
        with self.database.transaction() as session:
            self._note(session, token, told)

    def _finish(self, token: bytes, told: _Told, halt: _Halt | None) -> None:
        with self.database.transaction() as session:
            self._note(session, token, told)
            ledger.release(session, self.mailing.issue_id, token)
            if halt is None:
                return
            if halt.trouble is None or not breaker.is_of_relay(halt.trouble):
                _park(session, self.mailing.issue_id, halt)
                return
            relay = breaker.relay_name(self.settings)
            breaker.report_trouble(session, relay, halt.trouble, probe=self.probe, claim=token)

    def _relay_is_back(self, token: bytes, told: _Told) -> None:
        with self.database.transaction() as session:
            self._note(session, token, told)
            resumed = breaker.report_success(session, breaker.relay_name(self.settings))
        self.probe = None
        for issue_id in (*resumed * HANDS, *[self.mailing.issue_id] * (HANDS - 1)):
            self.ring(issue_id)

    def _note(self, session: Session, token: bytes, told: _Told) -> None:
        ledger.record(session, self.mailing.issue_id, token, told.outcomes)
        ledger.exclude(session, self.mailing.issue_id, token, told.left)

    def _read_window(self, token: bytes) -> list[Recipient]:
        with self.database.reading() as session:
            return ledger.read_window(
                session,
                self.mailing.issue_id,
                token,
                self.mailing.newsletter_id,
                self.clock.now(),
            )

    @property
    def _is_connected(self) -> bool:
        return self.connection is not None and self.connection.usable

    def _connect(self) -> _Halt | None:
        if self._is_connected:
            return None
        self.hang_up()
        try:
            self.connection = connect_to_relay(self.settings)
        except RelayTrouble as trouble:
            return _Halt.of(trouble)
        self.proven = False
        return None

    def _send_window(
        self, readers: Sequence[Recipient], too_late: Callable[[], bool]
    ) -> tuple[_Told, _Halt | None]:
        assert self.connection is not None
        left = [reader for reader in readers if reader.reason is not None]
        rest = [reader for reader in readers if reader.reason is None]
        try:
            written = [write_message(self.mailing, reader, self.links) for reader in rest]
            answers = self.connection.send(
                [message for message in written if isinstance(message, Envelope)],
                deadline=too_late,
            )
        except (StencilError, LookupError, ValueError) as error:
            # Every message of the issue would fail alike, and none has left.
            unsent = [_unsent(reader.subscriber_id, Stage.CHECK) for reader in rest]
            halt = _Halt(f"A message of this issue could not be written: {error}", REFUSED_SECONDS)
            return _Told(unsent, left), halt
        outcomes = [outcome for outcome in written if isinstance(outcome, Outcome)]
        outcomes += answers
        outcomes, trouble = self._judge(outcomes)
        return _Told(outcomes, left), _Halt.of(trouble) if trouble else None

    def _judge(self, outcomes: list[Outcome]) -> tuple[list[Outcome], RelayTrouble | None]:
        """Tell the relay's trouble from the readers': a verdict on the issue is not theirs."""
        trouble: RelayTrouble | None = self.connection.trouble if self.connection else None
        self.proven = self.proven or any(o.fate is Fate.ACCEPTED for o in outcomes)
        if isinstance(trouble, RelayDown) and self.proven:
            # Many relays hang up after so many messages: it is there, so call again.
            trouble = None
        for outcome in outcomes:
            if outcome.fate is not Fate.REFUSED or outcome.stage is not Stage.FINAL_DOT:
                self.refusals.clear()
            elif self.refusals and _verdict(self.refusals[-1]) != _verdict(outcome):
                self.refusals[:] = [outcome]
            else:
                self.refusals.append(outcome)
        if len(self.refusals) < VERDICT_RUN:
            return outcomes, trouble
        refused = {outcome.key for outcome in self.refusals}
        reply = self.refusals[-1].reply
        self.refusals.clear()
        kept = [_unsent(o.key, o.stage) if o.key in refused else o for o in outcomes]
        words = f"The relay refuses every message of this issue: {reply}"
        return kept, RelayRefused(words, stage=Stage.FINAL_DOT, reply=reply)


def _is_there(told: _Told, halt: _Halt | None) -> bool:
    """Say whether the relay gave an answer about our mail, whatever it was."""
    if halt is not None and halt.trouble is not None:
        return not breaker.is_of_relay(halt.trouble)
    return any(outcome.reply is not None for outcome in told.outcomes)


def _unsent(key: Hashable, stage: Stage) -> Outcome:
    return Outcome(key, Fate.UNSENT, None, stage)


def _verdict(outcome: Outcome) -> tuple[int | None, str | None]:
    reply = outcome.reply
    return (reply.code, reply.enhanced) if reply else (None, None)
