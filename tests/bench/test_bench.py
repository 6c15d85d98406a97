"""The bench's own machinery, without what only Debian has: servers, readers, rivals, the proxy."""

import json
import os
import socket
import subprocess
import sys
import time
from base64 import b64encode
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from bench import machine, needs
from bench.__main__ import MEASURES, main
from bench.errors import BenchError
from bench.history import remember, remember_sign_ups
from bench.newsroom import sign_in
from bench.paper import SUBSCRIBE, WARM_UP_READERS, Site, fill, publish
from bench.processors import Costs, spent
from bench.rivals import form, recorded
from bench.rivals.recorded import RECORDED
from bench.sending import check_count
from bench.servers import Sink, last_count
from digest.cli.halyard import SLUG
from digest.database.transactions import Database
from digest.delivery.ledger.freezing import freeze
from digest.models import (
    Consent,
    ConsentDetail,
    ConsentKind,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Newsletter,
    Notice,
    NoticeState,
    SignUp,
    Subscriber,
    Subscription,
)
from digest.newsroom.finding import find_newsletter
from digest.newsroom.issues.composing import compose, create_special
from digest.runtime import open_runtime
from digest.settings.loading import load_settings, new_secret
from tests.journeys.formation import Formation, wait_until
from tests.scripted_smtp import ScriptedRelay

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class CountingSink(Sink):
    """Says that it has taken so many."""

    def __init__(self, count: int) -> None:
        self._count = count

    @property
    def count(self) -> int:
        return self._count


def site_of(database_url: str, folder: Path, count: int = 0) -> Site:
    environment = {
        "DIGEST_KEYS": f"k1:{new_secret()}",
        "DIGEST_PUBLIC_URL": "http://127.0.0.1:8000",
    }
    return Site(Formation(folder, environment), CountingSink(count), database_url)


def frozen_issue(database: Database) -> int:
    now = datetime.now(UTC)
    with database.transaction() as session:
        publish(session, "first")
        newsletter = find_newsletter(session, SLUG)
        issue = create_special(session, newsletter, now + timedelta(hours=1), now)
        compose(session, issue, now)
        issue.state, issue.send_at = IssueState.SCHEDULED, now
    url = "http://127.0.0.1:8000"
    assert freeze(database, issue.id, now=now, public_url=url, inbound_domain=None)
    return issue.id


# What it says


def test_what_is_missing_is_named_with_the_command_that_brings_it() -> None:
    with pytest.raises(BenchError) as refused:
        needs.check(["smtp-sinkhole", "python3"])
    words = str(refused.value)
    assert "Missing: smtp-sinkhole." in words
    assert "apt-get install --no-install-recommends smtp-sinkhole " in words
    assert needs.PACKAGES["smtp-sink"] == needs.PACKAGES["smtp-source"] == "postfix"


def test_a_program_that_fails_is_told_of_in_its_own_words() -> None:
    with pytest.raises(BenchError, match=r"It failed: .*no such thing"):
        needs.run("It", [sys.executable, "-c", "raise SystemExit('no such thing')"], within=30)


@pytest.mark.parametrize("arguments", [["speed"], ["--quick", "--publish"]])
def test_it_is_told_apart_from_a_failure_when_it_was_used_wrongly(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_every_benchmark_is_in_the_instructions() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "benchmark.md").read_text()
    for name, measure in MEASURES.items():
        assert f"| `{name}` |" in page, name
        assert measure.TITLE


def test_a_result_tells_on_what_it_was_measured() -> None:
    facts = machine.facts()
    assert int(facts["cores"]) >= 1
    assert facts["processor"]
    assert {"kernel", "Python", "commit", "at", "load before"} <= facts.keys()


# What it counts


def test_the_sinks_count_is_the_last_that_is_written_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"")
    assert last_count(log) == 0
    log.write_bytes(b"sess=0 quit=0 mesg=0\r" * 50 + b"sess=2 quit=1 mesg=1234\rsess=2 quit=1 me")
    assert last_count(log) == 1234
    log.write_bytes(b"sess=2 quit=1 mesg=99\rsess=2 quit=1 mesg=10")
    assert last_count(log) == 99


@on_postgresql
def test_a_count_of_the_sinks_that_is_not_the_ledgers_fails(
    database_url: str, tmp_path: Path
) -> None:
    site = site_of(database_url, tmp_path, count=12)
    check_count(site, before=2, accepted=10)
    for accepted in (9, 11):
        with pytest.raises(
            BenchError, match=f"counted 10 messages, and the ledger calls {accepted} "
        ):
            check_count(site, before=2, accepted=accepted, patience=0)


def test_processor_time_counts_what_children_have_spent() -> None:
    costs = Costs({"us": os.getpid()})
    costs.begin()
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    subprocess.run([sys.executable, "-S", "-c", burn], check=True)
    costs.end(messages=10)
    [each] = costs.microseconds["us"]
    # Counted in ticks of the kernel's clock.
    assert each > 0.15 / 10 * 1e6
    assert spent(2**22 + 1) == 0.0


# What it sends


def test_the_readers_of_a_site_are_the_audience_of_its_issue(database: Database) -> None:
    fill(database.url, 250)
    issue_id = frozen_issue(database)
    with database.reading() as session:
        assert session.get_one(Issue, issue_id).audience == 250
        periods = session.execute(
            select(Newsletter.slug, func.count()).join(Subscription).group_by(Newsletter.slug)
        )
        assert dict(row for row in periods) == {SLUG: 250, "warm-up": WARM_UP_READERS}
    assert SUBSCRIBE.keys() == {"postgresql", "sqlite"}


@on_postgresql
def test_messages_are_of_thirty_kilobytes_and_of_one_reader_each(
    database: Database, tmp_path: Path
) -> None:
    fill(database.url, 250)
    site = site_of(database.url, tmp_path)
    messages = site.messages(frozen_issue(database), 10)
    assert len(messages) == len(set(messages)) == 10
    assert all(26_000 < len(message) < 33_000 for message in messages)
    read = [message_from_bytes(message, policy=policy.default) for message in messages]
    assert len({mail["To"].addresses[0].domain for mail in read}) == 10


@on_postgresql
def test_a_year_of_old_deliveries_is_there_and_final(database: Database, tmp_path: Path) -> None:
    fill(database.url, 250)
    remember(site_of(database.url, tmp_path), issues=3, readers=200)
    with database.reading() as session:
        counted = session.execute(
            select(Delivery.issue_id, func.count())
            .where(Delivery.state == DeliveryState.ACCEPTED, Delivery.final_at.is_not(None))
            .group_by(Delivery.issue_id)
        )
        assert [row[1] for row in counted] == [200] * 3
        assert set(session.scalars(select(Issue.state))) == {IssueState.SENT}
    assert frozen_issue(database) > 3


@on_postgresql
def test_all_readers_have_signed_up_with_evidence_of_both_steps(
    database: Database, tmp_path: Path
) -> None:
    fill(database.url, 250)
    remember_sign_ups(site_of(database.url, tmp_path))
    with database.reading() as session:
        # As the queries of the sign-up would find them.
        confirmed = select(func.count(SignUp.id)).join(Subscriber, Subscriber.email == SignUp.email)
        assert session.scalar(confirmed) == session.scalar(select(func.count(Subscriber.id))) == 250
        kinds = select(Consent.kind, func.count()).join(ConsentDetail).group_by(Consent.kind)
        assert sorted(tuple(row) for row in session.execute(kinds)) == [
            (ConsentKind.CONFIRMED, 250),
            (ConsentKind.REQUESTED, 250),
        ]
        sent = select(func.count(Notice.id)).where(Notice.state == NoticeState.ACCEPTED)
        assert session.scalar(sent) == 250


# What stands beside it


def test_the_plain_loop_sends_each_message_over_connections_that_stay_open(tmp_path: Path) -> None:
    message = tmp_path / "message.eml"
    message.write_bytes(b"Subject: Hello\r\n\r\nHello.\r\n")
    with ScriptedRelay() as relay:
        command = [sys.executable, "-m", "bench.rivals.loop", str(relay.port), "2", "5"]
        assert float(needs.run("The loop", [*command, message], within=60)) > 0
        assert len(relay.wait_for(5)) == 5
        assert relay.connections == 2


def test_the_plain_form_checks_an_address_and_inserts_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'plain.sqlite3'}"
    monkeypatch.setenv("DATABASE_URL", url)
    form.make_table(url)
    visitor = form.create_app().test_client()
    wrong = visitor.post("/subscribe", data={"email": "nobody", "consent": "on"})
    unticked = visitor.post("/subscribe", data={"email": "robin@example.org"})
    right = visitor.post("/subscribe", data={"email": "robin@example.org", "consent": "on"})
    assert (wrong.status_code, unticked.status_code, right.status_code) == (422, 422, 200)
    database = Database(url)
    with database.reading() as session:
        assert list(session.scalars(select(form.PlainSignUp.email))) == ["robin@example.org"]
    database.dispose()


@on_postgresql
def test_the_desks_floor_sends_recorded_bytes_to_who_is_signed_in(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database_url, 1)
    site = site_of(database_url, tmp_path)
    [secret] = sign_in(site, 1)
    file = tmp_path / "recorded.json"
    body = b64encode("„Fünf“".encode()).decode()
    page = {"page": "GET /desk/", "body": body, "status": 200, "headers": [["X-Own", "yes"]]}
    file.write_text(json.dumps([page]))
    more = {"DATABASE_URL": database_url, "DIGEST_SUPPRESSION_KEY": new_secret()}
    for name, value in (site.formation.environment | more | {RECORDED: str(file)}).items():
        monkeypatch.setenv(name, value)
    with closing(open_runtime(load_settings())) as runtime:
        visitor = recorded.create_app(runtime).test_client()
        assert visitor.get("/desk/").status_code == 404
        visitor.set_cookie("digest_desk", secret)
        answer = visitor.get("/desk/")
        assert (answer.text, answer.headers["X-Own"]) == ("„Fünf“", "yes")
        assert visitor.get("/desk/else").status_code == 404


def test_the_far_relay_takes_everything_in_its_order_half_a_round_trip_later() -> None:
    content = os.urandom(1_000_000)
    with (
        socket.create_server(("127.0.0.1", 0)) as relay,
        socket.create_server(("127.0.0.1", 0)) as probe,
    ):
        port = probe.getsockname()[1]
        probe.close()
        command = [sys.executable, "-m", "bench.far", str(port), str(relay.getsockname()[1]), "100"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
            assert proxy.stdout is not None
            wait_until(lambda: connects(port), "the proxy listens")
            with socket.create_connection(("127.0.0.1", port)) as us:
                relay.accept()[0].close()
                them = relay.accept()[0]
                began = time.monotonic()
                us.sendall(content)
                us.shutdown(socket.SHUT_WR)
                with them, them.makefile("rb") as arriving:
                    first = arriving.read(1)
                    assert time.monotonic() - began >= 0.05
                    assert first + arriving.read() == content
            proxy.terminate()
            assert proxy.stdout.read().split()[0] == "1"


def connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
