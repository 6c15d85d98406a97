"""How fast mail leaves, and whom a slow domain keeps waiting."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.delivery.ledger.sweeping import next_moment
from digest.delivery.notices.sending import send_notices
from digest.delivery.relay.meters import SECOND, LocalMeters, RedisMeters
from digest.delivery.relay.pacing import Pace, open_pace
from digest.delivery.sending import deliver_issue
from digest.models import Attempt, Delivery, DeliveryState, Issue, IssueState, Notice, NoticeState
from tests.delivery.conftest import Press, readers
from tests.delivery.notices.test_sending import queue_many
from tests.factories import make_settings
from tests.scripted_smtp import ScriptedRelay
from tests.servers.redis_server import PrivateRedis

ACCEPTED, QUEUED = DeliveryState.ACCEPTED, DeliveryState.QUEUED


@dataclass
class PassingTime(threading.Event):
    """A word to stop that nobody gives; whoever waits for it lets a clock go on instead."""

    at: int = 1_790_000_000 * SECOND
    waited: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __call__(self) -> int:
        return self.at

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.at += round(timeout * SECOND)
        self.waited.append(timeout)
        return self.is_set()

    @property
    def gone(self) -> float:
        """Seconds that somebody waited."""
        return sum(self.waited)


def send(press: Press, issue_id: int, pace: Pace, stopping: threading.Event) -> bool:
    return deliver_issue(
        press.database,
        issue_id,
        settings=press.settings,
        links=press.links,
        clock=press.clock,
        stopping=stopping,
        pace=pace,
    )


# The relay's rate


def test_a_window_is_what_may_leave_in_a_moment() -> None:
    def window(rate: float) -> int:
        return Pace(LocalMeters(), relay_rate=rate).take(50).granted

    assert [window(rate) for rate in (0, 0.01, 1, 14, 100, 1000)] == [50, 1, 1, 3, 25, 50]


def test_a_claim_is_no_larger_than_what_may_leave_in_its_time() -> None:
    pace = Pace(LocalMeters(share=1 / 4), relay_rate=40)
    assert [pace.claim_size(200, seconds) for seconds in (0.01, 2.5, 40)] == [1, 25, 200]
    assert Pace(LocalMeters()).claim_size(200, 0.01) == 200


def test_without_rates_nobody_is_asked() -> None:
    pace = open_pace(make_settings("sqlite://", redis_url="redis://127.0.0.1:1/0"))
    assert isinstance(pace._meters, LocalMeters)
    assert pace.take(50).granted == 50
    assert pace.hold_back([(1, "ada@example.org")]) == []


def test_the_settings_decide_where_the_meters_are() -> None:
    embedded = make_settings("sqlite://", relay_rate=5.0)
    shared = replace(embedded, redis_url="redis://127.0.0.1:1/0")
    assert isinstance(open_pace(embedded)._meters, LocalMeters)
    assert isinstance(open_pace(shared)._meters, RedisMeters)


def test_an_issue_leaves_at_the_relays_rate(press: Press) -> None:
    time = PassingTime()
    pace = Pace(LocalMeters(time), relay_rate=20)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(100))
        while send(press, issue_id, pace, time):
            pass
        assert len(relay.messages) == 100
    # A second's worth may leave at once.
    assert time.gone >= 100 / 20 - 1
    assert set(press.states(issue_id)) == {ACCEPTED}
    assert press.issue(issue_id).state is IssueState.SENT


def test_workers_in_two_processes_share_the_rate(press: Press, redis_url: str) -> None:
    time = PassingTime()
    meters = [RedisMeters(redis_url, now=time) for _ in range(2)]
    paces = [Pace(each, relay="r", relay_rate=20) for each in meters]
    press.settings = replace(press.settings, slice_seconds=0.1)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(40))
        for turn in range(10_000):
            if not send(press, issue_id, paces[turn % 2], time):
                break
        assert len(relay.messages) == 40
    assert time.gone >= 40 / 20 - 1
    for each in meters:
        each.close()


def test_without_redis_in_mid_send_the_rest_leaves_at_the_workers_share(
    press: Press, private_redis: Callable[[], PrivateRedis]
) -> None:
    server, time = private_redis(), PassingTime()
    ours, other = (RedisMeters(server.url, now=time) for _ in range(2))
    other_pace = Pace(other, relay="r", relay_rate=20)
    other_pace.take(1)
    pace = Pace(ours, relay="r", relay_rate=20)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(60))
        with press.database.transaction() as session:
            later = [row.subscriber_id for row in press.rows(issue_id)][20:]
            put_off(session, later, 3600)
        send(press, issue_id, pace, time)
        assert len(relay.messages) == 20
        server.kill()
        gone = time.gone
        with press.database.transaction() as session:
            put_off(session, later, -1)
        while send(press, issue_id, pace, time):
            pass
        assert len(relay.messages) == 60
    assert time.gone - gone >= 40 / (20 / 2)
    assert set(press.states(issue_id)) == {ACCEPTED}
    ours.close()
    other.close()


def put_off(session: Session, subscribers: list[int], seconds: float) -> None:
    session.execute(
        update(Delivery)
        .where(Delivery.subscriber_id.in_(subscribers))
        .values(next_attempt_at=database_now(seconds))
    )


def test_what_is_not_used_is_given_back(press: Press) -> None:
    time = PassingTime()
    pace = Pace(LocalMeters(time), relay_rate=200)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue("robin@example.org")
        send(press, issue_id, pace, time)
    left = 0
    while pace.take(1).granted:
        left += 1
    assert left == 199, "one of 200 was used"


def test_nothing_waits_to_be_written_down_while_the_pace_holds_back(press: Press) -> None:
    time = PassingTime()
    pace = Pace(LocalMeters(time), relay_rate=4)
    seen: list[Counter[DeliveryState]] = []

    class Watching(PassingTime):
        def wait(self, timeout: float | None = None) -> bool:
            seen.append(Counter(press.states(issue_id)))
            return time.wait(timeout)

    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(8))
        while send(press, issue_id, pace, Watching()):
            pass
    assert seen
    assert all(states[DeliveryState.SENDING] == 0 for states in seen)


def test_a_worker_that_has_to_wait_beyond_its_slice_gives_its_claim_back(press: Press) -> None:
    press.settings = replace(press.settings, slice_seconds=1.0)
    pace = open_pace(replace(press.settings, relay_rate=0.01))
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        assert send(press, issue_id, pace, press.stopping) is True
        assert len(relay.messages) == 1
    assert sorted(press.states(issue_id)) == [ACCEPTED, QUEUED, QUEUED]
    assert all(row.claim is None for row in press.rows(issue_id) if row.state is QUEUED)


# Notices


def test_notices_go_before_bulk_mail_and_bulk_mail_pays_for_it() -> None:
    time = PassingTime()
    pace = Pace(LocalMeters(time), relay_rate=10)
    while pace.take(50).granted:
        pass
    assert pace.take_for_notices(10).granted == 10
    assert pace.take_for_notices(10).granted == 0, "the relay's limit is theirs as well"
    assert pace.take(50).wait == pytest.approx(1.2)


def test_notices_give_back_what_they_do_not_use(press: Press) -> None:
    pace = Pace(LocalMeters(PassingTime()), relay_rate=20)
    queue_many(press, 2)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        send_notices(
            press.database,
            settings=press.settings,
            links=press.links,
            stopping=press.stopping,
            pace=pace,
        )
        assert len(relay.messages) == 2
    left = 0
    while pace.take(1).granted:
        left += 1
    assert left == 18


def test_notices_leave_at_the_relays_rate_and_ring_for_what_is_left(press: Press) -> None:
    press.settings = replace(press.settings, slice_seconds=0.05)
    rung: list[str] = []
    queue_many(press, 8)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        sent = send_notices(
            press.database,
            settings=press.settings,
            links=press.links,
            stopping=press.stopping,
            pace=Pace(LocalMeters(PassingTime()), relay_rate=2),
            ring_again=lambda: rung.append("again"),
        )
        assert sent == len(relay.messages) == 4, "two seconds' worth, as bulk mail has only one"
    assert rung == ["again"]
    with press.database.reading() as session:
        states = Counter(session.scalars(select(Notice.state)))
    assert states == {NoticeState.ACCEPTED: 4, NoticeState.QUEUED: 4}


# Domains


def test_a_domain_is_told_by_its_a_label_in_lower_case() -> None:
    rates = {"xn--bcher-kva.example": 1.0, "*": 100.0, "free.example": 0.0}
    pace = Pace(LocalMeters(PassingTime()), domain_rates=rates)
    those = ["a@bücher.example", "b@BÜCHER.example", "c@xn--bcher-kva.example", "d@free.example"]
    later = pace.hold_back(enumerate(those))
    assert [(each.subscriber_id, each.seconds) for each in later] == [(1, 1.0), (2, 2.0)]


def test_every_other_domain_has_the_limit_for_itself() -> None:
    pace = Pace(LocalMeters(PassingTime()), domain_rates={"*": 2.0, "big.example": 100.0})
    those = [(n, f"r@{'abc'[n % 3]}.example") for n in range(9)]
    later = pace.hold_back([*those, (9, ""), (10, "no address"), (11, "x@big.example")])
    assert [(each.subscriber_id, each.seconds) for each in later] == [(6, 0.5), (7, 0.5), (8, 0.5)]


class StopAtFirstRest(PassingTime):
    """The word to stop comes as soon as a worker has nothing to do but wait."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return super().wait(timeout)


def test_a_slow_domain_keeps_nobody_else_waiting(press: Press) -> None:
    time = PassingTime()
    pace = Pace(LocalMeters(time), domain_rates={"slow.example": 10.0})
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        slow = [f"r{number}@slow.example" for number in range(40)]
        issue_id = press.frozen_issue(*slow, *readers(40))
        resting = StopAtFirstRest()
        assert send(press, issue_id, pace, resting) is True, "the others are due soon"
        first = Counter(mail.recipients[0].partition("@")[2] for mail in relay.messages)
        assert first == {"example.org": 40, "slow.example": 10}
        assert press.issue(issue_id).state is IssueState.SENDING
        rows = [row for row in press.rows(issue_id) if row.state is QUEUED]
        assert {(row.attempts, row.claim, row.lease_until) for row in rows} == {(0, None, None)}
        with press.database.reading() as session:
            assert session.scalars(select(Attempt)).all() == []
        # Each half second the five whose moment has come, and none of them in vain.
        rows.sort(key=lambda row: row.next_attempt_at)
        span = rows[-1].next_attempt_at - rows[0].next_attempt_at
        assert 2 <= span.total_seconds() <= 4, "at their domain's rate"
        for start in range(0, 30, 5):
            with press.database.transaction() as session:
                put_off(session, [row.subscriber_id for row in rows[start:]], 3600)
                put_off(session, [row.subscriber_id for row in rows[start : start + 5]], -1)
            time.at += SECOND // 2
            send(press, issue_id, pace, StopAtFirstRest())
            assert len(relay.messages) == 50 + start + 5
    assert set(press.states(issue_id)) == {ACCEPTED}
    assert press.issue(issue_id).state is IssueState.SENT


def test_who_comes_back_too_early_for_the_domain_waits_again(press: Press) -> None:
    pace = Pace(LocalMeters(PassingTime()), domain_rates={"*": 1.0})
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        for _ in range(3):
            send(press, issue_id, pace, StopAtFirstRest())
            with press.database.transaction() as session:
                put_off(session, [row.subscriber_id for row in press.rows(issue_id)], -1)
        assert len(relay.messages) == 1
    assert sorted(press.states(issue_id)) == [ACCEPTED, QUEUED, QUEUED]


def test_one_of_those_at_work_is_enough_to_wait_for_the_next_moment(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(2))
    with press.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENDING))
        session.execute(update(Delivery).values(next_attempt_at=database_now(30)))
        soon = next_moment(session, issue_id, within=60)
        assert soon is not None
        assert 25 < soon <= 30
        assert next_moment(session, issue_id, within=10) is None
        other = press.rows(issue_id)[0].subscriber_id
        held = {"state": DeliveryState.CLAIMED, "lease_until": database_now(30)}
        session.execute(update(Delivery).where(Delivery.subscriber_id == other).values(**held))
        assert next_moment(session, issue_id, within=60) is None
        session.execute(update(Delivery).values(lease_until=database_now(-1)))
        assert next_moment(session, issue_id, within=60) is not None
        session.execute(update(Issue).values(state=IssueState.PAUSED))
        assert next_moment(session, issue_id, within=60) is None
