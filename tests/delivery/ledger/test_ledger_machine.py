"""Every order of the ledger's moves, and of what befalls them, against a model of what must hold.

The model is the relay's: what it took, from whom. The machine plays workers that die, sleep and
wake; sweeps; readers who leave and come back; an issue that is parked, paused and resumed. After
each step it looks at what became of the rows.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger import claiming, sweeping
from digest.delivery.ledger.audience import snapshot_audience
from digest.delivery.ledger.reporting import report
from digest.delivery.relay.connection import Fate, Outcome, Reply, Stage
from digest.models import (
    OPEN,
    Delivery,
    DeliveryState,
    EndedReason,
    InDoubtPolicy,
    Issue,
    IssueState,
    Rendering,
    Subscription,
)
from tests.factories import NOW, make_issue, make_newsletter, make_reader

READERS = 10
LEASE_SECONDS = 60

QUEUED, CLAIMED, SENDING = OPEN
ACCEPTED, FAILED = DeliveryState.ACCEPTED, DeliveryState.FAILED
EXCLUDED, IN_DOUBT = DeliveryState.EXCLUDED, DeliveryState.IN_DOUBT

# One step of the machine is one transaction; docs/explanation/ledger.md draws the same.
LEGAL = {
    QUEUED: {CLAIMED, SENDING, EXCLUDED},
    CLAIMED: {QUEUED, SENDING, EXCLUDED},
    SENDING: {ACCEPTED, QUEUED, FAILED, IN_DOUBT, EXCLUDED},
    IN_DOUBT: {ACCEPTED, QUEUED, FAILED, EXCLUDED},
}
# Where the row may be of a reader whose message the relay has, when nobody may send it again.
HAS_IT = {SENDING, ACCEPTED, IN_DOUBT}
# What a row becomes when its holder writes down what it was told, also after the lease.
BECOMES = {
    Fate.ACCEPTED: ACCEPTED,
    Fate.DEFERRED: QUEUED,
    Fate.REFUSED: FAILED,
    Fate.UNSENT: QUEUED,
    Fate.IN_DOUBT: IN_DOUBT,
}
REPLIES = {
    Fate.ACCEPTED: Reply(250, None, "Ok"),
    Fate.DEFERRED: Reply(451, None, "Later"),
    Fate.REFUSED: Reply(550, None, "No"),
}
counter = itertools.count(1)


@dataclass(eq=False)
class Worker:
    """A worker's memory: its claim, whom it has read and not yet sent to, what it was told."""

    token: bytes
    to_send: list[int] = field(default_factory=list)
    told: list[Outcome] = field(default_factory=list)
    late: bool = False

    @property
    def unsaid(self) -> set[int]:
        return {*self.to_send, *(int(str(outcome.key)) for outcome in self.told)}


class LedgerMachine(RuleBasedStateMachine):
    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.workers: list[Worker] = []
        self.copies: Counter[int] = Counter()
        self.away: set[int] = set()
        self.refused: set[int] = set()
        self.doubtful: set[int] = set()
        self.states: dict[int, DeliveryState] = {}

    @initialize(policy=st.sampled_from(InDoubtPolicy))
    def freeze(self, policy: InDoubtPolicy) -> None:
        """An issue as it is when it has been frozen, in a database that holds others as well."""
        number = next(counter)
        self.policy = policy
        with self.database.transaction() as session:
            newsletter = make_newsletter(session, f"letter-{number}", in_doubt_policy=policy)
            self.readers = [
                make_reader(session, newsletter, f"{number}.{each}@example.org").subscriber_id
                for each in range(READERS)
            ]
            issue = make_issue(session, newsletter, [])
            rendering = Rendering(
                issue_id=issue.id,
                variant="default",
                language="en",
                subject="",
                stencil=b"",
                created_at=NOW,
            )
            session.add(rendering)
            session.flush()
            issue.audience = snapshot_audience(session, issue, rendering.id, NOW)
            issue.state, issue.frozen_at = IssueState.FROZEN, NOW
            session.flush()
            self.issue_id, self.newsletter_id = issue.id, newsletter.id
            claiming.start_sending(session, issue.id)
        self.states = self.look()

    # What happens. Rules with fewer arguments are drawn more often: so most of it is sending.

    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        """A worker claims, or opens its next window, and says what is drawn to the relay."""
        size = data.draw(st.integers(1, 5))
        leaver = data.draw(st.none() | st.integers(0, READERS - 1))
        between = [worker for worker in self.workers if not worker.unsaid]
        how = data.draw(st.sampled_from(["take", "claim", *["go on"][: len(between)]]))
        worker: Worker | None
        if how == "take":
            worker = Worker(claiming.new_token())
            self.workers.append(worker)
        elif how == "claim":
            worker = self.claim(size)
        else:
            worker = data.draw(st.sampled_from(between))
        sleeps = data.draw(st.sampled_from([False, False, True])) if how == "take" else False
        if worker is not None:
            self.open(worker, size, leaver, takes=how == "take", sleeps=sleeps)
            self.talk(data, worker)

    @precondition(lambda self: any(worker.unsaid for worker in self.workers))
    @rule(data=st.data())
    def wake(self, data: st.DataObject) -> None:
        """A worker that slept in the middle of a window goes on with it."""
        self.talk(data, data.draw(st.sampled_from([w for w in self.workers if w.unsaid])))

    @rule(data=st.data(), what=st.sampled_from(["sweep", "doubt", "issue", "reader", "worker"]))
    def disturb(self, data: st.DataObject, what: str) -> None:
        if what in ("sweep", "doubt"):
            self.leases_end()
            self.sweep(600 if what == "sweep" else 0)
            self.waits_end()
        elif what == "reader":
            self.move(data.draw(st.integers(0, READERS - 1)), leaves=data.draw(st.booleans()))
        elif what == "issue":
            self.move_the_issue(data.draw(st.sampled_from(["resume", "pause", "park", "close"])))
        elif (worker := self.claim(2)) and data.draw(st.booleans()):
            self.give_back(worker)

    # Workers.

    def claim(self, size: int) -> Worker | None:
        with self.step() as session:
            token = claiming.claim(session, self.issue_id, size=size, lease_seconds=LEASE_SECONDS)
        if token is None:
            return None
        self.workers.append(Worker(token))
        return self.workers[-1]

    def open(
        self, worker: Worker, size: int, leaver: int | None, *, takes: bool, sleeps: bool
    ) -> None:
        """Open a window, let a reader leave, read who is in it; or sleep first, and be given up."""
        held = self.readers_in(QUEUED) if takes else self.held_by(worker)
        with self.step() as session:
            opened = (claiming.take_window if takes else claiming.open_window)(
                session,
                self.issue_id,
                worker.token,
                size=size,
                lease_seconds=LEASE_SECONDS,
                now=NOW,
            )
        # Its deadline is reckoned anew with each window.
        worker.late = worker.late and not opened
        if leaver is not None:
            self.move(leaver, leaves=True)
        if sleeps:
            self.leases_end()
            self.sweep(600)
        with self.step() as session:
            window = claiming.read_window(
                session, self.issue_id, worker.token, self.newsletter_id, NOW
            )
            gone = [reader for reader in window if reader.reason is not None]
            assert {r.subscriber_id for r in gone} == {
                r.subscriber_id for r in window if r.subscriber_id in self.away
            }, "whoever left before this gets nothing, and everybody else gets it"
            claiming.exclude(session, self.issue_id, worker.token, gone)
            if takes and len(window) < opened:
                claiming.take_back(session, self.issue_id, worker.token)
        assert not (takes and self.held_by(worker) & self.readers_in(IN_DOUBT)), (
            "in doubt, and nothing was sent"
        )
        assert {r.subscriber_id for r in window} <= held, "in its window are rows it never claimed"
        worker.to_send = [r.subscriber_id for r in window if r.reason is None]

    def talk(self, data: st.DataObject, worker: Worker) -> None:
        fates = data.draw(st.lists(st.sampled_from(Fate), min_size=1, max_size=5))
        taken = data.draw(st.booleans())
        for fate in fates[: len(worker.to_send)]:
            # Before each final dot it looks at its deadline.
            self.hand_over(worker, Fate.UNSENT if worker.late else fate, taken)
        then = data.draw(st.sampled_from(["sleep", "write", "die", "write twice"]))
        if then == "die":
            self.forget(worker)
        elif then != "sleep":
            # Twice, where the database's answer to the first commit was lost.
            self.write_down(worker, times=2 if then == "write twice" else 1)

    def hand_over(self, worker: Worker, fate: Fate, taken: bool) -> None:
        """`taken`: whether the relay has a message whose answer was lost."""
        reader = worker.to_send.pop(0)
        if fate is Fate.ACCEPTED or (fate is Fate.IN_DOUBT and taken):
            self.copies[reader] += 1
        if fate is Fate.IN_DOUBT:
            self.doubtful.add(reader)
        if fate is Fate.REFUSED:
            self.refused.add(reader)
        worker.told.append(Outcome(reader, fate, REPLIES.get(fate), Stage.FINAL_DOT))

    def write_down(self, worker: Worker, times: int) -> None:
        before, held = self.states, self.held_by(worker)
        for _ in range(times):
            with self.step() as session:
                claiming.record(session, self.issue_id, worker.token, worker.told)
        for outcome in worker.told:
            reader = int(str(outcome.key))
            expected = BECOMES[outcome.fate] if reader in held else before[reader]
            assert self.states[reader] is expected, f"{outcome.fate}, and {self.states[reader]}"
        worker.told = []

    def give_back(self, worker: Worker) -> None:
        with self.step() as session:
            claiming.release(session, self.issue_id, worker.token)
        self.forget(worker)

    # Time.

    def leases_end(self) -> None:
        for worker in self.workers:
            worker.late = True
            self.doubtful |= self.held_by(worker) & self.readers_in(SENDING)
        self.set_rows(Delivery.lease_until.is_not(None), lease_until=database_now(-1))

    def waits_end(self) -> None:
        self.set_rows(Delivery.state == QUEUED, next_attempt_at=database_now(-1))

    def sweep(self, final_dot_wait: float) -> None:
        on_the_wire = self.readers_in(SENDING, IN_DOUBT)
        with self.step() as session:
            sweeping.sweep_leases(session, final_dot_wait=final_dot_wait)
        if self.policy is InDoubtPolicy.HOLD or final_dot_wait:
            assert {self.states[reader] for reader in on_the_wire} <= {SENDING, IN_DOUBT}

    # People.

    def move_the_issue(self, what: str) -> None:
        if what == "pause":
            self.set_issue(IssueState.SENDING, state=IssueState.PAUSED)
        elif what == "park":
            with self.step() as session:
                sweeping.park(session, self.issue_id, "The relay is away.", seconds=-1)
        elif what == "resume":
            self.resume()
        else:
            self.close()

    def resume(self) -> None:
        with self.step() as session:
            sweeping.resume_parked(session)
        self.set_issue(IssueState.PAUSED, state=IssueState.SENDING)

    def close(self) -> None:
        with self.step() as session:
            closed = sweeping.close_if_done(session, self.issue_id, NOW)
        assert not closed or not self.has(*OPEN)

    # What must hold.

    @contextmanager
    def step(self) -> Iterator[Session]:
        """One transaction, and a look at what it has made of the rows."""
        with self.database.transaction() as session:
            yield session
        before, self.states = self.states, self.look()
        for reader, state in self.states.items():
            assert state is before[reader] or state in LEGAL.get(before[reader], set()), (
                f"{before[reader]} became {state}"
            )
            self.agrees_with_the_relay(reader, state)

    def agrees_with_the_relay(self, reader: int, state: DeliveryState) -> None:
        copies = self.copies[reader]
        assert state is not ACCEPTED or copies, "accepted, and the relay has nothing"
        assert state is not FAILED or reader in self.refused
        assert state is not IN_DOUBT or reader in self.doubtful, "in doubt for no reason"
        if self.policy is InDoubtPolicy.HOLD:
            assert copies <= 1, "sent twice"
            assert not copies or state in HAS_IT, f"sent, and {state}"
        else:
            assert copies <= 1 or reader in self.doubtful, "sent twice, and was never in doubt"

    def teardown(self) -> None:
        """Whatever happened: a worker that nothing befalls brings the issue to its end."""
        if not self.states:
            return
        for worker in list(self.workers):
            self.forget(worker)
        self.resume()
        self.set_rows(Delivery.lease_until.is_not(None), lease_until=database_now(-1))
        self.sweep(600)
        for _ in range(READERS):
            if self.has(QUEUED):
                self.waits_end()
                self.work_undisturbed()
        with self.step() as session:
            sweeping.close_if_done(session, self.issue_id, NOW)
            said = report(session, session.get_one(Issue, self.issue_id))
        assert (said.state, said.audience, said.adds_up) == (IssueState.SENT, READERS, True)
        assert not self.has(*OPEN), "nobody is forgotten"

    def work_undisturbed(self) -> None:
        with self.step() as session:
            token = claiming.claim(
                session, self.issue_id, size=READERS, lease_seconds=LEASE_SECONDS
            )
        if token is None:
            return
        with self.step() as session:
            claiming.open_window(
                session,
                self.issue_id,
                token,
                size=READERS,
                lease_seconds=LEASE_SECONDS,
                now=NOW,
            )
            window = claiming.read_window(session, self.issue_id, token, self.newsletter_id, NOW)
        self.copies.update(reader.subscriber_id for reader in window)
        with self.step() as session:
            outcomes = [
                Outcome(reader.subscriber_id, Fate.ACCEPTED, None, Stage.FINAL_DOT)
                for reader in window
            ]
            claiming.record(session, self.issue_id, token, outcomes)

    # Hands and eyes.

    def held_by(self, worker: Worker) -> set[int]:
        """Return whose rows bear the worker's claim."""
        with self.database.reading() as session:
            rows = session.scalars(
                select(Delivery.subscriber_id).where(
                    Delivery.issue_id == self.issue_id,
                    Delivery.claim == worker.token,
                    Delivery.state.in_((CLAIMED, SENDING, IN_DOUBT)),
                )
            )
            return set(rows)

    def forget(self, worker: Worker) -> None:
        self.workers.remove(worker)
        self.doubtful |= self.held_by(worker) & self.readers_in(SENDING)

    def has(self, *states: DeliveryState) -> bool:
        return not set(states).isdisjoint(self.states.values())

    def readers_in(self, *states: DeliveryState) -> set[int]:
        return {reader for reader, state in self.states.items() if state in states}

    def look(self) -> dict[int, DeliveryState]:
        with self.database.reading() as session:
            rows = session.execute(
                select(Delivery.subscriber_id, Delivery.state).where(
                    Delivery.issue_id == self.issue_id
                )
            )
            return {row.subscriber_id: row.state for row in rows}

    def set_rows(self, which: Any, **values: Any) -> None:
        with self.step() as session:
            session.execute(
                update(Delivery).where(Delivery.issue_id == self.issue_id, which).values(**values)
            )

    def move(self, which: int, *, leaves: bool) -> None:
        reader = self.readers[which]
        ended = (NOW, EndedReason.LEFT) if leaves else (None, None)
        with self.step() as session:
            session.execute(
                update(Subscription)
                .where(Subscription.subscriber_id == reader)
                .values(ended_at=ended[0], ended_reason=ended[1])
            )
        self.away = self.away | {reader} if leaves else self.away - {reader}

    def set_issue(self, before: IssueState, **values: Any) -> None:
        with self.step() as session:
            session.execute(
                update(Issue)
                .where(Issue.id == self.issue_id, Issue.state == before)
                .values(**values)
            )


EXAMPLES = {"sqlite": 25, "postgresql": 8}


@pytest.mark.parametrize("database_url", list(EXAMPLES), indirect=True)
def test_no_order_of_moves_loses_a_reader_or_mails_one_twice(database: Database) -> None:
    machine = type("Machine", (LedgerMachine,), {"database": database})
    few = settings(
        max_examples=EXAMPLES[database.engine.dialect.name], stateful_step_count=30, deadline=None
    )
    run_state_machine_as_test(machine, settings=few)
