"""An issue that nobody has yet, and that would come too late, waits for a person."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from digest.delivery.controls import pausing
from digest.delivery.ledger.lateness import pause_late
from digest.models import Delivery, DeliveryState, Issue, IssueState, Notice, NoticeKind
from tests.delivery.conftest import Press, readers
from tests.factories import make_editor
from tests.scripted_smtp import ScriptedRelay

LATE = timedelta(hours=12)


def park(press: Press, issue_id: int) -> None:
    with press.database.transaction() as session:
        session.execute(
            update(Issue)
            .where(Issue.id == issue_id)
            .values(state=IssueState.PARKED, reason="The relay does not answer.")
        )


def tick(press: Press) -> list[int]:
    with press.database.transaction() as session:
        return pause_late(session, press.clock.now(), LATE)


def notices(press: Press) -> list[Notice]:
    with press.database.reading() as session:
        return list(session.scalars(select(Notice).order_by(Notice.id)))


def test_one_that_was_parked_for_a_day_is_paused_and_its_editors_told(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(3))
    with press.database.transaction() as session:
        make_editor(session, "joss@example.org")
    before = press.issue(issue_id)
    park(press, issue_id)
    press.clock.advance(LATE)
    assert tick(press) == [], "not yet too late"
    press.clock.advance(timedelta(seconds=1))

    assert tick(press) == [issue_id]
    assert tick(press) == [], "judged once"
    issue = press.issue(issue_id)
    assert issue.state is IssueState.PAUSED
    assert issue.reason == (
        "It was due on Saturday 14 November at 06:00, and nobody has it yet. What kept it: The "
        "relay does not answer."
    )
    assert (issue.number, issue.audience) == (before.number, before.audience)
    told = [(each.kind, each.issue_id, each.to_address) for each in notices(press)]
    assert told == [
        (NoticeKind.HELD, issue_id, address)
        for address in ("imara@halyard.example", "joss@example.org")
    ]


def test_a_worker_that_finds_it_late_sends_nothing(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        press.clock.advance(LATE + timedelta(minutes=1))

        assert press.deliver(issue_id) is False
        assert relay.messages == []
    assert press.issue(issue_id).state is IssueState.PAUSED
    assert set(press.states(issue_id)) == {DeliveryState.QUEUED}


def test_whoever_resumes_it_has_decided(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        press.clock.advance(timedelta(days=3))
        assert tick(press) == [issue_id]
        with press.database.transaction() as session:
            assert pausing.resume(session, issue_id, press.clock.now())

        assert tick(press) == []
        press.deliver(issue_id)
        assert len(relay.messages) == 3
    assert press.issue(issue_id).state is IssueState.SENT


def test_one_that_a_person_paused_for_days_goes_on_when_resumed(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(3))
    with press.database.transaction() as session:
        pausing.pause(session, issue_id, "imara")
    press.clock.advance(timedelta(days=3))

    assert tick(press) == []
    assert press.issue(issue_id).reason == "imara paused it."
    with press.database.transaction() as session:
        pausing.resume(session, issue_id, press.clock.now())
    assert tick(press) == []


def test_once_anyone_has_it_it_goes_on(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        press.settings = replace(press.settings, window_size=1, connections=1)
        [one, *_] = press.rows(issue_id)
        with press.database.transaction() as session:
            session.execute(
                update(type(one))
                .where(type(one).subscriber_id == one.subscriber_id)
                .values(state=DeliveryState.IN_DOUBT)
            )
        park(press, issue_id)
        press.clock.advance(timedelta(days=1))

        assert tick(press) == []
        assert press.issue(issue_id).state is IssueState.PARKED


def test_cancelling_gives_its_stories_back(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(3))
    press.clock.advance(timedelta(days=1))
    assert tick(press) == [issue_id]
    with press.database.transaction() as session:
        assert pausing.cancel(session, issue_id, "imara")
    pausing.withdraw_rows(press.database, issue_id)

    assert set(press.states(issue_id)) == {DeliveryState.CANCELLED}


def test_one_that_someone_has_is_judged_once(press: Press) -> None:
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(3))
        press.deliver(issue_id)
    park(press, issue_id)
    press.clock.advance(timedelta(days=1))
    assert tick(press) == []
    judged = press.clock.now()
    press.clock.advance(timedelta(days=1))
    assert tick(press) == []
    assert press.issue(issue_id).lateness_judged_at == judged


def test_a_window_that_came_back_unsent_is_nobodys(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(3))
    park(press, issue_id)
    press.clock.advance(timedelta(days=1))
    with press.database.transaction() as session:
        session.execute(update(Delivery).values(state=DeliveryState.SENDING))
    assert tick(press) == []
    with press.database.transaction() as session:
        session.execute(update(Delivery).values(state=DeliveryState.QUEUED))
    assert tick(press) == [issue_id]


def test_one_without_readers_is_late_for_nobody(press: Press) -> None:
    issue_id = press.frozen_issue()
    press.clock.advance(timedelta(days=2))
    press.deliver(issue_id)
    assert press.issue(issue_id).state is IssueState.SENT
    assert notices(press) == []


def test_nor_is_one_that_all_of_its_readers_left(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(2))
    with press.database.transaction() as session:
        session.execute(update(Delivery).values(state=DeliveryState.EXCLUDED, reason="left"))
    press.clock.advance(timedelta(days=2))
    press.deliver(issue_id)
    assert press.issue(issue_id).state is IssueState.SENT
