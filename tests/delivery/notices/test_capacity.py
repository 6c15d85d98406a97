"""How many notices go out in a minute is seen when they do, and how many wait is counted."""

import pytest
from sqlalchemy import select, update

from digest.database.tables import database_now
from digest.delivery.notices import capacity
from digest.delivery.notices.capacity import Backlog, backlog, note_rate
from digest.models import Notice, Relay
from tests.delivery.conftest import Press
from tests.delivery.notices.test_sending import make_due, queue_many, send
from tests.scripted_smtp import ScriptedRelay


def seen(press: Press) -> int | None:
    with press.database.reading() as session:
        return session.scalar(select(Relay.notices_a_minute))


def look(press: Press) -> Backlog:
    with press.database.reading() as session:
        return backlog(session, press.settings.relay.name)


def add_relay(press: Press) -> str:
    name = press.settings.relay.name
    with press.database.transaction() as session:
        session.add(Relay(name=name, offers=[], seen_at=database_now()))
    return name


def test_a_run_that_is_long_enough_tells_how_many_a_relay_takes(press: Press) -> None:
    few, enough = capacity.TELLING - 1, capacity.TELLING
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        queue_many(press, few)
        assert send(press) == few
        assert seen(press) is None, "most of that time went by with the first call"
        queue_many(press, enough, first=few)
        make_due(press)
        assert send(press) == enough
    assert (seen(press) or 0) >= capacity.TELLING


def test_what_goes_as_slowly_as_it_comes_in_tells_nothing(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "TELLING", 3)
    queue_many(press, 5)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert send(press) == 5
        assert seen(press) is None, "the relay could have taken a whole window"


def test_connections_side_by_side_take_more_than_one(press: Press) -> None:
    name = add_relay(press)
    note_rate(press.database, name, [(600, 60), (300, 30), (0, 0)])
    assert seen(press) == 1200


def test_one_slow_run_counts_half(press: Press) -> None:
    name = add_relay(press)
    note_rate(press.database, name, [(6000, 60)])
    assert seen(press) == 6000
    note_rate(press.database, name, [(1000, 60)])
    assert seen(press) == 3500


def test_what_waits_for_later_or_for_the_relay_fills_nothing(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "UNSEEN", 3)
    name = add_relay(press)
    queue_many(press, 4)
    assert look(press) == Backlog(4, 3)
    assert look(press).is_full
    note_rate(press.database, name, [(600, 3600)])
    assert not look(press).is_full, "ten were seen to go in a minute"
    queue_many(press, 20, first=4)
    assert look(press) == Backlog(11, 10), "no more are counted than tell"
    with press.database.transaction() as session:
        session.execute(update(Notice).values(next_attempt_at=database_now(60)))
    assert look(press) == Backlog(0, 10)


def test_a_flood_is_one_while_the_relay_is_away_too(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "UNSEEN", 3)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.always("connect", "554 5.3.2 closed")
        queue_many(press, 2)
        send(press)
        assert not look(press).is_full
        queue_many(press, 2, first=2)
        send(press)
        assert look(press) == Backlog(4, 3), "four within a minute, none of which is due"
    with press.database.transaction() as session:
        session.execute(update(Notice).values(released_at=database_now(-61)))
    queue_many(press, 1, first=4)
    assert look(press) == Backlog(1, 3), "those of an outage keep no later ones out"


def test_what_no_worker_sends_keeps_nobody_out_for_long(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "UNSEEN", 3)
    queue_many(press, 4)
    stalled = database_now(-capacity.STALLED_SECONDS - 1)
    with press.database.transaction() as session:
        session.execute(update(Notice).values(next_attempt_at=stalled))
    assert look(press) == Backlog(4, 3), "a flood all the same"
    with press.database.transaction() as session:
        session.execute(update(Notice).values(released_at=stalled))
    queue_many(press, 1, first=4)
    assert look(press) == Backlog(1, 3)
