"""The demo's inbox: a real SMTP server, and the pages over what it took."""

import gc
import smtplib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from digest.models import Newsletter, Wording
from digest.web import create_app
from digest.web.inbox import InboxServer, Mailbox, inbox_pages
from digest.web.inbox.server import LARGEST_MAIL, MOST_RECIPIENTS
from digest.web.server import EmbeddedServer, bind
from tests.browser import OpenPage
from tests.web.conftest import heading

OWN_URL = "http://127.0.0.1:8000"

HTML = """\
<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Digest</title>
<meta name="description" content="And a drawn line."></head>
<body><h1 style="color:#006b5e">The port</h1><a href="/issues/">Read online</a>
<script>document.title = 'taken over'</script></body></html>
"""


def make_mail(subject: str = "The port that decided", **headers: str) -> bytes:
    message = EmailMessage()
    message["From"] = "Imara at The Halyard <digest@halyard.example>"
    message["To"] = "robin@example.org"
    message["Subject"] = subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(f"Good morning. Read it here:\n{OWN_URL}/issues/editors-digest/42\n")
    message.add_alternative(HTML, subtype="html")
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


class Refusing:
    """Acts on mail, and keeps it, or fails, or has it thrown away."""

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, tuple[str, ...]]] = []
        self.fails = False
        self.keeps = True

    def __call__(self, content: bytes, recipients: tuple[str, ...]) -> bool:
        self.seen.append((content, recipients))
        if self.fails:
            raise OSError("the database is away")
        return self.keeps


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def acted() -> Refusing:
    return Refusing()


@pytest.fixture
def inbox(mailbox: Mailbox, acted: Refusing) -> Iterator[InboxServer]:
    server = InboxServer(
        mailbox, bind("127.0.0.1", 0), inbound_domain="inbound.halyard.example", act_on=acted
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def send(inbox: InboxServer) -> Callable[..., Any]:
    def send_mail(content: bytes, *recipients: str) -> Any:
        with smtplib.SMTP("127.0.0.1", inbox.port, local_hostname="localhost") as client:
            return client.sendmail("digest@halyard.example", recipients, content)

    return send_mail


def test_it_keeps_the_bytes_exactly_as_they_came(
    mailbox: Mailbox, send: Callable[..., Any]
) -> None:
    content = b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\nna\xc3\xafve\r\n\r\n"
    send(content, "robin@example.org", "sam@example.org")
    [mail] = mailbox.messages()
    assert mail.content == content
    assert mail.sender == "digest@halyard.example"
    assert mail.recipients == ("robin@example.org", "sam@example.org")


def test_it_offers_what_the_fast_path_uses(inbox: InboxServer) -> None:
    with smtplib.SMTP("127.0.0.1", inbox.port, local_hostname="localhost") as client:
        client.ehlo()
        assert client.has_extn("pipelining")
        assert client.has_extn("8bitmime")
        assert client.esmtp_features["size"] == str(LARGEST_MAIL)


def test_it_takes_pipelined_commands(inbox: InboxServer, mailbox: Mailbox) -> None:
    envelope = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<%b@example.org>\r\nDATA\r\n"
    with socket.create_connection(("127.0.0.1", inbox.port), 5) as raw, raw.makefile("rb") as file:
        file.readline()
        raw.sendall(b"EHLO localhost\r\n")
        while file.readline()[3:4] == b"-":
            pass
        raw.sendall(envelope % b"robin")
        assert [file.readline()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
        raw.sendall(b"one\r\n.\r\n" + envelope % b"sam")
        assert [file.readline()[:3] for _ in range(4)] == [b"250", b"250", b"250", b"354"]
        raw.sendall(b"two\r\n.\r\nQUIT\r\n")
        assert [file.readline()[:3] for _ in range(2)] == [b"250", b"221"]
    assert [mail.content for mail in mailbox.messages()] == [b"one\r\n", b"two\r\n"]


def test_it_refuses_a_mail_that_is_too_large(mailbox: Mailbox, send: Callable[..., Any]) -> None:
    line = b"x" * 900 + b"\r\n"
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        send(line * (LARGEST_MAIL // len(line) + 1), "robin@example.org")
    assert refused.value.smtp_code == 552
    assert not mailbox.messages()


def test_it_takes_so_many_recipients_and_no_more(
    mailbox: Mailbox, send: Callable[..., Any]
) -> None:
    readers = [f"reader{number}@example.org" for number in range(MOST_RECIPIENTS + 1)]
    refused = send(b"hello\r\n", *readers)
    assert list(refused) == readers[-1:]
    assert len(mailbox.messages()[0].recipients) == MOST_RECIPIENTS


def test_mail_to_the_inbound_domain_is_acted_on_and_kept(
    mailbox: Mailbox, acted: Refusing, send: Callable[..., Any]
) -> None:
    send(b"Subject: hello\r\n\r\n", "robin@example.org")
    send(b"Subject: unsubscribe\r\n\r\n", "1mk1-aaaa@INBOUND.halyard.example")
    assert acted.seen == [(b"Subject: unsubscribe\r\n\r\n", ("1mk1-aaaa@INBOUND.halyard.example",))]
    assert len(mailbox.messages()) == 2


def test_mail_that_is_nobodys_to_read_is_acted_on_and_not_kept(
    mailbox: Mailbox, acted: Refusing, send: Callable[..., Any]
) -> None:
    acted.keeps = False
    send(b"Subject: hello\r\n\r\n", "1ek1-aaaa@inbound.halyard.example")
    assert len(acted.seen) == 1
    assert not mailbox.messages()


def test_mail_that_cannot_be_acted_on_is_to_be_sent_again(
    mailbox: Mailbox, acted: Refusing, send: Callable[..., Any]
) -> None:
    acted.fails = True
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(b"Subject: unsubscribe\r\n\r\n", "1mk1-aaaa@inbound.halyard.example")
    assert refused.value.smtp_code == 451
    assert not mailbox.messages()


def test_it_stops_with_a_client_on_the_line_and_leaves_nothing_behind(mailbox: Mailbox) -> None:
    before = threading.active_count()
    server = InboxServer(mailbox, bind("127.0.0.1", 0))
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), 5) as raw:
        assert raw.recv(3) == b"220"
        server.stop()
        raw.settimeout(5)
        with suppress(ConnectionResetError):
            while raw.recv(100):
                pass
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), 5)
    gc.collect()  # an unclosed socket would warn now, and warnings are errors


def test_a_server_that_never_started_can_be_stopped(mailbox: Mailbox) -> None:
    InboxServer(mailbox, bind("127.0.0.1", 0)).stop()
    gc.collect()


def test_the_oldest_mails_make_room() -> None:
    mailbox = Mailbox(keep_mails=3, keep_bytes=10)
    for content in (b"1", b"2", b"3", b"4"):
        mailbox.keep("a@example.org", (), content)
    assert [mail.content for mail in mailbox.messages()] == [b"2", b"3", b"4"]
    mailbox.keep("a@example.org", (), b"x" * 9)
    assert [len(mail.content) for mail in mailbox.messages()] == [1, 9]


def test_whoever_waits_is_woken_by_the_mail_that_they_want() -> None:
    mailbox = Mailbox()
    sender = threading.Thread(
        target=lambda: [mailbox.keep("a@example.org", (name,), b"") for name in ("sam", "robin")]
    )
    sender.start()
    found = mailbox.wait_for(lambda mail: mail.recipients == ("robin",), 10)
    sender.join()
    assert found is not None
    assert found.id == 2
    assert mailbox.wait_for(lambda mail: mail.recipients == ("kim",), 0.01) is None


@pytest.fixture
def app(make_runtime: Any, newsletter: Newsletter, wording: Wording, mailbox: Mailbox) -> Flask:
    return create_app(make_runtime(), [inbox_pages(mailbox, OWN_URL)])


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@on_sqlite
def test_an_empty_inbox_says_what_to_do(client: FlaskClient) -> None:
    page = client.get("/inbox")
    assert heading(page) == "Inbox"
    assert "Nothing has come yet" in page.text


@on_sqlite
def test_the_list_has_the_newest_first_with_its_preheader(
    client: FlaskClient, mailbox: Mailbox
) -> None:
    mailbox.keep("d@example.org", ("robin@example.org",), make_mail("First"))
    mailbox.keep("d@example.org", ("robin@example.org",), make_mail("Second"))
    text = client.get("/inbox").text
    assert text.index("Second") < text.index("First")
    assert "And a drawn line." in text
    assert "robin@example.org" in text


@on_sqlite
def test_a_mail_is_shown_in_a_frame_that_can_do_nothing(
    client: FlaskClient, mailbox: Mailbox
) -> None:
    mailbox.keep("d@example.org", ("robin@example.org",), make_mail())
    page = client.get("/inbox/1")
    assert heading(page) == "The port that decided"
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert "The port</h1>" not in page.text
    framed = client.get("/inbox/1/html")
    policy = framed.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "script" not in policy
    assert framed.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert '<head><base target="_blank">' in framed.text


@on_sqlite
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_the_width_is_a_link(client: FlaskClient, mailbox: Mailbox, width: str) -> None:
    mailbox.keep("d@example.org", ("robin@example.org",), make_mail())
    page = client.get(f"/inbox/1?view=html&width={width}").text
    assert f'class="inbox-mail inbox-{width}"' in page
    assert f'width={width}" aria-current="true"' in page


@on_sqlite
def test_the_text_has_links_that_can_be_followed(client: FlaskClient, mailbox: Mailbox) -> None:
    mailbox.keep("d@example.org", ("robin@example.org",), make_mail())
    link = f"{OWN_URL}/issues/editors-digest/42"
    text = client.get("/inbox/1?view=text").text
    assert f'<a href="{link}" target="_blank" rel="noopener">{link}</a>' in text


@on_sqlite
def test_headers_show_the_envelope_and_every_field(client: FlaskClient, mailbox: Mailbox) -> None:
    mail = make_mail("Größe", List_Id="Digest <editors-digest.halyard.example>")
    mailbox.keep("verp@example.org", ("robin@example.org",), mail)
    text = client.get("/inbox/1?view=headers").text
    for shown in ("verp@example.org", "Größe", "editors-digest.halyard.example", "MIME-Version"):
        assert shown in text


@on_sqlite
def test_the_source_is_shown_and_can_be_taken_along(client: FlaskClient, mailbox: Mailbox) -> None:
    content = make_mail()
    mailbox.keep("d@example.org", ("robin@example.org",), content)
    assert "multipart/alternative" in client.get("/inbox/1?view=source").text
    download = client.get("/inbox/1/mail.eml")
    assert download.data == content
    assert download.headers["Content-Disposition"] == 'attachment; filename="mail-1.eml"'


@on_sqlite
def test_a_mail_programs_own_button_is_there_for_our_own_lists_only(
    client: FlaskClient, mailbox: Mailbox
) -> None:
    ours, theirs = f"{OWN_URL}/unsubscribe/x", "https://elsewhere.example/unsubscribe/x"
    for url in (ours, theirs):
        mail = make_mail(
            List_Unsubscribe=f"<{url}>", List_Unsubscribe_Post="List-Unsubscribe=One-Click"
        )
        mailbox.keep("d@example.org", ("robin@example.org",), mail)
    assert f'method="post" action="{ours}"' in client.get("/inbox/1").text
    assert 'action="https://elsewhere' not in client.get("/inbox/2").text


@on_sqlite
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Subject: <script>alert(1)</script>\r\n\r\n<script>alert(1)</script>",
        b"From: \xff\r\nContent-Type: text/html; charset=nonsense\r\n\r\nx",
        b"To: @@,,;:<\r\nContent-Type: multipart/mixed\r\n\r\n--\r\n",
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n" + b"--b\r\n" * 50,
        b"Date: never\r\nMessage-ID: <<>>\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
    ],
    ids=["empty", "script", "charset", "multipart", "nested", "base64"],
)
def test_a_malformed_mail_is_shown_as_far_as_it_goes(
    client: FlaskClient, mailbox: Mailbox, content: bytes
) -> None:
    mailbox.keep("", ("robin@example.org",), content)
    for path in ("", "/1", "/1?view=html", "/1?view=text", "/1?view=headers", "/1?view=source"):
        page = client.get(f"/inbox{path}")
        assert page.status_code == 200
        assert "<script>alert" not in page.text


@on_sqlite
def test_a_mail_that_is_not_there_is_not_found(client: FlaskClient) -> None:
    for path in ("/inbox/7", "/inbox/7/html", "/inbox/7/mail.eml"):
        assert client.get(path).status_code == 404


@on_sqlite
@pytest.mark.parametrize(
    ("host", "address"),
    [("digest.example.org", "127.0.0.1"), ("127.0.0.1", "203.0.113.7"), ("x@[", "127.0.0.1")],
)
def test_only_this_machine_may_read_it(client: FlaskClient, host: str, address: str) -> None:
    page = client.get("/inbox", headers={"Host": host}, environ_base={"REMOTE_ADDR": address})
    assert page.status_code in {400, 404}


@on_sqlite
def test_it_is_not_there_outside_of_the_demo(make_runtime: Any, newsletter: Newsletter) -> None:
    assert create_app(make_runtime()).test_client().get("/inbox").status_code == 404


@on_sqlite
def test_a_mails_script_does_not_run_and_its_link_opens_beside_the_inbox(
    app: Flask, mailbox: Mailbox, open_page: OpenPage
) -> None:
    with_port = EmbeddedServer(app, bind("127.0.0.1", 0))
    with_port.start()
    try:
        mailbox.keep("d@example.org", ("robin@example.org",), make_mail())
        tab = open_page(width=375, height=800, colour_scheme="dark")
        tab.page.goto(f"http://127.0.0.1:{with_port.port}/inbox/1")
        frame = tab.page.frame_locator("iframe")
        with tab.page.context.expect_page() as opened:
            frame.get_by_role("link", name="Read online").click()
        opened.value.wait_for_load_state()
        assert opened.value.url.endswith("/issues/")
        assert tab.page.title().startswith("The port that decided")
        framed = tab.page.frames[1]
        assert framed.title() == "Digest"
    finally:
        with_port.stop()


@on_sqlite
def test_the_list_renews_itself(app: Flask, mailbox: Mailbox, open_page: OpenPage) -> None:
    server = EmbeddedServer(app, bind("127.0.0.1", 0))
    server.start()
    try:
        tab = open_page()
        tab.page.goto(f"http://127.0.0.1:{server.port}/inbox")
        mailbox.keep("d@example.org", ("robin@example.org",), make_mail())
        tab.page.get_by_text("The port that decided").wait_for(timeout=10_000)
        assert not tab.console_errors
    finally:
        server.stop()
