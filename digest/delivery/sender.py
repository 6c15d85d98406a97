"""One connection's part in sending an issue: open a window, send it, write down what came of it."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy.orm import Session

from digest.clock import Clock
from digest.database.transactions import Database
from digest.delivery.judging import Judge
from digest.delivery.ledger import breaker, claiming, relays, sweeping
from digest.delivery.ledger.claiming import Recipient
from digest.delivery.ledger.postponing import spread_by_domain
from digest.delivery.messages import Links, Mailing, load_mailing, write_message
from digest.delivery.relay.connecting import connect_to_relay
from digest.delivery.relay.connection import (
    Connection,
    Envelope,
    Fate,
    Outcome,
    RelayRefused,
    RelayTrouble,
    Stage,
)
from digest.delivery.relay.deadlines import elapsed, patiently
from digest.delivery.relay.habits import Habits
from digest.delivery.relay.pacing import BOOKED_SECONDS, Pace
from digest.delivery.rendering.slots import StencilError
from digest.delivery.signing.signatory import Signatory, SigningError
from digest.delivery.windows import NOTHING, Told, Window, Windows
from digest.logs import get_logger
from digest.settings.loading import Settings

# How long an issue waits for a relay that is away, and for one that a person must set right.
AWAY_SECONDS = 60
REFUSED_SECONDS = 15 * 60
WINDOWS_PER_CLAIM = 4
# So many tasks share an issue. Each rings for itself until nothing is due, and the tick adds one
# only where nobody is left: so a long send never fills the queue, and a short one gets its turn.
HANDS = 4
# Nobody is known to have the issue yet: so long is waited for what other windows came to.
HEARING_SECONDS = 20.0
PAUSE_SECONDS = 0.1
# Who waits for rows that are due later than the next tick waits for nothing.
TICK_SECONDS = 60.0

log = get_logger(__name__)


@dataclass(frozen=True)
class Halt:
    """Why an issue cannot be sent on, in words, and for how many seconds it shall rest.

    `trouble`: the relay's, if it is that.
    """

    reason: str
    seconds: float
    trouble: RelayTrouble | None = None

    @classmethod
    def of(cls, trouble: RelayTrouble) -> "Halt":
        refused = isinstance(trouble, RelayRefused)
        return cls(str(trouble), REFUSED_SECONDS if refused else AWAY_SECONDS, trouble)


def park(session: Session, issue_id: int, halt: Halt) -> None:
    """Let an issue rest."""
    log.warning("issue parked", issue=issue_id, reason=halt.reason)
    sweeping.park(session, issue_id, halt.reason, seconds=halt.seconds)


@dataclass(frozen=True)
class Task:
    """What all senders of a task share. `until`: when its slice of time is over, by `elapsed`."""

    database: Database
    mailing: Mailing
    settings: Settings
    links: Links
    signatory: Signatory | None
    clock: Clock
    stopping: threading.Event
    pace: Pace
    ring: Callable[[int], None]
    window_size: int
    until: float
    habits: Habits

    @property
    def is_over(self) -> bool:
        return self.stopping.is_set() or elapsed() > self.until


@dataclass
class Sender:
    """One thread's hold on an issue: at most one connection, one claim, one window.

    `windows`: its own hold on the ledger. `probe`: it tries whether the relay is back.
    `on_full_window` is called when a window was full, so that there may be work for another.
    """

    task: Task
    windows: Windows
    probe: bytes | None = None
    on_full_window: Callable[[], None] = lambda: None
    connection: Connection | None = None
    judge: Judge = field(init=False)
    _token: bytes = b""
    # Its issue, where an edition of it was made since the task began.
    _corrected: Mailing | None = None

    def __post_init__(self) -> None:
        self.judge = Judge(partial(patiently, self._has_arrived))

    def run(self) -> bool:
        """Send window by window. Return whether there is more to do now."""
        try:
            return self._run()
        finally:
            self._hang_up()
            if self.probe is not None:
                with self.task.database.transaction() as session:
                    breaker.withdraw(session, self.probe)

    def _run(self) -> bool:
        told, halt = NOTHING, None
        while halt is None and not self.task.is_over:
            if not self._is_connected:
                # To call may take a while, in which nothing shall be known to us alone.
                told = self._write_down(told)
                # Nobody calls the relay for nothing, or for what another has.
                if self._claim():
                    halt = self._connect()
                elif not self._close_or_rest():
                    return False
                continue
            if self.task.pace.holds_domains_back and not self._claim():
                told = self._write_down(told)
                if not self._close_or_rest():
                    return False
                continue
            turn = self.task.pace.take(1 if self.probe else self.task.window_size)
            if not turn.granted:
                told = self._write_down(told)
                self._rest(turn.wait)
                continue
            # One commit writes the last window down and opens the next.
            window = patiently(partial(self.windows.turn, told, turn.granted))
            told = NOTHING
            if not window.rows:
                self.task.pace.give_back(turn.granted)
                if self.windows.claim is None and not self._close_or_rest():
                    return False
                patiently(self.windows.release)
                continue
            told, halt = self._send_window(window)
            self.task.pace.give_back(turn.granted - len(told.outcomes))
            if self.probe is not None and _is_there(told, halt):
                patiently(partial(self._relay_is_back, told))
                told = NOTHING
            if window.rows == self.task.window_size:
                self.on_full_window()
        patiently(partial(self._finish, told, halt))
        return halt is None

    def _hang_up(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _rest(self, seconds: float) -> None:
        self.task.stopping.wait(max(0.0, min(seconds, self.task.until - elapsed())))

    def _claim(self) -> bool:
        """Have rows claimed: for several windows where domains are held back, else for the first.

        Less those whose domain is to get no more now.
        """
        task, windows = self.task, self.windows
        if windows.claim is None:
            claim = patiently(partial(windows.claim_some, self._claim_size()))
            if claim is None:
                return False
            spread_by_domain(task.database, task.mailing.issue_id, claim, task.pace)
        return True

    def _claim_size(self) -> int:
        task, settings = self.task, self.task.settings
        # What is claimed and not sent in this slice goes back, for others to take up again.
        seconds = min(settings.lease_seconds / 3, settings.slice_seconds / HANDS)
        windows = WINDOWS_PER_CLAIM if task.pace.holds_domains_back else 1
        return task.pace.claim_size(task.window_size * windows, seconds)

    def _close_or_rest(self) -> bool:
        """Nothing is due: close the issue if it is done.

        Return whether something will be due soon, having waited for it: readers whose domain was
        to get no more come back one after the other, and the tick comes once a minute.
        """
        task = self.task
        soon = None
        with task.database.transaction() as session:
            issue_id = task.mailing.issue_id
            closed = sweeping.close_if_done(session, issue_id, task.clock.now())
            if task.pace.holds_domains_back and not closed:
                soon = sweeping.next_moment(session, issue_id, within=TICK_SECONDS)
        if soon is None:
            return False
        self._rest(max(soon, BOOKED_SECONDS))
        return True

    def _write_down(self, told: Told) -> Told:
        if told is not NOTHING:
            patiently(partial(self.windows.write, told))
        return NOTHING

    def _finish(self, told: Told, halt: Halt | None) -> None:
        task = self.task
        with task.database.transaction() as session:
            self.windows.note(session, told)
            if self.windows.claim is not None:
                claiming.release(session, task.mailing.issue_id, self.windows.claim)
            if halt is None:
                return
            if halt.trouble is None or not breaker.is_of_relay(halt.trouble):
                park(session, task.mailing.issue_id, halt)
                return
            relay = task.settings.relay.name
            token = self.windows.claim or told.token
            breaker.report_trouble(session, relay, halt.trouble, probe=self.probe, claim=token)

    def _relay_is_back(self, told: Told) -> None:
        task = self.task
        with task.database.transaction() as session:
            self.windows.note(session, told)
            resumed = breaker.report_success(session, task.settings.relay.name)
        self.probe = None
        for issue_id in (*resumed * HANDS, *[task.mailing.issue_id] * (HANDS - 1)):
            task.ring(issue_id)

    @property
    def _is_connected(self) -> bool:
        return self.connection is not None and self.connection.usable

    def _connect(self) -> Halt | None:
        self._hang_up()
        try:
            self.connection = connect_to_relay(self.task.settings, self.task.habits)
        except RelayTrouble as trouble:
            return Halt.of(trouble)
        self.judge.new_connection()
        task, offers = self.task, self.connection.offers
        patiently(partial(relays.note_relay, task.database, task.settings.relay.name, offers))
        return None

    def _has_arrived(self) -> bool:
        """Ask the ledger; where others are sending, for what they are about to write down."""
        task, issue_id = self.task, self.task.mailing.issue_id
        until = elapsed() + HEARING_SECONDS
        while True:
            with task.database.reading() as session:
                if claiming.has_arrived(session, issue_id):
                    return True
                others = claiming.others_are_sending(session, issue_id, self._token)
            if not others or elapsed() > until or task.stopping.wait(PAUSE_SECONDS):
                return False

    def _mailing_for(self, readers: list[Recipient]) -> Mailing:
        """Return what they are written from: an issue may be corrected while a task goes on."""
        mailing = self._corrected or self.task.mailing
        if any(reader.rendering_id not in mailing.stencils for reader in readers):
            with self.task.database.reading() as session:
                mailing = self._corrected = load_mailing(
                    session, mailing.issue_id, self.task.signatory
                )
        return mailing

    def _send_window(self, window: Window) -> tuple[Told, Halt | None]:
        task, self._token = self.task, window.token
        readers = patiently(partial(self.windows.read, window.token))
        if len(readers) < window.rows:
            # Some had left when it was opened; or it was given up since, and none of it was sent.
            patiently(partial(self.windows.take_back, window.token))
        left = [reader for reader in readers if reader.reason is not None]
        rest = [reader for reader in readers if reader.reason is None]
        try:
            mailing = patiently(partial(self._mailing_for, rest))
            written = [write_message(mailing, reader, task.links) for reader in rest]
            envelopes = [message for message in written if isinstance(message, Envelope)]
            outcomes = [outcome for outcome in written if isinstance(outcome, Outcome)]
            assert self.connection is not None
            answers = list(self.connection.send(envelopes, deadline=window.too_late))
        except (StencilError, SigningError, LookupError, ValueError) as error:
            # Every message of the issue would fail alike, and none has left.
            unsent = [_unsent(reader.subscriber_id, Stage.CHECK) for reader in rest]
            halt = Halt(f"A message of this issue could not be written: {error}", REFUSED_SECONDS)
            return Told(window.token, unsent, left), halt
        relay = task.settings.relay.name
        patiently(partial(relays.note_habits, task.database, relay, task.habits))
        verdict = self.judge.judge(outcomes + answers, self.connection.trouble)
        told = Told(window.token, verdict.outcomes, left, verdict.recalled, verdict.postponed)
        return told, Halt.of(verdict.trouble) if verdict.trouble else None


def _is_there(told: Told, halt: Halt | None) -> bool:
    """Say whether the relay gave an answer about our mail, whatever it was."""
    if halt is not None and halt.trouble is not None:
        return not breaker.is_of_relay(halt.trouble)
    return any(outcome.reply is not None for outcome in told.outcomes)


def _unsent(key: Hashable, stage: Stage) -> Outcome:
    return Outcome(key, Fate.UNSENT, None, stage)
