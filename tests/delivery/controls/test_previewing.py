"""A test mail: marked in its subject, and lawful in its lines."""

import pytest
from sqlalchemy import update

from digest.delivery.controls.previewing import preview_issue, send_preview
from digest.models import Issue
from tests.delivery.conftest import Press
from tests.factories import NOW, make_article, make_issue, make_newsletter
from tests.servers.smtp import SmtpSink


@pytest.mark.parametrize(
    "subject",
    [
        "The roofs",
        "The port that decided to stop growing, and the year that it took to agree on a word",
        "Wer besitzt die Kälte? Über Heringe, Impfstoffe und Erdbeeren in denselben vier Hallen",
        "港を広げないと決めた町と、その言葉を見つけるまでの一年のこと" * 2,
        "=?utf-8?q?not_an_encoded_word?= and how it is read",
        "W" * 90,
    ],
)
@pytest.mark.parametrize("frozen", [False, True])
def test_a_test_mail_s_subject_is_marked_and_no_line_of_it_is_too_long(
    press: Press, smtp_sink: SmtpSink, subject: str, frozen: bool
) -> None:
    press.relay_at(smtp_sink.port)
    with press.database.transaction() as session:
        issue_id = make_issue(session, make_newsletter(session), [make_article(session, "port")]).id
        session.execute(update(Issue).values(subject=subject))
    if frozen:
        assert press.freeze(issue_id)
    with press.database.reading() as session:
        issue = session.get_one(Issue, issue_id)
        preview = preview_issue(session, issue, "joss@halyard.example", links=press.links, now=NOW)
    send_preview(preview, press.settings)

    [mail] = smtp_sink.messages
    assert mail.message["Subject"] == f"[Test] {subject}"
    head, _, body = mail.content.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    start = next(at for at, line in enumerate(lines) if line.startswith(b"Subject:"))
    end = next(at for at, line in enumerate(lines) if line.startswith(b"Date:"))
    encoded = b"?b?" in head or b"?q?" in head
    # RFC 2047 2; RFC 5322 2.1.1.
    assert max(map(len, lines[start:end])) <= (76 if encoded else 78)
    shown_head, _, shown_body = preview.eml.partition(b"\r\n\r\n")
    assert body == shown_body
    assert shown_head.split(b"\r\n")[:start] == lines[:start]
    assert shown_head.endswith(b"\r\n".join(lines[end:]))
