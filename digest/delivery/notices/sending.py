"""Notices: one mail to one person, from a table and a queue of their own.

The same ideas as the ledger's: claimed by a conditional statement with a lease, retried by
`next_attempt_at`. What is in doubt is sent again, under the same Message-ID, once its lease and
the final dot's time are over, and ever later: a confirmation that never comes is worse than one
that comes twice, and one that comes for ever is worse than both.
"""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, case, literal, or_, select, update
from sqlalchemy.orm import Session

from digest import home
from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger import breaker, relays
from digest.delivery.messages import Links
from digest.delivery.notices.letters import Letter, read_letters
from digest.delivery.relay.backoff import GIVE_UP_AFTER, wait_before
from digest.delivery.relay.connecting import connect_to_relay
from digest.delivery.relay.connection import Connection, Fate, Outcome, RelayTrouble, Stage
from digest.delivery.relay.deadlines import elapsed, patiently, window_deadline
from digest.delivery.relay.pacing import Pace, open_pace
from digest.models import (
    Notice,
    NoticeState,
)
from digest.settings.loading import Settings

BATCH = 10
AWAY_SECONDS = 60
log = structlog.get_logger(__name__)


def send_notices(
    database: Database,
    *,
    settings: Settings,
    links: Links,
    stopping: threading.Event,
    pace: Pace | None = None,
    ring_issue: Callable[[int], None] = lambda _: None,
    ring_again: Callable[[], None] = lambda: None,
) -> int:
    """Send every notice that is due. Return how many the relay accepted.

    `pace`: shared by all threads of a process. `ring_issue` is called for the issues that may go
    on, where the relay turns out to be there again; `ring_again` where the pace left some over.
    """
    clerk = _Clerk(database, settings, links, stopping, pace or open_pace(settings))
    try:
        if not clerk.run():
            ring_again()
    finally:
        clerk.hang_up()
    for issue_id in clerk.resumed:
        ring_issue(issue_id)
    return clerk.accepted


@dataclass
class _Clerk:
    """One task's work on the notices: at most one connection, and one batch."""

    database: Database
    settings: Settings
    links: Links
    stopping: threading.Event
    pace: Pace
    connection: Connection | None = None
    admitted: breaker.Admission | None = None
    accepted: int = 0
    resumed: list[int] = field(default_factory=list)

    @property
    def relay(self) -> str:
        return self.settings.relay.name

    def run(self) -> bool:
        """Return whether all was done that can be done now."""
        until = elapsed() + self.settings.slice_seconds
        while not self.stopping.is_set():
            turn = self.pace.take_for_notices(BATCH)
            if not turn.granted:
                # The tick comes to this worker as well, and must not wait for long.
                if elapsed() > until:
                    return False
                self.stopping.wait(min(turn.wait, self.settings.slice_seconds))
                continue
            too_late = window_deadline(self.settings)
            claim = self._claim(turn.granted)
            if claim is None:
                self.pace.give_back(turn.granted)
                return True
            letters = patiently(partial(read_letters, self.database, claim, self.links))
            self.pace.give_back(turn.granted - sum(each.envelope is not None for each in letters))
            if not self._send_batch(claim, letters, too_late):
                return True
        return True

    def hang_up(self) -> None:
        if self.connection is not None:
            self.connection.close()
        if self.admitted is not None and self.admitted.probe is not None:
            with self.database.transaction() as session:
                breaker.withdraw(session, self.admitted.probe)

    def _claim(self, size: int) -> bytes | None:
        with self.database.transaction() as session:
            claim = _claim(session, self.settings, size)
            if claim is None or self.admitted is not None:
                return claim
            self.admitted = breaker.admit(
                session,
                self.relay,
                lease_seconds=self.settings.lease_seconds,
                patience=AWAY_SECONDS / 2,
            )
            if self.admitted is None:
                _put_off(session, claim)
                return None
        return claim

    def _send_batch(
        self, claim: bytes, letters: list[Letter], too_late: Callable[[], bool]
    ) -> bool:
        """Return whether there is any use in going on."""
        try:
            connection = self._connected()
        except RelayTrouble as trouble:
            log.warning("notices wait for the relay", reason=str(trouble))
            with self.database.transaction() as session:
                _put_off(session, claim)
                self._report(session, trouble)
            return False
        outcomes = _send(connection, letters, too_late)
        patiently(partial(_write_down, self.database, claim, outcomes))
        patiently(partial(relays.note_habits, self.database, self.relay, connection.habits))
        taken = sum(outcome.fate is Fate.ACCEPTED for _, outcome in outcomes)
        self.accepted += taken
        found = connection.trouble
        # Many relays hang up after so many messages, and can be called again.
        if found is not None and not taken and breaker.is_of_relay(found):
            with self.database.transaction() as session:
                self._report(session, found)
        elif found is not None or any(outcome.reply is not None for _, outcome in outcomes):
            self._relay_is_back()
        return found is None or taken > 0

    def _connected(self) -> Connection:
        if self.connection is None or not self.connection.usable:
            with self.database.reading() as session:
                habits = relays.habits_of(session, self.relay)
            self.connection = connect_to_relay(self.settings, habits)
            relays.note_relay(self.database, self.relay, self.connection.offers)
        return self.connection

    def _report(self, session: Session, trouble: RelayTrouble) -> None:
        probe = self.admitted.probe if self.admitted else None
        breaker.report_trouble(session, self.relay, trouble, probe=probe, claim=b"")

    def _relay_is_back(self) -> None:
        if self.admitted is None or self.admitted.probe is None:
            return
        with self.database.transaction() as session:
            self.resumed += breaker.report_success(session, self.relay)
        self.admitted = breaker.Admission()


def notices_due(session: Session, settings: Settings) -> bool:
    """Say whether `send_notices` would find work."""
    return session.execute(select(Notice.id).where(_is_due(settings)).limit(1)).first() is not None


def _is_due(settings: Settings) -> ColumnElement[bool]:
    lost = (Notice.state == NoticeState.SENDING) & (
        Notice.lease_until < database_now(-settings.final_dot_wait)
    )
    waiting = (Notice.state == NoticeState.QUEUED) & (Notice.next_attempt_at <= database_now())
    return or_(waiting, lost)


def _claim(session: Session, settings: Settings, size: int) -> bytes | None:
    token = secrets.token_bytes(16)
    due = (
        select(Notice.id)
        .where(_is_due(settings), home.at_home(session))
        .order_by(Notice.next_attempt_at)
        .limit(size)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    taken = session.execute(
        update(Notice)
        .where(Notice.id.in_(select(due.c.id)))
        .values(
            state=NoticeState.SENDING,
            claim=token,
            lease_until=database_now(settings.lease_seconds),
        )
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    ).all()
    return token if taken else None


def _send(
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


def _put_off(session: Session, claim: bytes) -> None:
    """Let a claim, and whatever else is due, wait until the relay may be there again."""
    due = (Notice.state == NoticeState.QUEUED) & (Notice.next_attempt_at <= database_now())
    ours = (Notice.state == NoticeState.SENDING) & (Notice.claim == claim)
    session.execute(
        update(Notice)
        .where(or_(due, ours))
        .values(
            state=NoticeState.QUEUED,
            claim=None,
            lease_until=None,
            next_attempt_at=database_now(AWAY_SECONDS),
        )
    )


def _write_down(database: Database, claim: bytes, outcomes: list[tuple[Letter, Outcome]]) -> None:
    # Where the relay took some, it is there: what it did not come to can follow at once.
    pause = 0 if any(outcome.fate is Fate.ACCEPTED for _, outcome in outcomes) else AWAY_SECONDS
    with database.transaction() as session:
        for letter, outcome in outcomes:
            _record(session, claim, letter, outcome, pause)


def _record(session: Session, claim: bytes, letter: Letter, outcome: Outcome, pause: float) -> None:
    reply = outcome.reply
    session.execute(
        update(Notice)
        .where(
            Notice.id == letter.notice_id,
            Notice.claim == claim,
            Notice.state == NoticeState.SENDING,
        )
        .values(
            attempts=letter.attempts + (outcome.fate is not Fate.UNSENT),
            code=reply.code if reply else None,
            enhanced=reply.enhanced if reply else None,
            reply=reply.text if reply else outcome.reason[:500] or None,
            **_after(letter, outcome.fate, pause),
        )
    )


def _after(letter: Letter, fate: Fate, pause: float) -> dict[str, Any]:
    final = {"final_at": database_now(), "lease_until": None, "to_address": None}
    free = {"claim": None, "lease_until": None}
    if letter.moot:
        return {"state": NoticeState.CANCELLED, **final}
    if fate is Fate.ACCEPTED:
        return {"state": NoticeState.ACCEPTED, **final}
    if fate is Fate.REFUSED:
        return {"state": NoticeState.FAILED, **final}
    if fate is Fate.UNSENT:
        return {"state": NoticeState.QUEUED, **free, "next_attempt_at": database_now(pause)}
    wait = wait_before(letter.attempts + 1)
    too_late = Notice.released_at < database_now(wait - GIVE_UP_AFTER.total_seconds())
    if fate is Fate.IN_DOUBT:
        # It stays as it is until lease and final dot are over: the lease is the wait.
        return {
            **_given_up(too_late, otherwise=NoticeState.SENDING),
            "lease_until": database_now(wait),
        }
    return {
        **_given_up(too_late, otherwise=NoticeState.QUEUED),
        **free,
        "next_attempt_at": database_now(wait),
    }


def _given_up(too_late: ColumnElement[bool], *, otherwise: NoticeState) -> dict[str, Any]:
    return {
        "state": case(
            (too_late, literal(NoticeState.FAILED, Notice.state.type)),
            else_=literal(otherwise, Notice.state.type),
        ),
        "to_address": case((too_late, None), else_=Notice.to_address),
        "final_at": case((too_late, database_now()), else_=None),
    }
