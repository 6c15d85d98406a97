"""The relay goes down, and comes back: who calls it meanwhile, and what the issues say of it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger import breaker, sweeping
from digest.delivery.ledger.reporting import report
from digest.delivery.ledger.waiting import Waited
from digest.delivery.notices.sending import send_notices
from digest.delivery.relay.connection import RelayDown, RelayRefused, Reply, Stage
from digest.delivery.sending import HANDS, deliver_issue
from digest.models import (
    Breaker,
    BreakerState,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Newsletter,
    Notice,
    NoticeState,
    Wait,
)
from digest.settings.loading import RelayAddress
from tests.delivery.conftest import Press, readers
from tests.delivery.notices.test_sending import make_due, queue_many, send
from tests.delivery.test_faults import wait_for_recipient
from tests.factories import make_article, make_issue
from tests.scripted_smtp import Hold, ScriptedRelay
from tests.servers.process import free_port

PARKED, SENDING, SENT = IssueState.PARKED, IssueState.SENDING, IssueState.SENT
AWAY = RelayDown("No connection with the relay.", stage=Stage.CONNECT)
BAD_PASSWORD = RelayRefused("The relay refused.", stage=Stage.AUTH, reply=Reply(535, None, "no"))


def row_of(press: Press) -> Breaker:
    with press.database.reading() as session:
        return session.execute(select(Breaker)).scalar_one()


def several_issues(press: Press, count: int) -> list[int]:
    """Set up that many issues of two readers each, frozen."""
    issues = [press.frozen_issue(*readers(2))]
    for number in range(1, count):
        with press.database.transaction() as session:
            newsletter = session.execute(select(Newsletter)).scalars().one()
            article = make_article(session, f"story-{number}")
            issues.append(make_issue(session, newsletter, [article], occurrence_on=None).id)
        assert press.freeze(issues[-1])
    return issues


def start_all(press: Press) -> None:
    with press.database.transaction() as session:
        session.execute(update(Issue).values(state=SENDING))


def tick(press: Press) -> None:
    with press.database.transaction() as session:
        sweeping.resume_parked(session)
        breaker.resume_for_probe(session, press.settings.relay.name)


def let_time_pass(press: Press) -> None:
    """Let the time come at which the relay is tried again."""
    with press.database.transaction() as session:
        session.execute(
            update(Breaker).values(
                next_probe_at=database_now(-1),
                failed_at=database_now(-100),
                probe_until=database_now(-1),
            )
        )


def states(press: Press, issues: list[int]) -> list[IssueState]:
    return [press.issue(issue_id).state for issue_id in issues]


def waits(press: Press, issue_id: int) -> tuple[Waited, ...]:
    with press.database.reading() as session:
        return report(session, session.get_one(Issue, issue_id)).waits


def test_a_relay_that_is_away_parks_every_issue_with_its_words(press: Press) -> None:
    issues = several_issues(press, 3)
    start_all(press)
    assert press.deliver(issues[0]) is False
    assert states(press, issues) == [PARKED] * 3
    for issue_id in issues:
        assert "No connection with the relay 127.0.0.1:1" in (press.issue(issue_id).reason or "")
    found = row_of(press)
    assert (found.relay, found.state, found.failures) == ("127.0.0.1:1", BreakerState.OPEN, 1)
    assert found.reason == press.issue(issues[0]).reason
    tick(press)
    assert states(press, issues) == [PARKED] * 3, "it is not time yet"


def test_when_it_is_time_one_issue_tries_and_all_go_on(press: Press) -> None:
    issues = several_issues(press, 3)
    start_all(press)
    with ScriptedRelay() as relay:
        press.deliver(issues[0])
        press.relay_at(relay.port)
        rename_breaker(press)
        tick(press)
        assert states(press, issues) == [PARKED] * 3
        let_time_pass(press)
        tick(press)
        assert sorted(states(press, issues)) == [PARKED, PARKED, SENDING]
        rung: list[int] = []
        go_on = threading.Event()
        relay.script("dot", Hold(go_on))
        probing = next(i for i in issues if press.issue(i).state is SENDING)
        worker = threading.Thread(target=deliver, args=(press, probing, rung))
        worker.start()
        wait_for_recipient(relay)
        assert row_of(press).state is BreakerState.HALF_OPEN
        assert sum(row.state is DeliveryState.SENDING for row in press.rows(probing)) == 1
        calls = relay.connections
        assert press.deliver(probing) is False
        assert relay.connections == calls, "nobody else calls while one tries"
        go_on.set()
        worker.join(20)
        others = [issue_id for issue_id in issues if issue_id != probing]
        assert states(press, others) == [SENDING] * 2
        assert sorted(rung) == sorted([probing] * (HANDS - 1) + others * HANDS)
        for issue_id in others:
            press.deliver(issue_id)
        assert len(relay.messages) == 6
    assert states(press, issues) == [SENT] * 3
    assert row_of(press).state is BreakerState.CLOSED
    for issue_id in issues:
        [waited] = waits(press, issue_id)
        assert (waited.times, waited.still) == (1, False)
        assert waited.reason.startswith("No connection with the relay 127.0.0.1:1")


def deliver(press: Press, issue_id: int, rung: list[int]) -> None:
    deliver_issue(
        press.database,
        issue_id,
        settings=press.settings,
        links=press.links,
        clock=press.clock,
        stopping=press.stopping,
        ring=rung.append,
    )


def rename_breaker(press: Press) -> None:
    """As if it had been the relay that there is now."""
    with press.database.transaction() as session:
        session.execute(update(Breaker).values(relay=press.settings.relay.name))


def test_a_try_in_vain_waits_longer_and_longer(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(2))
    steps = []
    press.deliver(issue_id)
    for _ in range(5):
        steps.append(minutes_to_next_probe(press))
        opened_at = row_of(press).opened_at
        let_time_pass(press)
        tick(press)
        assert press.issue(issue_id).state is SENDING
        press.deliver(issue_id)
        assert press.issue(issue_id).state is PARKED
        assert row_of(press).opened_at == opened_at, "since when it is down"
    for minutes, planned in zip(steps, (1, 2, 5, 15, 15), strict=True):
        assert planned * 0.75 < minutes < planned * 1.25
    assert row_of(press).failures == 6
    [waited] = waits(press, issue_id)
    assert (waited.times, waited.still) == (1, True), "all of it is one wait"


def minutes_to_next_probe(press: Press) -> float:
    with press.database.reading() as session:
        then, now = session.execute(select(Breaker.next_probe_at, database_now())).one()
    assert then is not None
    return (then - now).total_seconds() / 60


def test_where_a_person_has_to_do_something_it_is_tried_rarely(press: Press) -> None:
    with ScriptedRelay(credentials=("digest", "right")) as relay:
        wrong = RelayAddress("127.0.0.1", relay.port, "none", "digest", "wrong")
        press.settings = replace(press.settings, relay=wrong)
        issue_id = press.frozen_issue("robin@example.org")
        press.deliver(issue_id)
        assert minutes_to_next_probe(press) > 11
        press.settings = replace(press.settings, relay=replace(wrong, password="right"))
        let_time_pass(press)
        tick(press)
        press.deliver(issue_id)
        assert len(relay.messages) == 1
    assert press.issue(issue_id).state is SENT


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("MAIL", "550 5.7.1 this sender may not"),
        ("MAIL", "451 4.1.8 no such domain, for now"),
        ("DATA", "554 5.7.1 no"),
        ("DATA", "421 4.3.2 not this one"),
    ],
)
def test_what_one_sender_is_refused_keeps_no_other_issue(
    press: Press, step: str, answer: str
) -> None:
    issues = several_issues(press, 2)
    start_all(press)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.always(step, answer)
        press.deliver(issues[0])
    assert states(press, issues) == [PARKED, SENDING]
    assert press.issue(issues[0]).parked_until is not None
    with press.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Breaker)) == 0
    [waited] = waits(press, issues[0])
    assert waited.still


def test_a_probe_that_finds_only_its_own_sender_refused_closes_the_breaker(press: Press) -> None:
    issues = several_issues(press, 2)
    start_all(press)
    with ScriptedRelay() as relay:
        relay.always("MAIL", "550 5.7.1 this sender may not")
        open_breaker(press)
        press.relay_at(relay.port)
        rename_breaker(press)
        let_time_pass(press)
        tick(press)
        [probing] = [i for i in issues if press.issue(i).state is SENDING]
        press.deliver(probing)
    assert row_of(press).state is BreakerState.CLOSED
    assert sorted(states(press, issues)) == [PARKED, SENDING]
    assert press.issue(probing).state is PARKED


def open_breaker(press: Press) -> None:
    with press.database.transaction() as session:
        relay = press.settings.relay.name
        breaker.report_trouble(session, relay, AWAY, probe=None, claim=b"")


def test_a_relay_that_takes_no_more_connections_stops_nobody_who_has_one(press: Press) -> None:
    go_on = threading.Event()
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(5))
        press.settings = replace(press.settings, window_size=1)
        relay.script("dot", Hold(go_on))
        relay.script("connect", None, "421 4.7.0 too many connections from you")
        worker = threading.Thread(target=press.deliver, args=(issue_id,))
        worker.start()
        wait_for_recipient(relay)
        with press.database.transaction() as session:
            # What the first has claimed and not opened, for another to take.
            claimed = Delivery.state == DeliveryState.CLAIMED
            session.execute(update(Delivery).where(claimed).values(state="queued", claim=None))
        assert press.deliver(issue_id) is False
        assert press.issue(issue_id).state is SENDING
        go_on.set()
        worker.join(20)
        assert len(relay.messages) == 5
    assert press.issue(issue_id).state is SENT


def test_of_many_that_want_to_try_one_may(press: Press) -> None:
    open_breaker(press)
    let_time_pass(press)

    def ask(_: int) -> breaker.Admission | None:
        with press.database.transaction() as session:
            return breaker.admit(session, press.settings.relay.name, lease_seconds=60)

    with ThreadPoolExecutor(8) as pool:
        admitted = [each for each in pool.map(ask, range(16)) if each is not None]
    assert len(admitted) == 1
    assert admitted[0].probe is not None


def test_a_worker_that_died_trying_is_followed_by_another(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(2))
    press.deliver(issue_id)
    relay = press.settings.relay.name
    with press.database.transaction() as session:
        dead = breaker.admit(session, relay, lease_seconds=60)
        assert dead is not None
        assert breaker.admit(session, relay, lease_seconds=60) is None
    tick(press)
    assert press.issue(issue_id).state is PARKED
    let_time_pass(press)
    tick(press)
    assert press.issue(issue_id).state is SENDING
    with press.database.transaction() as session:
        alive = breaker.admit(session, relay, lease_seconds=60)
        assert alive is not None
        # The dead one wakes up, and its bad news is too old to count.
        breaker.report_trouble(session, relay, BAD_PASSWORD, probe=dead.probe, claim=b"")
    assert row_of(press).state is BreakerState.HALF_OPEN
    assert press.issue(issue_id).state is SENDING


def test_a_try_that_came_to_nothing_is_given_back(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(2))
    press.deliver(issue_id)
    with press.database.transaction() as session:
        session.execute(update(Delivery).values(next_attempt_at=database_now(3600)))
    let_time_pass(press)
    tick(press)
    press.deliver(issue_id)
    assert row_of(press).state is BreakerState.OPEN
    assert row_of(press).probe is None


def test_bad_news_of_before_changes_nothing(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(2))
    press.deliver(issue_id)
    before = row_of(press)
    open_breaker(press)
    after = row_of(press)
    assert (after.failures, after.next_probe_at) == (before.failures, before.next_probe_at)


def test_with_another_relay_in_the_settings_what_waited_goes_on(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(2))
    press.deliver(issue_id)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        tick(press)
        press.deliver(issue_id)
        assert len(relay.messages) == 2
    [waited] = waits(press, issue_id)
    assert not waited.still


def test_an_issue_that_begins_while_the_relay_is_down_tries_once_and_waits(press: Press) -> None:
    open_breaker(press)
    issue_id = press.frozen_issue(*readers(2))
    for _ in range(HANDS):
        press.deliver(issue_id)
    assert press.issue(issue_id).state is PARKED
    assert row_of(press).failures == 2


def test_what_an_issue_waited_for_is_summed_up_by_reason(press: Press, database: Database) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    with database.transaction() as session:
        for began, ended, reason in [(-600, -540, "a"), (-500, -200, "b"), (-100, -40, "a")]:
            session.add(
                Wait(
                    issue_id=issue_id,
                    reason=reason,
                    began_at=database_now(began),
                    ended_at=database_now(ended),
                )
            )
    first, second = waits(press, issue_id)
    assert (first.reason, first.times, round(first.lasted.total_seconds())) == ("b", 1, 300)
    assert (second.reason, second.times, round(second.lasted.total_seconds())) == ("a", 2, 120)


def test_a_wait_ends_when_somebody_else_moves_the_issue(press: Press) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    start_all(press)
    with press.database.transaction() as session:
        sweeping.park(session, issue_id, "The relay refuses every message.", seconds=60)
        session.execute(update(Issue).values(state=IssueState.CANCELLED))
    tick(press)
    [waited] = waits(press, issue_id)
    assert not waited.still


# Notices


def test_notices_find_out_too_and_call_no_more_than_once_a_minute(press: Press) -> None:
    issues = several_issues(press, 1)
    start_all(press)
    queue_many(press, 25)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        relay.always("connect", "554 5.7.1 your address is listed")
        assert send(press) == 0
        assert states(press, issues) == [PARKED]
        for _ in range(5):
            with press.database.transaction() as session:
                session.execute(update(Notice).values(next_attempt_at=database_now(-1)))
            assert send(press) == 0
        assert relay.connections == 1
        with press.database.reading() as session:
            due = select(func.count()).where(Notice.next_attempt_at <= database_now())
            assert session.scalar(due) == 0, "all of them wait, and nothing rings in vain"


def test_a_notice_that_arrives_lets_the_issues_go_on(press: Press) -> None:
    issues = several_issues(press, 2)
    start_all(press)
    press.relay_at(free_port())
    press.deliver(issues[0])
    assert states(press, issues) == [PARKED] * 2
    queue_many(press, 3)
    rung: list[int] = []
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        rename_breaker(press)
        make_due(press)
        send_notices(
            press.database,
            settings=press.settings,
            links=press.links,
            stopping=press.stopping,
            ring_issue=rung.append,
        )
        assert len(relay.messages) == 3
    assert states(press, issues) == [SENDING] * 2
    assert sorted(rung) == sorted(issues)
    assert row_of(press).state is BreakerState.CLOSED
    with press.database.reading() as session:
        assert set(session.scalars(select(Notice.state))) == {NoticeState.ACCEPTED}


def test_a_notice_in_vain_opens_it_again(press: Press) -> None:
    queue_many(press, 1)
    send(press)
    make_due(press)
    send(press)
    found = row_of(press)
    assert (found.state, found.failures) == (BreakerState.OPEN, 2)
