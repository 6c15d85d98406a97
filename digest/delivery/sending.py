"""A worker's part in sending an issue: claim, open a window, send, write down what came of it."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog
from sqlalchemy.orm import Session

from digest.clock import Clock
from digest.database import Database
from digest.delivery import ledger, sweeping
from digest.delivery.ledger import Recipient
from digest.delivery.messages import Links, Mailing, load_mailing, write_message
from digest.delivery.relay import connect_to_relay
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
# A window is given up while the lease still has this part of its time.
LEASE_MARGIN = 0.25

log = structlog.get_logger(__name__)


def deliver_issue(
    database: Database,
    issue_id: int,
    *,
    settings: Settings,
    links: Links,
    clock: Clock,
    stopping: threading.Event,
) -> bool:
    """Send what is due of an issue, for at most about `settings.slice_seconds`.

    Return whether there is more to do now. Safe to run in any number of workers at once.
    """
    with database.transaction() as session:
        if not ledger.start_sending(session, issue_id):
            return False
        mailing = load_mailing(session, issue_id)
    worker = _Worker(database, mailing, settings, links, clock, stopping)
    try:
        return worker.run()
    finally:
        worker.hang_up()


@dataclass
class _Worker:
    """One task's hold on an issue: at most one connection, one claim, one window."""

    database: Database
    mailing: Mailing
    settings: Settings
    links: Links
    clock: Clock
    stopping: threading.Event
    connection: Connection | None = None
    refusals: list[Outcome] = field(default_factory=list)

    def run(self) -> bool:
        until = time.monotonic() + self.settings.slice_seconds
        while not self.stopping.is_set():
            if time.monotonic() > until:
                return True
            try:
                self._connect()
            except RelayTrouble as trouble:
                self._park(trouble)
                return False
            token = self._claim()
            if token is None:
                with self.database.transaction() as session:
                    sweeping.close_if_done(session, self.mailing.issue_id, self.clock.now())
                return False
            if not self._send_claim(token, lambda: time.monotonic() > until):
                return False
        return True

    def hang_up(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _connect(self) -> None:
        if self.connection is None or not self.connection.usable:
            self.hang_up()
            self.connection = connect_to_relay(self.settings)

    def _reconnect(self) -> RelayTrouble | None:
        try:
            self._connect()
        except RelayTrouble as trouble:
            return trouble
        return None

    def _claim(self) -> bytes | None:
        with self.database.transaction() as session:
            return ledger.claim(
                session,
                self.mailing.issue_id,
                size=self.settings.window_size * WINDOWS_PER_CLAIM,
                lease_seconds=self.settings.lease_seconds,
                now=self.clock.now(),
            )

    def _send_claim(self, token: bytes, is_over: Callable[[], bool]) -> bool:
        """Send a claim window by window. Return False when the issue was parked."""
        outcomes: list[Outcome] = []
        left: list[Recipient] = []
        trouble: RelayTrouble | None = None
        while True:
            goes_on = trouble is None and not self.stopping.is_set() and not is_over()
            opened_at = time.monotonic()
            # One commit writes the last window down and opens the next.
            with self.database.transaction() as session:
                ledger.record(session, self.mailing.issue_id, token, outcomes)
                ledger.exclude(session, self.mailing.issue_id, token, left)
                opened = self._open_window(session, token) if goes_on else 0
                if not goes_on:
                    ledger.release(session, self.mailing.issue_id, token)
            if trouble is not None:
                self._park(trouble)
                return False
            if not opened:
                return True
            readers = self._read_window(token)
            left = [reader for reader in readers if reader.reason is not None]
            outcomes = self._send_window(
                [reader for reader in readers if reader.reason is None], opened_at
            )
            outcomes, trouble = self._judge(outcomes)
            trouble = trouble or self._reconnect()

    def _open_window(self, session: Session, token: bytes) -> int:
        return ledger.open_window(
            session,
            self.mailing.issue_id,
            token,
            size=self.settings.window_size,
            lease_seconds=self.settings.lease_seconds,
            now=self.clock.now(),
        )

    def _read_window(self, token: bytes) -> list[Recipient]:
        with self.database.reading() as session:
            return ledger.read_window(
                session,
                self.mailing.issue_id,
                token,
                self.mailing.newsletter_id,
                self.clock.now(),
            )

    def _send_window(self, readers: Iterable[Recipient], opened_at: float) -> list[Outcome]:
        last_moment = opened_at + self.settings.lease_seconds * (1 - LEASE_MARGIN)
        outcomes: list[Outcome] = []
        envelopes: list[Envelope] = []
        for reader in readers:
            written = write_message(self.mailing, reader, self.links)
            if isinstance(written, Outcome):
                outcomes.append(written)
            else:
                envelopes.append(written)
        assert self.connection is not None
        outcomes += self.connection.send(envelopes, deadline=lambda: time.monotonic() > last_moment)
        return outcomes

    def _judge(self, outcomes: list[Outcome]) -> tuple[list[Outcome], RelayTrouble | None]:
        """Tell the relay's trouble from the readers': a verdict on the issue is not theirs."""
        trouble: RelayTrouble | None = self.connection.trouble if self.connection else None
        if isinstance(trouble, RelayDown) and any(o.fate is Fate.ACCEPTED for o in outcomes):
            # Many relays hang up after so many messages: it is there, so go on.
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
        kept = [
            Outcome(o.key, Fate.UNSENT, None, o.stage) if o.key in refused else o for o in outcomes
        ]
        words = f"The relay refuses every message of this issue: {reply}"
        return kept, RelayRefused(words, stage=Stage.FINAL_DOT, reply=reply)

    def _park(self, trouble: RelayTrouble) -> None:
        seconds = REFUSED_SECONDS if isinstance(trouble, RelayRefused) else AWAY_SECONDS
        log.warning("issue parked", issue=self.mailing.issue_id, reason=str(trouble))
        with self.database.transaction() as session:
            sweeping.park(session, self.mailing.issue_id, str(trouble), seconds=seconds)


def _verdict(outcome: Outcome) -> tuple[int | None, str | None]:
    reply = outcome.reply
    return (reply.code, reply.enhanced) if reply else (None, None)
