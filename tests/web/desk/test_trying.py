"""A test of an issue by mail, sent from the desk."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from digest.database.transactions import Database
from digest.models import AuditDetail, AuditEvent, Newsletter, Role, Wording
from digest.settings.loading import parse_relay
from digest.web import create_app
from tests.servers.smtp import SmtpSink
from tests.web.conftest import hidden, words
from tests.web.desk.conftest import Colleague, Join
from tests.web.desk.test_preview import make_draft

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def app(make_runtime: Any, newsletter: Newsletter, wording: Wording, smtp_sink: SmtpSink) -> Flask:
    return create_app(make_runtime(relay=parse_relay(smtp_sink.url)))


def test_a_test_goes_to_oneself_or_to_those_who_are_named_and_the_log_knows(
    database: Database, newsletter: Newsletter, join: Join, smtp_sink: SmtpSink
) -> None:
    path, imara = make_draft(database, newsletter), join("Imara", Role.EDITOR)
    sent = imara.press(path, f"{path}/test")
    assert sent.status_code == 303
    assert "A test is on its way to you." in words(imara.get(sent.location))
    [mail] = smtp_sink.messages
    assert mail.recipients == ("imara@example.org",)
    assert mail.message["Subject"].startswith("[Test] ")
    asked = imara.get(f"{path}/test")
    assert "imara@example.org</textarea>" in asked.text
    to = "joss@example.net, ROBIN@example.com\n joss@example.net"
    sent = imara.press(path, f"{path}/test", to=to)
    assert "example" not in sent.location, "no address in an address"
    assert "A test is on its way to two addresses." in words(imara.get(sent.location))
    assert [each.recipients[0] for each in smtp_sink.messages[1:]] == [
        "joss@example.net", "ROBIN@example.com",
    ]  # fmt: skip
    unsubscribe = {each.message["List-Unsubscribe"] for each in smtp_sink.messages}
    assert len(unsubscribe) == 3, "they lead to nobody, each to another"
    with database.reading() as session:
        events = session.scalars(
            select(AuditEvent).where(AuditEvent.verb == "issue test").order_by(AuditEvent.id)
        ).all()
        named = [
            session.scalars(
                select(AuditDetail.content).where(
                    AuditDetail.event_id == each.id, AuditDetail.part == "values"
                )
            ).one()
            for each in events
        ]
    assert [each["to"] for each in named] == [
        ["imara@example.org"], ["joss@example.net", "ROBIN@example.com"],
    ]  # fmt: skip


def test_what_is_no_address_is_said_beside_the_field_and_nothing_is_sent(
    database: Database, newsletter: Newsletter, imara: Colleague, smtp_sink: SmtpSink
) -> None:
    path = make_draft(database, newsletter)
    for to, said in (
        ("", "Enter an address that gets the test."),
        ("imara@example.org, joss", "joss: "),
        ("<script>alert(1)</script>@x", "alert"),
        (" ".join(f"a{each}@example.org" for each in range(6)), "Five addresses at most"),
        ("a@example.org\r\nBcc:b@example.org", "Bcc:b@example.org: "),
    ):
        refused = imara.press(path, f"{path}/test", to=to)
        assert refused.status_code == 422, to
        assert said in words(refused)
        assert 'aria-invalid="true"' in refused.text
        assert "<script>alert" not in refused.text
    assert smtp_sink.messages == []


def test_without_a_relay_the_page_says_so_and_keeps_the_addresses(
    database: Database, newsletter: Newsletter, imara: Colleague, make_runtime: Any
) -> None:
    path = make_draft(database, newsletter)
    cut_off = Colleague(create_app(make_runtime()), imara.email)
    cut_off.sign_in()
    refused = cut_off.press(path, f"{path}/test", to="joss@example.net robin@example.com")
    assert refused.status_code == 422
    assert words(refused).count("The relay could not take it.") == 4, "above, and at the field"
    assert "joss@example.net\nrobin@example.com</textarea>" in refused.text


def test_a_viewer_sends_none_and_nobody_sends_many(
    database: Database, newsletter: Newsletter, join: Join, smtp_sink: SmtpSink
) -> None:
    path, imara = make_draft(database, newsletter), join("Imara", Role.EDITOR)
    joss = join("Joss", Role.VIEWER)
    assert "Send me a test" not in words(joss.get(path))
    assert joss.get(f"{path}/test").status_code == 403
    assert joss.press("/desk/account", f"{path}/test").status_code == 403
    assert imara.client.post(f"{path}/test", data={"proof": "forged"}).status_code == 403
    assert smtp_sink.messages == []
    form = {"proof": hidden(imara.get(path).text, "proof")}
    for _ in range(20):
        assert imara.client.post("/desk/issues/999/test", data=form).status_code == 404
    much = imara.client.post(f"{path}/test", data=form)
    assert much.status_code == 429
    assert "Retry-After" in much.headers
    assert smtp_sink.messages == []
