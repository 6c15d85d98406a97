"""Sign-ups that are after something else: other hosts, headers, redirects, and who is a reader."""

import re
import statistics
import threading
import time
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from digest.database.transactions import Database
from digest.delivery.notices.sending import send_notices
from digest.models import Notice, NoticeKind, Suppression, SuppressionReason
from digest.runtime import Runtime
from digest.settings.loading import parse_relay
from digest.tick import links
from digest.tokens import Purpose
from digest.web import create_app
from tests.asked import asked
from tests.factories import NOW, SUPPRESSION_KEY
from tests.readers.data.test_erasing import erased
from tests.servers.smtp import Mail, SmtpSink
from tests.web.conftest import Site

EVIL = "evil.example"
ONLY_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def delivered(
    make_runtime: Callable[..., Runtime], smtp_sink: SmtpSink
) -> Callable[[], list[Mail]]:
    """Call it for the mails of all notices that wait."""
    runtime = make_runtime(relay=parse_relay(smtp_sink.url))

    def deliver() -> list[Mail]:
        send_notices(
            runtime.database,
            settings=runtime.settings,
            links=links(runtime),
            stopping=threading.Event(),
        )
        return smtp_sink.messages

    return deliver


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "Forwarded", "X-Original-Host"])
def test_whatever_host_a_request_names_the_links_are_ours(
    site: Site, delivered: Callable[[], list[Mail]], header: str
) -> None:
    value = f"host={EVIL}" if header == "Forwarded" else EVIL
    fields = {"email": "robin@example.org", "newsletter": "editors-digest"}
    page = site.client.post(
        "/subscribe", data=fields | {"consent": "on", "wording": "1"}, headers={header: value}
    )
    assert page.status_code == 200
    front = site.client.get("/", headers={header: value})

    [mail] = delivered()
    assert b"http://127.0.0.1:8000/c/" in mail.content.replace(b"=\r\n", b"")
    for seen in (mail.content, page.data, front.data, str(page.headers).encode()):
        assert EVIL.encode() not in seen
    assert EVIL not in repr(site.desk.dump())


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x00", "\u2028", "%0d%0a"])
@pytest.mark.parametrize("field", ["email", "name", "topic", "form", "newsletter", "wording"])
def test_a_line_break_in_a_field_adds_no_header(
    site: Site, delivered: Callable[[], list[Mail]], field: str, break_: str
) -> None:
    typed = {"email": "robin@example.org", "name": "Robin"}.get(field, "x")
    page = site.sign_up(**{field: f"{typed}{break_}Bcc: victim@{EVIL}{break_}X-Evil: yes"})

    assert page.status_code in {200, 422}
    assert not {"Bcc", "X-Evil"} & set(page.headers.keys())
    for mail in delivered():
        assert mail.recipients == ("robin@example.org",)
        assert EVIL.encode() not in mail.content
        assert "Bcc" not in mail.message


@ONLY_SQLITE
@pytest.mark.parametrize(
    "path",
    [
        f"//{EVIL}/", f"//{EVIL}/subscribe", f"/\\{EVIL}", f"/%2f{EVIL}", f"///{EVIL}//subscribe",
        f"/subscribe?next=https://{EVIL}", f"/subscribe/?url=//{EVIL}", f"/issues?next=//{EVIL}",
        f"/terms?next=https://{EVIL}", f"/privacy?next=https://{EVIL}", f"/confirm/x?next={EVIL}",
        f"/unsubscribe/x?next=https://{EVIL}", f"/preferences/x?next=https://{EVIL}",
        f"/issues/%0d%0aLocation:%20https://{EVIL}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_address_of_ours_leads_elsewhere(client: FlaskClient, path: str, method: str) -> None:
    page = client.open(path, method=method, headers={"Referer": f"https://{EVIL}/"})
    where = page.headers.get("Location", "")

    assert not re.match(r"(https?:)?[/\\]{2,}(?!localhost/)", where), where
    assert page.status_code < 500


def test_nothing_that_a_stranger_typed_is_in_any_notice(
    site: Site, delivered: Callable[[], list[Mail]]
) -> None:
    typed = {
        "name": "Zebra Quagga", "topic": "okapi-topic", "form": "tapir form", "token": "gnu-token",
        "proof": "ibex-proof", "page": "https://halyard.example/kudu",
    }  # fmt: skip
    site.client.environ_base |= {
        "HTTP_USER_AGENT": "Eland/1.0", "HTTP_REFERER": "https://oryx.example/dikdik",
        "HTTP_ACCEPT_LANGUAGE": "bongo",
    }  # fmt: skip
    # Every notice that a stranger can have sent: both to somebody new, and to a reader.
    site.sign_up("robin@example.org", **typed)
    site.subscribe("mina@example.com", **typed)
    site.sign_up("mina@example.com", **typed)
    site.sign_up("zebra.quagga@example.net", **typed)
    mails = delivered()

    kinds = {notice.kind for notice in site.desk.rows(Notice)}
    assert kinds == {NoticeKind.CONFIRMATION, NoticeKind.ALREADY_SIGNED_UP}
    assert len(mails) == 3, "the one that was confirmed meanwhile is moot"
    trace = re.compile(rb"zebra|quagga|okapi|tapir|gnu-|ibex|kudu|eland|oryx|dikdik|bongo", re.I)
    for mail in mails:
        # But for the address, which is where it goes.
        content = mail.content.replace(b"=\r\n", b"").replace(mail.recipients[0].encode(), b"")
        assert not trace.findall(content), mail.recipients


@pytest.fixture
def people(site: Site) -> dict[str, str]:
    """Addresses of each kind that one could want to find out."""
    site.subscribe("reader@example.org")
    left, paused = site.subscribe("left@example.org"), site.subscribe("paused@example.org")
    assert site.client.post(site.path(Purpose.UNSUBSCRIBE, left)).status_code == 200
    away = {"action": "pause"}
    assert site.client.post(site.path(Purpose.UNSUBSCRIBE, paused), data=away).status_code == 200
    site.subscribe("erased@example.org")
    site.sign_up("waits@example.org")
    erased(site.desk, "erased@example.org")
    with site.desk.database.transaction() as session:
        mac = SUPPRESSION_KEY.mac("spoilt@example.org")
        session.add(Suppression(mac=mac, reason=SuppressionReason.COMPLAINED, created_at=NOW))
    return {
        name: f"{name}@example.org"
        for name in ("reader", "left", "erased", "paused", "waits", "spoilt", "nobody")
    }


def test_who_is_a_reader_cannot_be_told_by_the_answer(site: Site, people: dict[str, str]) -> None:
    answers = {name: site.sign_up(email) for name, email in people.items()}
    # The page's own way to take the sign-up back is another at each answer.
    own = re.compile(r"1w\w{1,8}\.[\w-]{38}")
    told = {own.sub("…", answer.text.replace(name, "X")) for name, answer in answers.items()}
    heads = {str(sorted(answer.headers.items())) for answer in answers.values()}
    lengths = {re.sub(r"'Content-Length', '\d+'", "", head) for head in heads}

    assert {answer.status_code for answer in answers.values()} == {200}
    assert len(told) == 1
    assert len(lengths) == 1


def test_nor_by_how_much_is_done_for_it(site: Site, people: dict[str, str], app: object) -> None:
    database: Database = app.extensions["digest"].database  # type: ignore[attr-defined]
    done: dict[str, list[str]] = {}
    for name, email in people.items():
        with asked(database) as seen:
            site.sign_up(email)
        done[name] = seen
    counts = {name: len(seen) for name, seen in done.items()}

    assert min(counts.values()) >= 4
    # A reader's notice is one row more, and one look for whether today's was sent.
    assert max(counts.values()) - min(counts.values()) <= 5, counts


@ONLY_SQLITE
def test_nor_by_how_long_it_takes(site: Site) -> None:
    def seconds(email: str) -> float:
        begun = time.perf_counter()
        assert site.sign_up(email).status_code == 200
        return time.perf_counter() - begun

    for number in range(12):
        site.subscribe(f"reader{number}@example.org")
    seconds("warm@example.org")
    known = [seconds(f"reader{number}@example.org") for number in range(12)]
    unknown = [seconds(f"nobody{number}@example.org") for number in range(12)]

    # A machine's own jitter is larger than this allows for one, and smaller than for a median.
    assert statistics.median(known) < 3 * statistics.median(unknown)
    assert statistics.median(unknown) < 3 * statistics.median(known)


@ONLY_SQLITE
def test_a_scanner_that_gets_every_page_changes_nothing(
    make_runtime: Callable[..., Runtime], site: Site
) -> None:
    site.subscribe()
    site.sign_up("mina@example.com")
    before = site.desk.dump()
    client = create_app(make_runtime()).test_client(use_cookies=False)
    for method in ("GET", "HEAD", "OPTIONS"):
        for path in ("/", "/subscribe", "/subscribe?email=x@example.org&consent=on", "/issues/"):
            assert client.open(path, method=method).status_code == 200
        assert client.open(site.confirm_path(), method=method).status_code == 200
    assert site.desk.dump() == before
