"""`digest doctor` as its user sees it: what it finds, what it advises, how it ends."""

import base64
import os
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope
from click.testing import CliRunner
from redis import Redis
from sqlalchemy import delete, select, update

from digest.checkup import Level, check_up
from digest.checkup.finding import failure, within_seconds
from digest.checkup.surroundings import disk_space
from digest.cli import digest
from digest.clock import SystemClock
from digest.database.transactions import Database
from digest.delivery.ledger.freezing import freeze
from digest.delivery.ledger.restoring import hold_if_moved
from digest.migrations import downgrade
from digest.models import (
    Approval,
    Breaker,
    BreakerState,
    Delivery,
    DeliveryState,
    Heartbeat,
    Home,
    InboundDomain,
    Installation,
    Issue,
    IssueState,
    Newsletter,
    Notice,
    NoticeKind,
    NoticeState,
    Publication,
    Restore,
    Source,
    Terms,
    Wording,
)
from digest.newsroom.intake.media import store_media
from digest.newsroom.intake.pictures import Encoded
from digest.settings.loading import VARIABLES, new_secret
from digest.tokens import new_token_id
from tests.cli.conftest import CommandLine
from tests.factories import (
    make_article,
    make_issue,
    make_newsletter,
    make_reader,
    prove_inbound,
)
from tests.scripted_smtp import Hang, ScriptedRelay, self_signed
from tests.servers.redis_server import PrivateRedis
from tests.servers.smtp import SmtpSink

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
Found = dict[str, list[dict[str, str]]]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
        monkeypatch.delenv(f"{variable.name}_FILE", raising=False)


@pytest.fixture
def doctor(command_line: CommandLine, smtp_sink: SmtpSink) -> CommandLine:
    """A command line whose surroundings are as they should be, with nothing in the database."""
    healthy = {
        "SMTP_URL": smtp_sink.url,
        "DIGEST_PUBLIC_URL": "https://digest.halyard.example",
        "DIGEST_TRUSTED_PROXIES": "127.0.0.1/32",
        "DIGEST_INBOUND_DOMAIN": "in.halyard.example",
        "DIGEST_RELAY_SIGNS": "true",
        "DIGEST_KEYS": f"k1:{SECRET}",
        "DIGEST_SUPPRESSION_KEY": SECRET,
    }
    return with_settings(command_line, **healthy)


def with_settings(command_line: CommandLine, **settings: str) -> CommandLine:
    return replace(command_line, environment={**command_line.environment, **settings})


@pytest.fixture
def paper(database: Database) -> Database:
    """A database with all that readers and the calendar need."""
    now = datetime.now(UTC)
    with database.transaction() as session:
        make_newsletter(session)
        session.get_one(Publication, 1).privacy_url = "https://halyard.example/privacy"
        terms = Terms(version=1, body="Be kind.\n", published_at=now)
        session.add(Wording(number=1, label="I agree to the [terms]", terms=terms, created_at=now))
        session.add(Heartbeat(name="tick", at=now))
        make_article(session, "port")
        prove_inbound(session, "in.halyard.example")
    return database


def found_by(doctor: CommandLine) -> Found:
    """Run `digest doctor --json`; its findings by check, those that are fine left out."""
    said = doctor("doctor", "--json")
    found: Found = {}
    for each in said.json["checks"]:
        if each["level"] != "fine":
            found.setdefault(each["check"], []).append(each)
    levels = {each["level"] for each in said.json["checks"]}
    assert said.exit_code == (1 if "failure" in levels else 0)
    return found


def only(found: Found, check: str, level: str) -> tuple[str, str]:
    (each,) = found[check]
    assert each["level"] == level
    return each["found"], each["remedy"]


# When all is well, and how it ends


def test_where_all_is_well_it_says_so(doctor: CommandLine, paper: Database) -> None:
    if not paper.is_sqlite:
        # One process on PostgreSQL is worth a warning; that is another test's matter.
        assert set(found_by(doctor)) == {"settings"}
        return
    said = doctor("doctor")
    assert (said.exit_code, said.err) == (0, "")
    assert said.out.endswith("\nAll is well.\n")
    assert "!" not in said.out
    assert doctor("doctor", "--json").json["status"] == "fine"


def test_it_says_how_much_room_articles_and_pictures_take(
    doctor: CommandLine, paper: Database
) -> None:
    with paper.transaction() as session:
        picture = Encoded(b"\xff" * 2_300_000, "image/jpeg", 1, 1)
        key = store_media(session, picture, SystemClock().now())
        make_article(session, "quay", body="ä" * 600_000, lead_image=key)
        make_article(session, "mole", let_go_at=SystemClock().now())
    said = doctor("doctor", "--json").json
    [sizes] = [each["found"] for each in said["checks"] if each["check"] == "sizes"]
    # The paper has one article already, or more.
    assert "their bodies take 1.2 MB, and 1 picture 2.3 MB. Of 1 only" in sizes


@only_sqlite
def test_warnings_alone_end_with_0(doctor: CommandLine, paper: Database) -> None:
    said = with_settings(doctor, DIGEST_INBOUND_DOMAIN="")("doctor")
    assert said.exit_code == 0
    assert "! returning mail   Warning. DIGEST_INBOUND_DOMAIN is not set" in said.out
    assert said.out.endswith("It works, with one warning.\n")


@only_sqlite
def test_what_must_be_mended_ends_with_1(doctor: CommandLine) -> None:
    said = doctor.process("doctor")
    assert said.exit_code == 1
    assert "✗ newsletters      To mend. There is no newsletter yet." in said.out
    assert "Make one: digest newsletter create --help" in said.out
    assert "✗ terms            To mend. There are no terms" in said.out
    assert "2 things to mend" in said.out


@only_sqlite
def test_it_changes_nothing(doctor: CommandLine, paper: Database, smtp_sink: SmtpSink) -> None:
    doctor("doctor")
    with paper.reading() as session:
        assert session.get(Installation, 1) is None
    assert smtp_sink.messages == []


@only_sqlite
def test_a_terminal_without_its_marks_gets_the_words(doctor: CommandLine) -> None:
    said = with_settings(doctor, PYTHONIOENCODING="ascii").process("doctor")
    assert (said.exit_code, said.err) == (1, "")
    assert "? newsletters      To mend." in said.out


def test_a_new_key_is_one_that_is_accepted() -> None:
    first, second = (CliRunner().invoke(digest, ["doctor", "--new-key"]).stdout for _ in range(2))
    assert len(base64.b64decode(first)) == 32
    assert first != second


# Settings


@only_sqlite
def test_all_settings_that_are_wrong_are_named_at_once(doctor: CommandLine) -> None:
    said = with_settings(
        doctor,
        REDIS_URL="redis://:hunter2@redis.halyard.example",
        SMTP_URL="smtp://digest:hunter2@:x",
        DIGEST_KEYS="",
        DIGEST_SUPPRESSION_KEY="",
    )("doctor")
    assert said.exit_code == 1
    assert "SMTP_URL: should be smtp://host:25" in said.out
    assert "DIGEST_KEYS is not set." in said.out
    assert "DIGEST_SUPPRESSION_KEY is not set." in said.out
    assert said.out.count("`digest doctor --new-key`") == 2
    assert "hunter2" not in said.out


@only_sqlite
def test_a_mistyped_name_is_noticed(doctor: CommandLine, paper: Database) -> None:
    found, remedy = only(
        found_by(with_settings(doctor, DIGEST_PUBIC_URL="https://x.example")), "settings", "warning"
    )
    assert found.startswith("DIGEST_PUBIC_URL is set")
    assert remedy.startswith("Was DIGEST_PUBLIC_URL meant?")


@only_sqlite
def test_what_only_a_trial_would_do_is_warned_of(doctor: CommandLine, paper: Database) -> None:
    found = found_by(
        with_settings(
            doctor,
            DIGEST_PUBLIC_URL="http://127.0.0.1:8000",
            DIGEST_RELAY_SIGNS="",
            DIGEST_FETCH_PRIVATE="true",
        )
    )
    assert set(found) == {"public address", "signature", "fetching"}
    assert "DIGEST_RELAY_SIGNS=true" in only(found, "signature", "warning")[1]


@only_sqlite
def test_an_address_with_a_path_is_as_good_as_one_without(
    doctor: CommandLine, paper: Database
) -> None:
    url = "https://halyard.example/newsletters"
    assert "public address" not in found_by(with_settings(doctor, DIGEST_PUBLIC_URL=f"{url}/"))
    found, remedy = only(
        found_by(with_settings(doctor, DIGEST_PUBLIC_URL=f"{url}?x=1")), "settings", "failure"
    )
    assert found.startswith("DIGEST_PUBLIC_URL: should have no user, no question mark")
    assert "https://paper.example/newsletters" in remedy


@only_sqlite
def test_a_proxy_that_nobody_named_is_warned_of(doctor: CommandLine, paper: Database) -> None:
    found = found_by(with_settings(doctor, DIGEST_TRUSTED_PROXIES=""))
    assert "DIGEST_TRUSTED_PROXIES" in only(found, "proxies", "warning")[0]


@only_postgresql
def test_one_process_on_postgresql_is_warned_of(doctor: CommandLine, paper: Database) -> None:
    found, remedy = only(found_by(doctor), "settings", "warning")
    assert "REDIS_URL is memory://" in found
    assert "redis://localhost:6379/0" in remedy


@only_sqlite
def test_keys_that_others_can_read_are_warned_of(doctor: CommandLine, paper: Database) -> None:
    embedded = with_settings(doctor, DIGEST_KEYS="", DIGEST_SUPPRESSION_KEY="")
    embedded("doctor")
    path = Path(embedded.environment["DIGEST_DATA_DIR"]) / "keys"
    assert "keys" not in found_by(embedded)
    path.chmod(0o644)
    assert only(found_by(embedded), "keys", "warning")[1] == f"Run: chmod 600 {path}"


@pytest.mark.parametrize(
    ("free", "level"), [(99_999_999, "failure"), (999_999_999, "warning"), (10**9, "fine")]
)
def test_a_disk_that_fills_up_is_told_in_time(free: int, level: str) -> None:
    assert disk_space(Path("/var/lib/digest"), free).level == level


# Database


@only_sqlite
def test_no_database_yet(doctor: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "none"
    found = found_by(with_settings(doctor, DATABASE_URL=f"sqlite:///{folder}/digest.sqlite3"))
    assert "Run: digest db upgrade" in only(found, "database", "failure")[1]
    assert not folder.exists()


def test_a_database_without_tables(doctor: CommandLine, database_url: str) -> None:
    downgrade(database_url, "base")
    found, remedy = only(found_by(doctor), "database", "failure")
    assert found == "The database has no tables yet."
    assert remedy == "Run: digest db upgrade"


@only_sqlite
def test_a_database_that_is_away(doctor: CommandLine, free_port: int) -> None:
    url = f"postgresql://digest:hunter2@127.0.0.1:{free_port}/digest"
    said = with_settings(doctor, DATABASE_URL=url)("doctor")
    assert said.exit_code == 1
    assert "✗ database         To mend. It cannot be used: " in said.out
    assert "refused" in said.out
    assert "hunter2" not in said.out


@only_sqlite
def test_a_file_that_is_no_database(doctor: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "digest.sqlite3").write_bytes(b"not a database, but long enough to look" * 30)
    found = found_by(with_settings(doctor, DATABASE_URL=f"sqlite:///{tmp_path}/digest.sqlite3"))
    assert "file is not a database" in only(found, "database", "failure")[0]


def test_the_wrong_suppression_key(doctor: CommandLine, paper: Database) -> None:
    assert doctor("newsletter", "list").exit_code == 0
    other = with_settings(doctor, DIGEST_SUPPRESSION_KEY=new_secret())
    found, remedy = only(found_by(other), "suppression key", "failure")
    assert "is not the key that this database was made with" in found
    assert remedy.startswith("Put the old key back.")


@only_postgresql
@pytest.mark.parametrize(("seconds", "level"), [(30, Level.WARNING), (-3600, Level.FAILURE)])
def test_clocks_that_differ(
    doctor: CommandLine,
    paper: Database,
    monkeypatch: pytest.MonkeyPatch,
    seconds: int,
    level: Level,
) -> None:
    for name, value in doctor.environment.items():
        monkeypatch.setenv(name, value)
    found = list(check_up(SystemClock(timedelta(seconds=seconds))))
    (clocks,) = [each for each in found if each.check == "clocks"]
    assert clocks.level is level
    assert ("ahead of" if seconds > 0 else "behind") in clocks.found


@only_sqlite
def test_time_zones_on_which_host_and_wheel_differ_are_named(
    doctor: CommandLine, paper: Database, tmp_path: Path
) -> None:
    (tmp_path / "Europe").mkdir()
    (tmp_path / "tzdata.zi").write_text("# version 2025b\n")
    tokyo = resources.files("tzdata.zoneinfo").joinpath("Asia", "Tokyo").read_bytes()
    (tmp_path / "Europe" / "London").write_bytes(tokyo)
    said = with_settings(doctor, PYTHONTZPATH=str(tmp_path)).process("doctor", "--json")

    (found,) = [each for each in said.json["checks"] if each["check"] == "time zones"]
    assert found["level"] == "warning"
    assert "(release 2025b)" in found["found"]
    assert "differ for Europe/London. Issues go out by the newer, the one that" in found["found"]


# Broker and relay


@only_sqlite
def test_a_broker_that_answers(doctor: CommandLine, paper: Database, redis_url: str) -> None:
    found, _ = only(found_by(with_settings(doctor, REDIS_URL=redis_url)), "settings", "warning")
    assert "the database is SQLite" in found


@only_sqlite
def test_a_broker_that_is_away(doctor: CommandLine, paper: Database, free_port: int) -> None:
    url = f"redis://:hunter2@127.0.0.1:{free_port}/0"
    found, remedy = only(found_by(with_settings(doctor, REDIS_URL=url)), "broker", "failure")
    assert "Connection refused" in found
    assert "hunter2" not in found
    assert "Readers can sign up and leave" in remedy


@only_sqlite
def test_a_broker_that_wants_a_password(
    doctor: CommandLine, paper: Database, private_redis: Callable[[], PrivateRedis]
) -> None:
    server = private_redis()
    with Redis.from_url(server.url) as client:
        client.config_set("requirepass", "sesame")
    url = server.url.replace("redis://", "redis://:hunter2@")
    found, _ = only(found_by(with_settings(doctor, REDIS_URL=url)), "broker", "failure")
    assert "invalid username-password pair" in found
    assert "hunter2" not in found


@only_sqlite
def test_a_relay_that_is_away(doctor: CommandLine, paper: Database, free_port: int) -> None:
    away = with_settings(doctor, SMTP_URL=f"smtp://127.0.0.1:{free_port}")
    found, remedy = only(found_by(away), "relay", "failure")
    assert "Connection refused" in found
    assert remedy.startswith("Is SMTP_URL right, and does the relay run?")


@pytest.mark.parametrize("state", [BreakerState.OPEN, BreakerState.HALF_OPEN])
def test_an_open_breaker(doctor: CommandLine, paper: Database, state: BreakerState) -> None:
    relay = doctor.environment["SMTP_URL"].removeprefix("smtp://")
    with paper.transaction() as session:
        session.add(
            Breaker(
                relay=relay,
                state=state,
                reason="No connection with the relay.",
                failures=3,
                opened_at=datetime(2026, 11, 14, 6, 0, tzinfo=UTC),
                next_probe_at=datetime(2026, 11, 14, 6, 5, tzinfo=UTC),
            )
        )
    found, remedy = only(found_by(doctor), "breaker", "failure")
    assert found == (
        "Since 14 November 2026, 06:00 UTC no mail goes to the relay: No connection with the relay."
    )
    tried = "from 06:05 UTC on" if state is BreakerState.OPEN else "right now"
    assert tried in remedy


def test_a_breaker_that_closed_again(doctor: CommandLine, paper: Database) -> None:
    relay = doctor.environment["SMTP_URL"].removeprefix("smtp://")
    with paper.transaction() as session:
        session.add(Breaker(relay=relay, state=BreakerState.CLOSED))
        session.add(Breaker(relay="old.example:25", state=BreakerState.OPEN))
    assert "breaker" not in found_by(doctor)


@only_sqlite
def test_a_relay_without_starttls(doctor: CommandLine, paper: Database) -> None:
    with ScriptedRelay() as relay:
        plain = with_settings(doctor, SMTP_URL=f"smtp+starttls://127.0.0.1:{relay.port}")
        found, remedy = only(found_by(plain), "relay", "failure")
    assert "does not offer STARTTLS" in found
    assert "smtps://" in remedy


@only_sqlite
def test_a_relay_whose_certificate_does_not_hold(doctor: CommandLine, paper: Database) -> None:
    with ScriptedRelay(certificate=self_signed()) as relay:
        url = f"smtp+starttls://127.0.0.1:{relay.port}"
        found, _ = only(found_by(with_settings(doctor, SMTP_URL=url)), "relay", "failure")
    assert "certificate" in found
    assert "self-signed" in found


@only_sqlite
def test_a_relay_that_refuses_the_password(doctor: CommandLine, paper: Database) -> None:
    with ScriptedRelay(credentials=("digest", "sesame")) as relay:
        url = f"smtp://digest:hunter2@127.0.0.1:{relay.port}"
        found, remedy = only(found_by(with_settings(doctor, SMTP_URL=url)), "relay", "failure")
        right = with_settings(doctor, SMTP_URL=f"smtp://digest:sesame@127.0.0.1:{relay.port}")
        assert "relay" not in found_by(right)
        assert relay.messages == []
        assert not [line for _, line in relay.commands if line.startswith("MAIL")]
    assert "refused (AUTH)" in found
    assert "hunter2" not in found
    assert "%40" in remedy


@only_sqlite
def test_a_relay_that_says_nothing_is_not_waited_for(doctor: CommandLine, paper: Database) -> None:
    with ScriptedRelay() as relay:
        relay.always("connect", Hang())
        url = f"smtp://127.0.0.1:{relay.port}"
        silent = with_settings(doctor, SMTP_URL=url, DIGEST_SMTP_TIMEOUT="0.3")
        found, _ = only(found_by(silent), "relay", "failure")
    assert "did not answer in time" in found


def test_whoever_never_answers_is_left_alone() -> None:
    def look() -> Iterator[Any]:
        time.sleep(3)
        yield failure("names", "There was an answer.", "")

    (found,) = within_seconds("names", look, "Ask elsewhere.", seconds=0.05)
    assert found.found == "There was no answer within 0.05 seconds."
    assert (found.level, found.remedy) == (Level.FAILURE, "Ask elsewhere.")


def test_a_mistake_of_ours_is_not_taken_for_health() -> None:
    def look() -> Iterator[Any]:
        yield from ()
        raise KeyError("tick")

    with pytest.raises(KeyError):
        within_seconds("beat", look, "")


# What lives, and what waits


@only_sqlite
def test_a_calendar_that_nobody_looks_at(doctor: CommandLine, paper: Database) -> None:
    with paper.transaction() as session:
        session.execute(update(Heartbeat).values(at=datetime.now(UTC) - timedelta(minutes=4)))
    found, remedy = only(found_by(doctor), "beat", "failure")
    assert "no issue is composed or sent" in found
    assert remedy == "Start `digest run`."


@only_sqlite
def test_before_the_first_start_the_calendar_is_a_warning(
    doctor: CommandLine, database: Database
) -> None:
    assert "yet" in only(found_by(doctor), "beat", "warning")[0]


@only_sqlite
def test_many_disposable_addresses_are_told_unless_they_are_welcome(
    doctor: CommandLine, paper: Database
) -> None:
    now = datetime.now(UTC)
    with paper.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        for number in range(6):
            domain = "mailinator.com" if number else "example.org"
            period = make_reader(session, newsletter, f"reader{number}@{domain}")
            period.subscriber.created_at = now
    said, remedy = only(found_by(doctor), "addresses", "warning")

    assert said.startswith("Of the last 6 new readers, 5 have an address of a service that throws")
    assert "DIGEST_DISPOSABLE=refuse" in remedy
    for choice in ("allow", "refuse"):
        assert "addresses" not in found_by(with_settings(doctor, DIGEST_DISPOSABLE=choice))


def test_a_paper_without_articles_or_privacy_notice(
    doctor: CommandLine, database: Database
) -> None:
    with database.transaction() as session:
        make_newsletter(session)
    found = found_by(doctor)
    assert "digest source add URL" in only(found, "sources", "warning")[1]
    assert "editors-digest --privacy-url" in only(found, "privacy", "warning")[1]
    assert "newsletters" not in found


def test_a_newsletter_that_nothing_feeds_is_warned_of(doctor: CommandLine, paper: Database) -> None:
    assert "feeding" not in found_by(doctor)
    with paper.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        newsletter.sections = ["Economy"]
    said, remedy = only(found_by(doctor), "feeding", "warning")

    assert said.startswith(
        "Editor’s Digest: Nothing feeds it. No article in the last 14 days is in the section Econ"
    )
    assert "digest newsletter edit editors-digest with --source NAME" in remedy


@only_sqlite
def test_of_many_that_nothing_feeds_five_are_named(doctor: CommandLine, paper: Database) -> None:
    with paper.transaction() as session:
        for number in range(7):
            make_newsletter(session, slug=f"letter-{number}", source_ids=[99])
    found = found_by(doctor)["feeding"]

    assert len(found) == 6
    assert found[-1]["found"] == "So it is with 2 more."


def test_feeds_that_fail_are_told_with_their_error(doctor: CommandLine, paper: Database) -> None:
    now = datetime.now(UTC)
    with paper.transaction() as session:
        for number in range(7):
            session.add(
                Source(
                    url=f"https://halyard.example/{number}.xml",
                    name=f"Feed {number}",
                    failures=number,
                    last_error="Its host, ada@halyard.example, was not found." if number else None,
                    next_fetch_at=now,
                    created_at=now,
                )
            )
    found = found_by(doctor)["sources"]
    assert [each["level"] for each in found] == ["warning"] * 6
    assert found[0]["found"].startswith("Feed 6 (source ")
    assert "failed 6 times in a row: Its host, <address>, was not found." in found[0]["found"]
    assert found[-1]["found"] == "So did 1 more."


def test_issues_that_wait_for_a_person(doctor: CommandLine, paper: Database) -> None:
    now = datetime.now(UTC)
    cases = {
        IssueState.HELD: "Nobody approved it by Sat 14 Nov at 07:00.",
        IssueState.PARKED: "The relay refused (AUTH): 535 No, says <address>",
        IssueState.PAUSED: None,
    }
    with paper.transaction() as session:
        newsletter = session.query(Newsletter).one()
        for state, reason in cases.items():
            make_issue(
                session, newsletter, [], state, occurrence_on=None, reason=reason, send_at=now
            )
        long_ago = now - timedelta(days=8)
        make_issue(session, newsletter, [], IssueState.HELD, occurrence_on=None, send_at=long_ago)
    found = {each["found"]: each for each in found_by(doctor)["issues"]}
    name = "Editor’s Digest, the issue of 14 November 2026, is "
    held = found[f"{name}held: {cases[IssueState.HELD]}"]
    assert held["level"] == "failure"
    assert "digest issue schedule " in held["remedy"]
    assert found[f"{name}parked: {cases[IssueState.PARKED]}"]["level"] == "failure"
    assert found[f"{name}paused."]["level"] == "warning"
    assert "digest issue resume " in found[f"{name}paused."]["remedy"]
    assert len(found) == 3


def test_an_issue_that_no_worker_takes(doctor: CommandLine, paper: Database) -> None:
    now = datetime.now(UTC)
    with paper.transaction() as session:
        newsletter = session.query(Newsletter).one()
        issue = make_issue(session, newsletter, [], IssueState.SENDING, number=42)
        queue_delivery(session, issue.id, 1, now - timedelta(minutes=10))
    assert only(found_by(doctor), "issues", "failure")[0] == (
        "Editor’s Digest, No. 42, is due, and no worker takes it."
    )
    with paper.transaction() as session:
        held = queue_delivery(session, issue.id, 2, now - timedelta(minutes=10))
        held.state, held.lease_until = DeliveryState.SENDING, now + timedelta(minutes=2)
    assert "issues" not in found_by(doctor)


@only_sqlite
def test_an_approved_issue_that_nobody_freezes(doctor: CommandLine, paper: Database) -> None:
    now = datetime.now(UTC)
    with paper.transaction() as session:
        newsletter = session.query(Newsletter).one()
        make_issue(session, newsletter, [], send_at=now - timedelta(minutes=10))
        make_issue(session, newsletter, [], occurrence_on=None, send_at=now)
    assert "is due, and no worker takes it" in only(found_by(doctor), "issues", "failure")[0]


def test_notices_that_do_not_get_out(doctor: CommandLine, paper: Database) -> None:
    now = datetime.now(UTC)
    early = now - timedelta(minutes=10)
    with paper.transaction() as session:
        newsletter = session.query(Newsletter).one()
        for changes in (
            {"next_attempt_at": early},
            {"next_attempt_at": early},
            {"attempts": 2, "reply": "greylisted, <address>", "code": 450},
            {"state": NoticeState.FAILED, "code": 550, "reply": "no such user"},
            {"state": NoticeState.FAILED, "created_at": now - timedelta(days=8)},
            {"state": NoticeState.ACCEPTED},
        ):
            session.add(
                Notice(
                    token_id=new_token_id(),
                    kind=NoticeKind.CONFIRMATION,
                    newsletter_id=newsletter.id,
                    to_address="ada@halyard.example",
                    **{"created_at": now, **changes},
                )
            )
    stuck, tried, failed = found_by(doctor)["notices"]
    assert stuck["level"] == "failure"
    assert stuck["found"].startswith("2 notices wait for more than five minutes")
    assert "relay said: greylisted, <address>" in tried["found"]
    assert failed["found"] == ("In the last week 1 failed for good; the relay said: no such user")


def test_messages_in_doubt_are_counted(doctor: CommandLine, paper: Database) -> None:
    now = datetime.now(UTC)
    with paper.transaction() as session:
        newsletter = session.query(Newsletter).one()
        issue = make_issue(session, newsletter, [], IssueState.SENT, number=42)
        for reader in (1, 2, 3):
            row = queue_delivery(session, issue.id, reader, now)
            row.state = DeliveryState.ACCEPTED if reader == 3 else DeliveryState.IN_DOUBT
    found, remedy = only(found_by(doctor), "deliveries", "warning")
    assert found.startswith("Editor’s Digest, No. 42: 2 messages were handed to the relay")
    assert f"digest delivery resolve --issue {issue.id} --as accepted" in remedy
    assert "digest newsletter edit editors-digest --in-doubt-policy resend" in remedy


def queue_delivery(session: Any, issue_id: int, reader: int, due: datetime) -> Delivery:
    row = Delivery(
        issue_id=issue_id,
        subscriber_id=reader,
        rendering_id=1,
        released_at=due,
        next_attempt_at=due,
    )
    session.add(row)
    return row


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
    return port


# Restored or copied


def carry_off(database: Database) -> None:
    with database.transaction() as session:
        session.execute(update(Home).values(identity="inode=0;system=0"))


def test_a_restored_database_is_to_be_accepted_and_then_all_is_well(
    doctor: CommandLine, paper: Database
) -> None:
    with paper.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        issue = make_issue(session, newsletter, [], send_at=datetime.now(UTC) + timedelta(days=2))
        slug = f"{newsletter.slug}/{issue.occurrence_on}"
    carry_off(paper)
    found, remedy = only(found_by(doctor), "home", "failure")
    assert found.startswith("This database was restored or copied: it lived in another ")
    assert "Nothing is sent from it." in found
    assert "digest doctor --accept-restore" in remedy

    said = doctor("doctor", "--accept-restore", "--by", "Imara")
    assert said.exit_code == 0
    assert f"{slug}, is held." in said.out
    assert f"digest issue send {issue.id}" in said.out
    assert "home" not in found_by(doctor)
    with paper.reading() as session:
        assert session.scalars(select(Restore.accepted_by)).all() == ["Imara"]
    again = doctor("doctor", "--accept-restore")
    assert (again.exit_code, again.err) == (0, "")
    assert "nothing to accept" in again.out


def test_a_planned_move_holds_nothing(doctor: CommandLine, paper: Database) -> None:
    with paper.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        issue = make_issue(session, newsletter, [], send_at=datetime.now(UTC) + timedelta(days=2))
    carry_off(paper)
    said = doctor("doctor", "--accept-restore", "--nothing-lost", "--json")
    assert said.exit_code == 0
    assert said.json["accepted"] is True
    assert said.json["issues"] == []
    with paper.reading() as session:
        assert session.get_one(Issue, issue.id).state is IssueState.SCHEDULED
    assert doctor("doctor", "--accept-restore", "--json").json["accepted"] is False


@only_sqlite
def test_what_was_corrected_meanwhile_waits_for_a_second_person_all_the_same(
    doctor: CommandLine, paper: Database
) -> None:
    now = datetime.now(UTC)
    with paper.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        newsletter.approval = Approval.SECOND_PERSON
        make_reader(session, newsletter, "robin@example.org")
        issue_id = make_issue(session, newsletter, [make_article(session, "ferry")], send_at=now).id
    assert freeze(paper, issue_id, now=now, public_url="http://127.0.0.1", inbound_domain=None)
    carry_off(paper)
    assert hold_if_moved(paper, now)
    correction = ("--note", "At eight.", "--words", "It said seven.")
    assert doctor("issue", "correct", str(issue_id), *correction).exit_code == 0
    said = doctor("doctor", "--accept-restore", "--nothing-lost").out
    assert (
        "As nothing was lost, all goes on as it was but for what was corrected meanwhile." in said
    )
    assert "is paused." in said
    assert "It was corrected, and needs a second person to send it on." in said
    assert f"digest issue resume {issue_id} --as USER" in said
    with paper.reading() as session:
        assert session.get_one(Issue, issue_id).state is IssueState.PAUSED


def test_nothing_lost_alone_means_nothing(doctor: CommandLine, paper: Database) -> None:
    said = doctor("doctor", "--nothing-lost")
    assert said.exit_code == 2
    assert "goes with --accept-restore" in said.err


@only_sqlite
def test_files_that_others_can_read_are_named(
    doctor: CommandLine, paper: Database, tmp_path: Path
) -> None:
    secret = tmp_path / "suppression-key"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    file = Path(paper.engine.url.database or "")
    file.chmod(0o640)
    told = with_settings(doctor, DIGEST_SUPPRESSION_KEY="", DIGEST_SUPPRESSION_KEY_FILE=str(secret))
    remedies = {each["remedy"] for each in found_by(told)["files"]}

    assert {f"Run: chmod 600 {file}", f"Run: chmod o= {secret}"} <= remedies
    file.chmod(0o600)
    secret.chmod(0o640)
    for beside in file.parent.glob(f"{file.name}-*"):
        beside.chmod(0o600)
    assert "files" not in found_by(told)


# A relay with a certificate of an authority that this machine does not know


@only_sqlite
@pytest.mark.parametrize("implicit", [False, True])
def test_ssl_cert_file_names_the_relays_authority(
    doctor: CommandLine,
    paper: Database,
    tmp_path: Path,
    implicit: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # This machine's own would win over the file.
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    authority, settings = tmp_path / "authority.pem", tmp_path / "environment"
    authority.write_text(self_signed().pem)
    settings.write_text(f"SSL_CERT_FILE={authority}\n")
    settings.chmod(0o600)
    with ScriptedRelay(certificate=self_signed(), implicit_tls=implicit) as relay:
        scheme = "smtps" if implicit else "smtp+starttls"
        alone = with_settings(doctor, SMTP_URL=f"{scheme}://localhost:{relay.address.port}")
        trusting = with_settings(alone, SSL_CERT_FILE=str(authority))
        said = alone.process("doctor")
        assert "✗ relay            To mend. The certificate of the relay localhost" in said.out
        assert "✓ relay            The relay localhost" in trusting.process("doctor").out
        by_file = alone.process("--env-file", str(settings), "doctor")
        assert "✓ relay            The relay localhost" in by_file.out


# Mail to itself


COMMAND = (sys.executable, "-c", "from digest.cli import main; main()")


class MailServer(SmtpSink):
    """Gives what comes for the inbound domain to `digest bounce process`, as Postfix would."""

    def __init__(self, process: Callable[[bytes, str], None]) -> None:
        self._process = process
        self.works = True
        self._queue = ThreadPoolExecutor(1)
        super().__init__()

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802
        kept = await super().handle_DATA(server, session, envelope)
        for recipient in envelope.rcpt_tos:
            if self.works and recipient.endswith("@in.halyard.example"):
                assert isinstance(envelope.content, bytes)
                content = envelope.content
                # It answers first: a server keeps a queue.
                self._queue.submit(self._process, content, recipient)
        return kept

    def close(self) -> None:
        super().close()
        self._queue.shutdown()


@pytest.fixture
def mail_server(doctor: CommandLine) -> Iterator[MailServer]:
    def process(content: bytes, recipient: str) -> None:
        subprocess.run(
            [*COMMAND, "bounce", "process", "--recipient", recipient],
            env={**os.environ, **doctor.environment},
            input=content,
            check=True,
            timeout=60,
        )

    server = MailServer(process)
    yield server
    server.close()


@pytest.fixture
def unproved(doctor: CommandLine, paper: Database, mail_server: MailServer) -> CommandLine:
    """A command line whose inbound domain nobody has mailed yet."""
    with paper.transaction() as session:
        session.execute(delete(InboundDomain))
    return with_settings(doctor, SMTP_URL=mail_server.url)


def returning(doctor: CommandLine, *arguments: str) -> tuple[str, str, str]:
    said = doctor("doctor", "--json", *arguments).json
    [each] = [each for each in said["checks"] if each["check"] == "returning mail"]
    return each["level"], each["found"], each["remedy"]


def test_it_mails_itself_once_and_sees_that_it_arrives(
    unproved: CommandLine, mail_server: MailServer
) -> None:
    level, found, _ = returning(unproved, "--wait", "60")
    assert level == "fine"
    assert found.startswith("Mail to in.halyard.example arrives: ")
    [mail] = mail_server.messages
    assert mail.sender == "digest@halyard.example"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert returning(unproved)[0] == "fine"
    assert len(mail_server.messages) == 1


def test_a_mail_to_itself_that_does_not_come_is_a_warning_and_comes_later(
    unproved: CommandLine, mail_server: MailServer, paper: Database
) -> None:
    mail_server.works = False
    level, found, remedy = returning(unproved, "--wait", "0")
    assert level == "warning"
    assert "was not seen to arrive yet, so List-Unsubscribe offers the link alone." in found
    assert "MX" in remedy
    assert "`digest bounce process`" in remedy
    [mail] = mail_server.messages
    assert mail.recipients[0] not in found + remedy
    # Not again within the hour, however often it runs.
    assert returning(unproved, "--wait", "0")[0] == "warning"
    assert len(mail_server.messages) == 1
    mail_server.works = True
    with smtplib.SMTP("127.0.0.1", mail_server.port, local_hostname="localhost") as client:
        client.sendmail(mail.sender, mail.recipients, mail.content)
    level, found, _ = returning(unproved, "--wait", "60")
    assert (level, "arrives" in found) == ("fine", True)


def test_with_mail_it_mails_itself_whatever_is_known(
    unproved: CommandLine, mail_server: MailServer
) -> None:
    assert returning(unproved, "--wait", "60")[0] == "fine"
    returning(unproved, "--mail", "--wait", "60")
    assert len(mail_server.messages) == 2


def test_after_a_month_it_looks_again(
    unproved: CommandLine, mail_server: MailServer, paper: Database
) -> None:
    with paper.transaction() as session:
        prove_inbound(session, "in.halyard.example")
        long_ago = datetime.now(UTC) - timedelta(days=30)
        session.execute(
            update(InboundDomain).values(
                asked_at=long_ago, seen_at=long_ago, seen_asked_at=long_ago
            )
        )
    mail_server.works = False
    level, found, _ = returning(unproved, "--wait", "0")
    assert level == "warning"
    assert "was last seen to arrive on" in found
    assert "go on offering an address" in found
    mail_server.works = True
    assert returning(unproved, "--mail", "--wait", "60")[0] == "fine"
    assert len(mail_server.messages) == 2


def test_where_the_relay_does_not_take_it_the_relays_words_are_told(
    unproved: CommandLine, free_port: int
) -> None:
    away = with_settings(unproved, SMTP_URL=f"smtp://127.0.0.1:{free_port}")
    level, found, _ = returning(away, "--wait", "0")
    assert level == "warning"
    assert (
        f"No mail to itself could be sent: No connection with the relay 127.0.0.1:{free_port}"
        in (found)
    )


def test_a_paper_without_a_newsletter_mails_nobody(
    doctor: CommandLine, smtp_sink: SmtpSink
) -> None:
    level, found, _ = returning(doctor, "--wait", "0")
    assert (level, "there is no newsletter yet" in found) == ("warning", True)
    assert smtp_sink.messages == []


def test_a_copied_database_mails_nobody(
    unproved: CommandLine, mail_server: MailServer, paper: Database
) -> None:
    with paper.transaction() as session:
        session.execute(update(Home).values(identity="somewhere else"))
    level, found, _ = returning(unproved, "--mail", "--wait", "0")
    assert (level, "mails nobody" in found) == ("warning", True)
    assert mail_server.messages == []
