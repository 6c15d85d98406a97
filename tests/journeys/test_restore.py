"""A backup made in mid-send is put back after the end, with real workers on both sides."""

import base64
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.delivery.ledger.reporting import report
from digest.models import (
    Delivery,
    DeliveryState,
    Heartbeat,
    InDoubtPolicy,
    Issue,
    IssueState,
    Newsletter,
    Notice,
    NoticeKind,
    NoticeState,
    Restore,
    Subscriber,
)
from digest.runtime import DELIVER_ISSUE, PREPARE_ISSUE, Runtime, open_runtime
from digest.tokens import new_token_id
from digest.web import create_app
from tests.cli.conftest import CommandLine
from tests.factories import (
    KEYS,
    NOW,
    SUPPRESSION_KEY,
    make_article,
    make_issue,
    make_newsletter,
    make_reader,
    make_settings,
)
from tests.journeys.formation import wait_until
from tests.scripted_smtp import Hold, ScriptedRelay
from tests.servers.dumps import dump, file_of, restore
from tests.servers.postgresql import PostgresServer
from worker.embedded import EmbeddedWorkers

READERS, WINDOW, BEFORE_THE_DUMP = 60, 10, 24
ACCEPTED, QUEUED = DeliveryState.ACCEPTED, DeliveryState.QUEUED
IN_DOUBT = DeliveryState.IN_DOUBT


@dataclass
class House:
    """A database with the workers of `digest run`, and a relay that counts what it took."""

    url: str
    relay: ScriptedRelay
    folder: Path
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))

    @contextmanager
    def working(self) -> Iterator[Runtime]:
        """Run the workers around a block, as `digest run` does."""
        settings = make_settings(
            self.url,
            data_dir=self.folder,
            relay=self.relay.address,
            window_size=WINDOW,
            reply_timeout=30.0,
            tick_seconds=0.3,
        )
        runtime = open_runtime(settings, clock=self.clock)
        workers = EmbeddedWorkers(runtime)
        workers.start()
        try:
            yield runtime
        finally:
            stopped = workers.stop(30)
            runtime.close()
            assert stopped

    def tick_twice(self, database: Database) -> None:
        """Return when the calendar was looked at twice from now on, and all that it rang for."""
        for _ in range(2):
            self.clock.advance(timedelta(seconds=1))
            wait_until(lambda: last_tick(database) == self.clock.now(), "the tick comes")

    def digest(self, *arguments: str) -> tuple[int, str]:
        environment = {
            "DATABASE_URL": self.url,
            "DIGEST_DATA_DIR": str(self.folder),
            "REDIS_URL": "memory://",
            "SMTP_URL": f"smtp://127.0.0.1:{self.relay.port}",
            "DIGEST_KEYS": f"k1:{base64.b64encode(KEYS[0].secret).decode()}",
            "DIGEST_SUPPRESSION_KEY": base64.b64encode(SUPPRESSION_KEY.secret).decode(),
        }
        said = CommandLine(environment)(*arguments)
        return said.exit_code, said.out + said.err

    def ready(self) -> tuple[int, str]:
        runtime = open_runtime(make_settings(self.url), clock=self.clock)
        answer = create_app(runtime).test_client().get("/readyz")
        runtime.close()
        assert answer.json is not None
        return answer.status_code, answer.json["home"]


def last_tick(database: Database) -> object:
    with database.reading() as session:
        return session.scalar(select(Heartbeat.at).where(Heartbeat.name == "tick"))


def state_of(database: Database, issue_id: int) -> IssueState:
    with database.reading() as session:
        return session.get_one(Issue, issue_id).state


def counts(database: Database, issue_id: int) -> Counter[DeliveryState]:
    with database.reading() as session:
        rows = session.scalars(select(Delivery.state).where(Delivery.issue_id == issue_id))
        return Counter(rows)


@dataclass(frozen=True)
class Issues:
    sending: int
    scheduled: int
    draft: int


def set_up(database: Database) -> Issues:
    """An issue that is due, one that is scheduled, and a draft that approves itself tomorrow."""
    with database.transaction() as session:
        newsletter = make_newsletter(
            session, in_doubt_policy=InDoubtPolicy.RESEND, calendar_since=NOW
        )
        for number in range(READERS):
            make_reader(session, newsletter, f"reader{number}@example.org")
        articles = [make_article(session, slug) for slug in ("port", "cold", "roofs")]
        due = make_issue(session, newsletter, articles)
        later, tomorrow = NOW + timedelta(days=7), NOW + timedelta(days=1)
        scheduled = make_issue(
            session, newsletter, articles, occurrence_on=later.date(), send_at=later
        )
        draft = make_issue(
            session,
            newsletter,
            articles,
            IssueState.DRAFT,
            occurrence_on=None,
            composed_at=NOW,
            closes_at=tomorrow,
            send_at=tomorrow,
        )
        return Issues(due.id, scheduled.id, draft.id)


def send_with_a_dump_in_between(house: House, path: Path) -> Issues:
    """Send an issue to its end; make a backup while two workers wait for a reply to a message."""
    go_on = threading.Event()
    # The relay answers no further message until the backup is made.
    house.relay.script("dot", *[None] * BEFORE_THE_DUMP, Hold(go_on), Hold(go_on))
    database = Database(house.url)
    issues = set_up(database)
    database.dispose()
    with house.working() as runtime:
        runtime.bell.ring(PREPARE_ISSUE, issues.sending)
        house.relay.wait_for(BEFORE_THE_DUMP)
        dump(house.url, path)
        go_on.set()
        wait_until(
            lambda: state_of(runtime.database, issues.sending) is IssueState.SENT, "it is sent"
        )
        house.tick_twice(runtime.database)
    assert mailed(house.relay) == {f"reader{number}@example.org": 1 for number in range(READERS)}
    return issues


def mailed(relay: ScriptedRelay) -> Counter[str]:
    return Counter(reader for mail in relay.messages for reader in mail.recipients)


def assert_all_is_held(house: House, issues: Issues) -> None:
    """Let real workers and the calendar loose on a restored database: nothing leaves it."""
    house.relay.forget()
    with house.working() as runtime:
        database = runtime.database
        add_notice(database)
        for _ in range(2):
            runtime.bell.ring(PREPARE_ISSUE, issues.scheduled)
            runtime.bell.ring(DELIVER_ISSUE, issues.sending)
            # By then even the draft, and what is scheduled for next week, would be due.
            house.clock.advance(timedelta(days=4))
            house.tick_twice(database)
        house.clock.advance(timedelta(days=-8))
        assert state_of(database, issues.sending) is IssueState.PAUSED
        assert state_of(database, issues.scheduled) is IssueState.HELD
        assert state_of(database, issues.draft) is IssueState.HELD
        with database.reading() as session:
            assert session.scalar(select(Notice.state)) is NoticeState.QUEUED
    assert house.relay.commands == [], "the relay was not even called"

    code, said = house.digest("doctor")
    assert code == 1
    assert "This database was restored or copied" in said
    assert "3 issues are held" in said
    assert "digest doctor --accept-restore" in said
    code, home = house.ready()
    assert code == 200, "readers may sign up and leave"
    assert home.startswith("restored or copied")
    code, said = house.digest("issue", "send", str(issues.draft))
    assert code == 1
    assert "See: digest doctor" in said


def add_notice(database: Database) -> None:
    """What a reader who signs up meanwhile is to get."""
    with database.transaction() as session:
        session.add(
            Notice(
                token_id=new_token_id(),
                kind=NoticeKind.ALREADY_SIGNED_UP,
                to_address="robin@example.org",
                newsletter_id=session.scalars(select(Newsletter.id)).one(),
                subscriber_id=session.scalar(select(Subscriber.id).limit(1)),
                created_at=NOW,
            )
        )


def assert_it_goes_on_when_somebody_says_so(house: House, issues: Issues) -> None:
    code, said = house.digest("doctor", "--accept-restore", "--by", "Imara")
    assert code == 0, said
    database = Database(house.url)
    then = counts(database, issues.sending)
    assert then[ACCEPTED] + then[IN_DOUBT] + then[QUEUED] == READERS
    assert then[ACCEPTED] >= WINDOW
    assert then[IN_DOUBT], "the dump was made while some were on the wire"
    assert then[QUEUED]
    assert f"{then[QUEUED]} of {READERS} readers were still to get this issue" in said
    assert f"Of {then[IN_DOUBT]} it is not known" in said
    assert f"digest issue resume {issues.sending}" in said
    assert f"digest issue send {issues.scheduled}" in said
    with database.reading() as session:
        [noticed] = session.scalars(select(Restore)).all()
        assert (noticed.accepted_by, noticed.accepted_at is not None) == ("Imara", True)
    assert house.digest("doctor", "--accept-restore")[0] == 0, "a second time changes nothing"
    assert house.ready() == (200, "ok")

    with house.working() as runtime:
        house.tick_twice(runtime.database)
        # What waited for a reader, and what the editor is told of two held issues.
        notices = {"robin@example.org": 1, "imara@halyard.example": 2}
        wait_until(lambda: mailed(house.relay) == notices, "the notices leave")
        assert state_of(runtime.database, issues.sending) is IssueState.PAUSED
        resume(runtime.database, issues.sending)
        house.tick_twice(runtime.database)
        wait_until(
            lambda: state_of(runtime.database, issues.sending) is IssueState.SENT, "it is sent"
        )
        house.tick_twice(runtime.database)
    got = mailed(house.relay) - Counter(notices)
    assert set(got.values()) == {1}
    assert len(got) == then[QUEUED], "what is in doubt is not sent again"
    assert counts(database, issues.sending) == {
        ACCEPTED: then[ACCEPTED] + then[QUEUED],
        IN_DOUBT: then[IN_DOUBT],
    }
    with database.reading() as session:
        assert report(session, session.get_one(Issue, issues.sending)).adds_up
    database.dispose()


def resume(database: Database, issue_id: int) -> None:
    with database.transaction() as session:
        session.execute(
            update(Issue).where(Issue.id == issue_id).values(state=IssueState.SENDING, reason=None)
        )


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_restored_in_mid_send(
    database_url: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    backup = tmp_path / "digest.dump"
    with ScriptedRelay() as relay:
        house = House(database_url, relay, tmp_path)
        issues = send_with_a_dump_in_between(house, backup)
        restore(backup, house.url)
        assert_all_is_held(house, issues)

        house.url = postgres_server.create_database()
        restore(backup, house.url)
        assert_all_is_held(house, issues)
        assert_it_goes_on_when_somebody_says_so(house, issues)
        postgres_server.drop(house.url)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_sqlite_file_put_back_in_mid_send(database_url: str, tmp_path: Path) -> None:
    backup, elsewhere = tmp_path / "backup.sqlite3", tmp_path / "elsewhere.sqlite3"
    with ScriptedRelay() as relay:
        house = House(database_url, relay, tmp_path)
        issues = send_with_a_dump_in_between(house, backup)
        shutil.copyfile(backup, elsewhere)
        # Over the old file, which stays the same file to the system.
        shutil.copyfile(backup, file_of(house.url))
        assert_all_is_held(house, issues)

        house.url = f"sqlite:///{elsewhere}"
        assert_all_is_held(house, issues)
        assert_it_goes_on_when_somebody_says_so(house, issues)
