"""The tick: what it rings for, and that no part of it, nor one newsletter, stops the rest."""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, text, update

from digest.clock import FixedClock
from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.delivery.ledger import claiming, partitions
from digest.delivery.ledger.restoring import accept
from digest.delivery.notices.sending import send_notices
from digest.desk.audit import OPERATOR, Actor, list_events, record
from digest.desk.sessions import Browser, open_session
from digest.models import (
    Approval,
    AuditSeal,
    Breaker,
    BreakerState,
    ConsentKind,
    ConsentSeal,
    Counted,
    DayCount,
    Delivery,
    DeskSession,
    Heartbeat,
    Home,
    Issue,
    IssueState,
    Newsletter,
    Notice,
    NoticeKind,
    NoticeState,
    SignUp,
    Story,
    Subscriber,
    Terms,
    Wording,
)
from digest.readers.consent.recording import record_consent
from digest.runtime import (
    DELIVER_ISSUE,
    FOLD_DELIVERIES,
    PREPARE_ISSUE,
    SEND_NOTICES,
    Runtime,
)
from digest.settings.loading import RelayAddress
from digest.tick import links, tick
from digest.tokens import new_token_id
from tests.desk.sealed import make_user
from tests.factories import (
    NOW,
    RING,
    SUPPRESSION_KEY,
    make_article,
    make_issue,
    make_newsletter,
    make_reader,
    make_settings,
)
from tests.scripted_smtp import ScriptedRelay

# Saturday, seven in London: when make_newsletter's issues go out.
SEND_AT = NOW + timedelta(hours=1)


@dataclass
class RecordingBell:
    rung: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    def ring(self, task: str, *ids: int) -> None:
        self.rung.append((task, ids))


@dataclass
class House:
    """A runtime whose clock stands still, and whose bell only takes notes."""

    runtime: Runtime
    clock: FixedClock
    bell: RecordingBell

    @property
    def database(self) -> Database:
        return self.runtime.database

    def tick(self) -> list[tuple[str, tuple[int, ...]]]:
        """Tick once. Return what was rung for."""
        self.bell.rung.clear()
        tick(self.runtime)
        return list(self.bell.rung)

    def issue(self, issue_id: int) -> Issue:
        with self.database.reading() as session:
            return session.get_one(Issue, issue_id)

    def notices(self) -> Sequence[Notice]:
        with self.database.reading() as session:
            return session.scalars(select(Notice).order_by(Notice.id)).all()


@pytest.fixture
def house(database: Database, database_url: str) -> House:
    clock, bell = FixedClock(NOW), RecordingBell()
    settings = make_settings(database_url)
    return House(Runtime(settings, database, RING, SUPPRESSION_KEY, bell, clock), clock, bell)


def add_issue(house: House, state: IssueState = IssueState.SCHEDULED, **changes: object) -> int:
    with house.database.transaction() as session:
        newsletter = session.scalar(select(Newsletter)) or make_newsletter(
            session, calendar_since=SEND_AT
        )
        make_reader(session, newsletter, "robin@example.org")
        articles = [make_article(session, slug) for slug in ("port", "cold", "roofs")]
        changes.setdefault("composed_at", NOW - timedelta(days=1))
        return make_issue(session, newsletter, articles, state, **changes).id


def test_a_due_issue_is_rung_for_until_it_is_frozen(house: House) -> None:
    issue_id = add_issue(house)
    assert (PREPARE_ISSUE, (issue_id,)) in house.tick()
    assert (PREPARE_ISSUE, (issue_id,)) in house.tick(), "the bell may not have been heard"


def test_one_issue_is_rung_for_when_it_is_time_to_try_the_relay(house: House) -> None:
    issues = [add_issue(house, IssueState.PARKED, frozen_at=NOW)]
    with house.database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        special = make_issue(session, newsletter, [], IssueState.PARKED, occurrence_on=None)
        issues.append(special.id)
        for issue_id in issues:
            session.add(
                Delivery(
                    issue_id=issue_id, subscriber_id=1, rendering_id=1,
                    released_at=database_now(), next_attempt_at=database_now(-1),
                )
            )  # fmt: skip
        relay = house.runtime.settings.relay.name
        session.add(Breaker(relay=relay, state=BreakerState.OPEN, next_probe_at=database_now(60)))
    assert house.tick() == []
    with house.database.transaction() as session:
        session.execute(update(Breaker).values(next_probe_at=database_now(-1)))
    assert house.tick() == [(DELIVER_ISSUE, (issues[0],))]
    assert house.issue(issues[1]).state is IssueState.PARKED


def test_an_issue_that_is_being_worked_at_is_not_rung_for_again(house: House) -> None:
    issue_id = add_issue(house)
    with house.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENDING, frozen_at=NOW))
        partitions.add(session, issue_id)
        for subscriber_id in (1, 2):
            session.add(
                Delivery(
                    issue_id=issue_id, subscriber_id=subscriber_id, rendering_id=1,
                    released_at=database_now(), next_attempt_at=database_now(-1),
                )
            )  # fmt: skip
    assert house.tick() == [(DELIVER_ISSUE, (issue_id,))]
    with house.database.transaction() as session:
        assert claiming.claim(session, issue_id, size=1, lease_seconds=60)
    assert house.tick() == [], "who is at work rings for more"
    with house.database.transaction() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.lease_until.is_not(None))
            .values(lease_until=database_now(-1))
        )
    assert house.tick() == [(DELIVER_ISSUE, (issue_id,))]


def test_old_deliveries_are_rung_for_until_they_are_folded(house: House) -> None:
    changes = {"frozen_at": NOW, "sent_at": NOW, "watched_until": NOW + timedelta(days=3)}
    add_issue(house, IssueState.SENT, audience=0, **changes)
    assert (FOLD_DELIVERIES, ()) not in house.tick()
    house.clock.advance(timedelta(days=366))
    assert (FOLD_DELIVERIES, ()) in house.tick()
    assert (FOLD_DELIVERIES, ()) in house.tick(), "the bell may not have been heard"


def test_a_newsletter_in_disorder_stops_no_other(house: House) -> None:
    with house.database.transaction() as session:
        make_newsletter(session, "broken", calendar_since=NOW - timedelta(days=6))
        make_newsletter(session, calendar_since=NOW - timedelta(days=6))
        session.execute(
            update(Newsletter)
            .where(Newsletter.slug == "broken")
            .values(zone="Nowhere/Land", story_max_age_days=10**7)
        )
        for slug in ("port", "cold", "roofs"):
            make_article(session, slug)
    issue_id = add_issue_of(house, "broken", IssueState.DRAFT)
    house.tick()
    with house.database.reading() as session:
        composed = session.scalars(
            select(Issue).join(Newsletter).where(Newsletter.slug == "editors-digest")
        ).all()
        beats = session.scalar(select(Heartbeat.at))
    assert [issue.state for issue in composed] == [IssueState.SCHEDULED]
    assert beats == NOW
    assert house.issue(issue_id).state is IssueState.DRAFT


def add_issue_of(house: House, slug: str, state: IssueState) -> int:
    with house.database.transaction() as session:
        newsletter = session.scalars(select(Newsletter).where(Newsletter.slug == slug)).one()
        return make_issue(session, newsletter, [], state, compose_at=NOW, send_at=NOW).id


def test_a_clock_that_was_set_back_stops_no_tick(house: House) -> None:
    issue_id = add_issue(house, IssueState.HELD, reason="Too late.")
    house.clock.advance(timedelta(hours=-1))
    other = add_issue_to_prepare(house)
    for _ in range(3):
        assert (PREPARE_ISSUE, (other,)) in house.tick()
    assert [(n.kind, n.issue_id) for n in house.notices()] == [(NoticeKind.HELD, issue_id)]


def add_issue_to_prepare(house: House) -> int:
    with house.database.transaction() as session:
        newsletter = make_newsletter(session, "other", calendar_since=SEND_AT)
        articles = [make_article(session, "bat")]
        return make_issue(session, newsletter, articles, send_at=NOW - timedelta(hours=2)).id


def test_an_issue_whose_stories_are_gone_is_held_and_not_forgotten(house: House) -> None:
    issue_id = add_issue(house, IssueState.DRAFT)
    with house.database.transaction() as session:
        session.execute(delete(Story))
    house.tick()
    issue = house.issue(issue_id)
    assert issue.state is IssueState.HELD
    assert "no stories" in (issue.reason or "")
    assert [notice.kind for notice in house.notices()] == [NoticeKind.HELD]


def test_an_issue_that_cannot_be_composed_is_held_at_its_time(house: House) -> None:
    issue_id = add_issue(house, IssueState.DRAFT, composed_at=None)
    with house.database.transaction() as session:
        # More days than a date can go back.
        session.execute(update(Newsletter).values(story_max_age_days=10**7))
    house.tick()
    issue = house.issue(issue_id)
    assert issue.state is IssueState.HELD
    assert "could not be composed" in (issue.reason or "")


def test_the_first_two_ticks_ever_may_come_at_once(house: House) -> None:
    errors: list[BaseException] = []

    def once() -> None:
        try:
            tick(house.runtime)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_sign_ups_that_nobody_confirmed_are_forgotten_by_the_tick(house: House) -> None:
    with house.database.transaction() as session:
        terms = Terms(version=1, body="Be kind.", published_at=NOW)
        session.add(terms)
        session.flush()
        wording = Wording(number=1, label="I [agree]", terms_id=terms.id, created_at=NOW)
        session.add(wording)
        session.flush()
        session.add(
            SignUp(
                token_id=new_token_id(), subject=new_token_id(), email="robin@example.org",
                email_key="robin@example.org", site="halyard.example", wording_id=wording.id,
                requested_at=NOW - timedelta(days=40), expires_at=NOW - timedelta(days=38),
            )
        )  # fmt: skip
    house.tick()
    with house.database.reading() as session:
        assert session.scalar(select(func.count()).where(SignUp.email.is_not(None))) == 0


def test_what_the_log_holds_of_a_reader_goes_with_those_who_left_long_ago(house: House) -> None:
    with house.database.transaction() as session:
        period = make_reader(session, make_newsletter(session, "ended"), "robin@example.org")
        long_ago = NOW - timedelta(days=800)
        period.started_at = period.ended_at = period.subscriber.created_at = long_ago
        row, said = period.subscriber_id, {"before": "robin@example.org"}
        record(session, OPERATOR, "reader note", "subscriber", row, now=long_ago, values=said)
    house.tick()
    with house.database.reading() as session:
        assert session.get_one(Subscriber, row).erased_at == NOW
        assert [event.values for event in list_events(session, at_most=9)] == [None]


def test_addresses_are_forgotten_once_a_day_and_after_the_clock_was_put_back(house: House) -> None:
    for hours, looked in ((0, 0), (23, 0), (25, 25), (-200, -200)):
        house.clock.at = NOW + timedelta(hours=hours)
        house.tick()
        with house.database.reading() as session:
            last = session.get_one(Heartbeat, "addresses").at
        assert last == NOW + timedelta(hours=looked)


def test_what_was_done_at_the_desk_is_sealed_and_from_where_is_forgotten(house: House) -> None:
    with house.database.transaction() as session:
        user = make_user(session)
        record(session, Actor(user, "203.0.113.7"), "issue edit", "issue", 1, now=NOW)
        open_session(session, user, Browser("203.0.113.7"), now=NOW, proved=True)

    def look() -> tuple[list[tuple[int | None, str | None]], int]:
        house.tick()
        with house.database.reading() as session:
            events = [(event.link, event.ip) for event in list_events(session, at_most=50)]
            return events, session.scalar(select(func.count()).select_from(DeskSession)) or 0

    assert look() == ([(1, "203.0.113.7")], 1)
    house.clock.at = NOW + timedelta(days=15)
    assert look() == ([(1, "203.0.113.7")], 0), "a session that is over"
    house.clock.at = NOW + timedelta(days=91)
    assert look() == ([(1, None)], 0)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_reports_are_read_from_is_counted_by_each_tick(house: House) -> None:
    issue_id = add_issue(house, IssueState.SENDING, frozen_at=NOW, audience=1)
    for minutes in (0, 1):
        house.clock.at = NOW + timedelta(minutes=minutes)
        house.tick()
        assert house.issue(issue_id).counted_at == house.clock.at
        with house.database.reading() as session:
            counted = [(row.what, row.readers) for row in session.scalars(select(DayCount))]
        assert counted == [(Counted.STARTED, 1 + minutes)]
        with house.database.transaction() as session:
            newsletter = session.scalars(select(Newsletter)).one()
            make_reader(session, newsletter, f"ann{minutes}@example.org")


def test_where_users_were_is_looked_at_once_a_day(house: House) -> None:
    looked = []
    for hours in (0, 23, 25, -200):
        house.clock.at = NOW + timedelta(hours=hours)
        house.tick()
        with house.database.reading() as session:
            looked.append(session.get_one(Heartbeat, "desk").at - NOW)
            assert session.get_one(Heartbeat, "fetches").at == NOW + looked[-1]
    assert looked == [timedelta(hours=hours) for hours in (0, 0, 25, -200)]


@pytest.mark.parametrize(
    ("broken", "sealed"), [("audit_event", "consent"), ("consent", "audit_event")]
)
def test_a_log_that_cannot_be_sealed_keeps_no_other_from_it(
    house: House, broken: str, sealed: str
) -> None:
    with house.database.transaction() as session:
        record(session, OPERATOR, "issue edit", "issue", 1, now=NOW)
        record_consent(session, ConsentKind.ERASED, b"s" * 16, now=NOW)
        session.execute(text(f"ALTER TABLE {broken} RENAME COLUMN at TO moment"))
    house.tick()
    links = {"audit_event": AuditSeal, "consent": ConsentSeal}
    with house.database.reading() as session:
        counts = {
            name: session.scalar(select(func.count()).select_from(seal))
            for name, seal in links.items()
        }
    assert counts == {broken: 0, sealed: 1}


@pytest.mark.parametrize("kind", [NoticeKind.HELD, NoticeKind.DRAFT_READY])
def test_an_editor_is_told_which_issue_why_and_what_to_type(house: House, kind: NoticeKind) -> None:
    approval = Approval.REQUIRED
    if kind is NoticeKind.HELD:
        add_issue(house, IssueState.DRAFT)
    else:
        add_issue(house, IssueState.DRAFT, composed_at=None, send_at=SEND_AT, compose_at=NOW)
    with house.database.transaction() as session:
        session.execute(update(Newsletter).values(approval=approval))
    assert (SEND_NOTICES, ()) in house.tick()
    with ScriptedRelay() as relay:
        settings = make_settings(
            house.runtime.settings.database_url, relay=RelayAddress("127.0.0.1", relay.port)
        )
        send_notices(
            house.database,
            settings=settings,
            links=links(house.runtime),
            stopping=house.runtime.stopping,
        )
        [mail] = relay.messages
    assert mail.recipients == ("imara@halyard.example",)
    [notice] = house.notices()
    assert (notice.kind, notice.state, notice.to_address) == (kind, NoticeState.ACCEPTED, None)
    for part in ("plain", "html"):
        body = mail.message.get_body((part,))
        assert body is not None
        words = " ".join(re.sub("<[^>]+>", " ", body.get_content()).split())
        assert "Saturday 14 November" in words or "SATURDAY 14 NOVEMBER" in words
        if kind is NoticeKind.HELD:
            assert "Nobody approved it by Saturday 14 November at 06:00." in words
            assert "digest issue send editors-digest/2026-11-14" in words
        else:
            assert "digest issue approve editors-digest/2026-11-14" in words
            assert "The story of the port" in words


def test_in_a_restored_database_the_calendar_rests_and_all_else_goes_on(house: House) -> None:
    with house.database.transaction() as session:
        make_newsletter(session, calendar_since=NOW - timedelta(days=6))
        session.execute(update(Home).values(identity="inode=0;system=0"))
    waiting = add_issue(house, occurrence_on=None)
    house.tick()
    assert house.issue(waiting).state is IssueState.HELD
    with house.database.reading() as session:
        assert session.scalars(select(Issue.id)).all() == [waiting], "no other one was made"
        assert session.get_one(Heartbeat, "tick").at == NOW
    assert house.notices() == [], "nobody is told by mail from it"
    house.tick()
    assert accept(house.database, "Imara", NOW)
    house.tick()
    assert [notice.kind for notice in house.notices()] == [NoticeKind.HELD]
    with house.database.reading() as session:
        assert len(session.scalars(select(Issue.id)).all()) == 2, "the next slot is made"
