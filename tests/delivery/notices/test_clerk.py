"""Several connections share the notices, and whoever is killed leaves few in doubt."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from digest.database.transactions import HeldDatabase
from digest.delivery.notices import sending
from digest.delivery.notices.sending import send_notices
from digest.errors import UnavailableError
from digest.models import Breaker, Notice, NoticeState, SignUp
from tests.delivery.conftest import Press
from tests.delivery.notices.test_sending import (
    make_due,
    queue_confirmation,
    queue_many,
    send,
    states,
)
from tests.factories import NOW
from tests.journeys.formation import wait_until
from tests.scripted_smtp import Answer, Drop, Hold, ScriptedRelay, Slow

ACCEPTED, QUEUED, SENDING = NoticeState.ACCEPTED, NoticeState.QUEUED, NoticeState.SENDING
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
ROOT = Path(__file__).parents[3]
WORKER = """
import sys
from digest.database.transactions import Database
from tests.delivery.conftest import Press
from tests.delivery.notices.test_sending import send
from tests.factories import make_settings
settings = make_settings(sys.argv[1], notice_connections=2, window_size=20)
press = Press(Database(sys.argv[1]), settings)
press.relay_at(int(sys.argv[2]))
send(press)
"""


def send_and_hear(press: Press) -> bool:
    """Send; return whether the bell was rung for more."""
    rung: list[bool] = []
    send_notices(
        press.database,
        settings=press.settings,
        links=press.links,
        stopping=press.stopping,
        ring_again=lambda: rung.append(True),
    )
    return bool(rung)


def recipients(relay: ScriptedRelay) -> Counter[str]:
    return Counter(each.recipients[0] for each in relay.messages)


class Gate:
    """Keeps the fifth message of a relay's until somebody has called it a second time.

    And hung up again, where `at_most` connections are to be left.
    """

    def __init__(self, relay: ScriptedRelay, at_most: int = 2) -> None:
        self._relay = relay
        self._at_most = at_most
        self._go_on = threading.Event()
        self._opener = threading.Thread(target=self._open)
        relay.script("dot", *[None] * 4, Hold(self._go_on))

    def __enter__(self) -> None:
        self._opener.start()

    def __exit__(self, *_: object) -> None:
        self._go_on.set()
        self._opener.join()

    def _open(self) -> None:
        relay = self._relay
        while relay.connections < 2 or relay.active > self._at_most:
            if self._go_on.wait(0.01):
                return
        self._go_on.set()


@on_postgresql
def test_two_connections_share_what_waits_and_nobody_is_told_twice(press: Press) -> None:
    press.settings = replace(press.settings, notice_connections=2, window_size=8)
    queue_many(press, 40)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        with Gate(relay):
            assert send(press) == 40
        assert relay.connections == 2
        assert len({each.connection for each in relay.messages}) == 2
        assert set(recipients(relay).values()) == {1}
        assert relay.violations == []
    assert states(press) == [ACCEPTED] * 40


@on_postgresql
def test_nobody_calls_twice_for_what_fits_one_window(press: Press) -> None:
    press.settings = replace(press.settings, notice_connections=2, window_size=8)
    queue_many(press, 3)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert send(press) == 3
        assert relay.connections == 1


@on_postgresql
@pytest.mark.parametrize(
    ("step", "before", "answer"),
    [
        ("connect", 1, "421 4.7.0 too many connections"),
        # Five were begun over the first.
        ("MAIL", 5, "421 4.7.0 too many connections"),
        ("MAIL", 5, Drop()),
    ],
)
def test_a_relay_that_bears_one_connection_gets_all_over_that_one(
    press: Press, step: str, before: int, answer: Answer
) -> None:
    press.settings = replace(press.settings, notice_connections=2, window_size=8)
    queue_many(press, 40)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.script(step, *[None] * before, answer)
        with Gate(relay, at_most=1):
            again = [send_and_hear(press)]
        while again[-1]:
            again.append(send_and_hear(press))
        assert set(recipients(relay).values()) == {1}
    assert states(press) == [ACCEPTED] * 40
    with press.database.reading() as session:
        assert session.scalars(select(Breaker)).all() == [], "that is no relay that is down"


@on_postgresql
def test_whoever_is_killed_leaves_a_window_in_doubt_and_each_gets_the_notice(press: Press) -> None:
    queue_many(press, 60)
    go_on = threading.Event()
    with ScriptedRelay() as relay:
        relay.script("dot", *[None] * 30)
        relay.always("dot", Hold(go_on))
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, press.database.url, str(relay.port)], cwd=ROOT
        )
        try:
            relay.wait_for(30, timeout=30)
        finally:
            worker.kill()
            worker.wait()
        go_on.set()
        wait_until(lambda: not relay.active, "the relay has done with it")
        before = states(press)
        known = {f"notice{n}@example.org" for n, state in enumerate(before) if state is ACCEPTED}
        assert Counter(before).keys() == {ACCEPTED, SENDING, QUEUED}
        assert Counter(before)[SENDING] <= 20
        press.relay_at(relay.port)
        press.settings = replace(press.settings, reply_timeout=0.1, notice_connections=2)
        make_due(press)
        send(press)
        assert states(press) == [ACCEPTED] * 60
        times = recipients(relay)
        copies = {each.recipients[0]: set[bytes]() for each in relay.received}
        for each in relay.received:
            copies[each.recipients[0]].add(each.content)
    assert len(times) == 60
    assert sum(times.values()) - 60 <= 20
    assert {times[address] for address in known} == {1}, "what is written down is not sent again"
    assert all(len(each) == 1 for each in copies.values()), "a copy is the same message"


def test_a_relay_that_goes_away_in_mid_window_is_called_again_for_the_rest(press: Press) -> None:
    queue_many(press, 9)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.script("dot", None, None, "421 4.3.2 going down")
        send(press)
        first = states(press)
        assert Counter(first) == {ACCEPTED: 8, QUEUED: 1}, "a 421 is a 4xx to that one"
        make_due(press)
        send(press)
        assert set(recipients(relay).values()) == {1}
    assert states(press) == [ACCEPTED] * 9


def test_whoever_confirms_while_the_relay_is_being_called_is_asked_no_more(press: Press) -> None:
    queue_confirmation(press)
    go_on = threading.Event()
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.script("EHLO", Hold(go_on))
        worker = threading.Thread(target=send, args=(press,))
        worker.start()
        wait_until(lambda: states(press) == [SENDING], "the notice was taken")
        with press.database.transaction() as session:
            session.execute(update(SignUp).values(confirmed_at=NOW, email=None, email_key=None))
        go_on.set()
        worker.join(20)
        assert relay.received == []
    assert states(press) == [NoticeState.CANCELLED]


@pytest.mark.parametrize("enhanced", ["2.0.0", None])
def test_what_the_relay_said_of_each_is_kept(press: Press, enhanced: str | None) -> None:
    queue_many(press, 3)
    said = f"250 {enhanced} Ok: queued as" if enhanced else "250 Ok: queued as"
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.script("dot", *(f"{said} {number}" for number in range(3)))
        send(press)
    columns = (Notice.code, Notice.enhanced, Notice.reply, Notice.attempts, Notice.to_address)
    with press.database.reading() as session:
        kept = [tuple(row) for row in session.execute(select(*columns).order_by(Notice.id))]
    assert kept == [(250, enhanced, f"Ok: queued as {number}", 1, None) for number in range(3)]


def test_the_tick_gets_its_turn_while_there_is_always_more(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LONGEST_SECONDS", 0.0)
    press.settings = replace(press.settings, slice_seconds=0.1, window_size=2)
    queue_many(press, 9)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.script("body", Slow(4_000, 0.1))
        assert send_and_hear(press)
        assert len(relay.messages) == 2
        while send_and_hear(press):
            pass
    assert states(press) == [ACCEPTED] * 9


def test_a_window_that_was_taken_unheard_is_sent_at_once(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database took it, and the connection broke before it could say so."""
    commit = HeldDatabase.transaction
    cut: list[bool] = []

    @contextmanager
    def commit_and_be_cut_off(held: HeldDatabase) -> Iterator[Session]:
        with commit(held) as session:
            yield session
        if not cut:
            cut.append(True)
            raise UnavailableError("The connection broke.")

    queue_many(press, 3)
    monkeypatch.setattr(HeldDatabase, "transaction", commit_and_be_cut_off)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert send(press) == 3
        assert set(recipients(relay).values()) == {1}
    assert cut
