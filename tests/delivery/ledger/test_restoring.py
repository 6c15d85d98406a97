"""What is held in a restored or copied database, and what goes on once that is accepted."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.controls.pausing import resume
from digest.delivery.controls.resending import resend
from digest.delivery.controls.resolving import Verdict, resolve
from digest.delivery.ledger import claiming, sweeping
from digest.delivery.ledger.restoring import Accepted, accept, hold_if_moved
from digest.delivery.notices.sending import send_notices
from digest.delivery.relay.connection import Fate, Outcome, Stage
from digest.errors import RefusedError
from digest.models import (
    Approval,
    Delivery,
    DeliveryState,
    Home,
    InDoubtPolicy,
    Issue,
    IssueState,
    Newsletter,
    Notice,
    NoticeKind,
    NoticeState,
    Restore,
)
from digest.newsroom.issues.agenda import keep_agenda
from digest.tokens import new_token_id
from tests.delivery.conftest import Press, readers
from tests.factories import NOW, make_article, make_issue, make_newsletter, make_reader
from tests.scripted_smtp import ScriptedRelay
from tests.servers.dumps import dump, file_of

SCHEDULED, DRAFT, HELD = IssueState.SCHEDULED, IssueState.DRAFT, IssueState.HELD
FROZEN, SENDING, PARKED = IssueState.FROZEN, IssueState.SENDING, IssueState.PARKED
PAUSED, SENT = IssueState.PAUSED, IssueState.SENT
LATE = timedelta(hours=12)


def carry_off(database: Database) -> None:
    """Make it a database that was recorded in another place."""
    with database.transaction() as session:
        session.execute(update(Home).values(identity="inode=0;system=0"))


def accepted(press: Press, *, nothing_lost: bool = False) -> Accepted:
    found = accept(press.database, "Imara", NOW, nothing_lost=nothing_lost)
    assert found is not None
    return found


def issue_in(press: Press, state: IssueState, **changes: object) -> int:
    """An issue of a newsletter of its own, with two readers; frozen where its state says so."""
    with press.database.transaction() as session:
        newsletter = make_newsletter(session, state, calendar_since=NOW, **changes)
        for number in range(2):
            make_reader(session, newsletter, f"{state}{number}@example.org")
        articles = [make_article(session, f"{state}-{slug}") for slug in ("port", "cold")]
        issue_id = make_issue(session, newsletter, articles, composed_at=NOW, approved_at=NOW).id
    if state not in (SCHEDULED, DRAFT):
        assert press.freeze(issue_id)
    with press.database.transaction() as session:
        values = {"parked_until": database_now(-1)} if state is PARKED else {}
        session.execute(update(Issue).where(Issue.id == issue_id).values(state=state, **values))
    return issue_id


def test_what_would_go_out_is_held_and_what_has_begun_is_paused(press: Press) -> None:
    before = {
        state: issue_in(press, state) for state in (SCHEDULED, DRAFT, FROZEN, SENDING, PARKED)
    }
    carry_off(press.database)
    assert hold_if_moved(press.database, NOW)
    for state, issue_id in before.items():
        issue = press.issue(issue_id)
        assert issue.state is (HELD if state in (SCHEDULED, DRAFT) else PAUSED), state
        assert (issue.reason or "").startswith("This database was restored or copied."), state
        assert issue.parked_until is None
    with press.database.reading() as session:
        [noticed] = session.scalars(select(Restore)).all()
    assert noticed.held == {str(issue_id): state for state, issue_id in before.items()}
    assert noticed.accepted_at is None


@pytest.mark.parametrize(
    ("state", "goes_back_to"),
    [
        (SCHEDULED, SCHEDULED),
        (DRAFT, DRAFT),
        (FROZEN, FROZEN),
        (SENDING, SENDING),
        (PARKED, SENDING),
    ],
)
def test_where_nothing_was_lost_all_goes_on_as_it_was(
    press: Press, state: IssueState, goes_back_to: IssueState
) -> None:
    issue_id = issue_in(press, state)
    carry_off(press.database)
    assert hold_if_moved(press.database, NOW)
    accepted(press, nothing_lost=True)
    issue = press.issue(issue_id)
    assert (issue.state, issue.reason) == (goes_back_to, None)
    assert not hold_if_moved(press.database, NOW)


def test_where_nothing_was_lost_nothing_is_held_in_the_first_place(press: Press) -> None:
    issue_id = issue_in(press, SCHEDULED)
    carry_off(press.database)
    assert accepted(press, nothing_lost=True).issues == ()
    assert press.issue(issue_id).state is SCHEDULED


def test_what_somebody_cancelled_meanwhile_is_not_put_back(press: Press) -> None:
    issue_id = issue_in(press, SENDING)
    carry_off(press.database)
    hold_if_moved(press.database, NOW)
    with press.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.CANCELLED))
    accepted(press, nothing_lost=True)
    assert press.issue(issue_id).state is IssueState.CANCELLED


def test_accepting_holds_by_itself_where_no_tick_came_before(press: Press) -> None:
    issue_id = issue_in(press, SENDING)
    carry_off(press.database)
    assert [issue.id for issue in accepted(press).issues] == [issue_id]
    assert press.issue(issue_id).state is PAUSED
    assert not hold_if_moved(press.database, NOW)
    assert press.issue(issue_id).state is PAUSED, "it waits for a person"


def test_where_nothing_has_changed_there_is_nothing_to_accept(press: Press) -> None:
    issue_id = issue_in(press, SENDING)
    assert accept(press.database, "Imara", NOW) is None
    assert not hold_if_moved(press.database, NOW)
    assert press.issue(issue_id).state is SENDING
    with press.database.reading() as session:
        assert session.scalars(select(Restore)).all() == []


def test_a_draft_that_a_person_has_to_approve_is_left_to_that_person(press: Press) -> None:
    issue_id = issue_in(press, DRAFT, approval=Approval.REQUIRED)
    carry_off(press.database)
    accepted(press)
    assert press.issue(issue_id).state is DRAFT


def test_a_slot_that_passed_since_the_copy_makes_no_issue_and_the_next_one_does(
    press: Press,
) -> None:
    with press.database.transaction() as session:
        make_newsletter(session, calendar_since=NOW - timedelta(days=7))
        make_article(session, "port")
    carry_off(press.database)
    three_hours_late = NOW + timedelta(hours=4)
    found = accept(press.database, "Imara", three_hours_late)
    assert found is not None
    keep_agenda(press.database, three_hours_late, late=LATE)
    with press.database.reading() as session:
        assert session.scalars(select(Issue)).all() == []
    keep_agenda(press.database, three_hours_late + timedelta(days=7), late=LATE)
    with press.database.reading() as session:
        slots = session.scalars(select(Issue.occurrence_on)).all()
    assert slots == [date(2026, 11, 21)]


def test_what_is_in_doubt_is_not_sent_again_by_the_newsletters_policy(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(3), in_doubt_policy=InDoubtPolicy.RESEND)
    with press.database.transaction() as session:
        claiming.start_sending(session, issue_id)
        session.execute(
            update(Delivery).values(
                state=DeliveryState.IN_DOUBT, claim=b"c" * 16, lease_until=database_now(-9999)
            )
        )
        session.execute(update(Issue).values(state=SENT))
    carry_off(press.database)
    accepted(press)
    with press.database.transaction() as session:
        sweeping.sweep_leases(session, final_dot_wait=600)
    assert press.states(issue_id) == [DeliveryState.IN_DOUBT] * 3
    assert press.issue(issue_id).state is SENT


def test_an_issue_that_was_closed_too_early_is_paused_rather_than_opened(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(2))
    with press.database.transaction() as session:
        session.execute(update(Issue).values(state=SENT, sent_at=NOW))
    carry_off(press.database)
    accepted(press)
    with press.database.transaction() as session:
        sweeping.sweep_leases(session, final_dot_wait=600)
    assert press.issue(issue_id).state is PAUSED


def test_a_worker_that_lives_through_a_failover_still_writes_down_what_it_was_told(
    press: Press,
) -> None:
    issue_id = press.frozen_issue(*readers(1))
    with press.database.transaction() as session:
        claiming.start_sending(session, issue_id)
        token = claiming.claim(session, issue_id, size=1, lease_seconds=60)
        assert token
        assert (
            claiming.open_window(session, issue_id, token, size=1, lease_seconds=60, now=NOW) == 1
        )
    carry_off(press.database)
    hold_if_moved(press.database, NOW)
    assert press.states(issue_id) == [DeliveryState.IN_DOUBT]
    [row] = press.rows(issue_id)
    outcome = Outcome(row.subscriber_id, Fate.ACCEPTED, None, Stage.FINAL_DOT)
    with press.database.transaction() as session:
        claiming.record(session, issue_id, token, [outcome])
    assert press.states(issue_id) == [DeliveryState.ACCEPTED]


def test_nothing_is_frozen_sent_or_told_while_it_is_not_accepted(press: Press) -> None:
    due, frozen = issue_in(press, SCHEDULED), issue_in(press, FROZEN)
    notice(press.database, hours_old=0)
    carry_off(press.database)
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        assert not press.freeze(due)
        assert not press.deliver(frozen)
        assert tell(press) == 0
        assert relay.commands == []
        accepted(press, nothing_lost=True)
        assert press.freeze(due)
        press.deliver(frozen)
        assert tell(press) == 1
        assert len(relay.messages) == 2 + 1


def test_no_person_can_send_anything_on_before_it_is_accepted(press: Press) -> None:
    issue_id = issue_in(press, SENDING)
    carry_off(press.database)
    hold_if_moved(press.database, NOW)
    commands = (
        lambda session: resume(session, issue_id, press.clock.now()),
        lambda session: resend(session, issue_id, now=NOW),
        lambda session: resolve(
            session, issue_id, Verdict.QUEUED, by="imara", now=NOW, final_dot_wait=600
        ),
    )
    for command in commands:
        with (
            pytest.raises(RefusedError, match="restored or copied"),
            press.database.transaction() as session,
        ):
            command(session)
    assert press.issue(issue_id).state is PAUSED


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_put_back_after_a_single_window_is_seen_without_a_tick(
    press: Press, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.sqlite3"
    with ScriptedRelay() as relay:
        press.relay_at(relay.port)
        issue_id = press.frozen_issue(*readers(2))
        dump(press.database.url, backup)
        press.deliver(issue_id)
        assert len(relay.messages) == 2
        press.database.dispose()
        shutil.copyfile(backup, file_of(press.database.url))
        assert not press.deliver(issue_id)
        assert len(relay.messages) == 2
    assert press.states(issue_id) == [DeliveryState.QUEUED] * 2


def test_notices_that_waited_go_out_and_those_of_long_ago_do_not(press: Press) -> None:
    with press.database.transaction() as session:
        make_newsletter(session)
    young, old = notice(press.database, hours_old=47), notice(press.database, hours_old=49)
    carry_off(press.database)
    accepted(press)
    with press.database.reading() as session:
        assert session.get_one(Notice, young).state is NoticeState.QUEUED
        cancelled = session.get_one(Notice, old)
    assert cancelled.state is NoticeState.CANCELLED
    assert cancelled.to_address is None


def notice(database: Database, *, hours_old: int) -> int:
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter).limit(1)).one()
        reader = make_reader(session, newsletter, f"robin{hours_old}@example.org")
        added = Notice(
            token_id=new_token_id(),
            kind=NoticeKind.ALREADY_SIGNED_UP,
            to_address="robin@example.org",
            newsletter_id=newsletter.id,
            subscriber_id=reader.subscriber_id,
            created_at=NOW,
        )
        session.add(added)
        session.flush()
        session.execute(
            update(Notice)
            .where(Notice.id == added.id)
            .values(released_at=database_now(-3600 * hours_old))
        )
        return added.id


def tell(press: Press) -> int:
    return send_notices(
        press.database, settings=press.settings, links=press.links, stopping=press.stopping
    )
