"""Approval by a second person at the desk, an empty issue that is filled, the mail's way here."""

import re
import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from digest.database.transactions import Database
from digest.delivery.messages import Links
from digest.delivery.notices.sending import send_notices
from digest.models import Approval, AuditEvent, Issue, IssueState, Newsletter, NoticeKind, Role
from digest.newsroom.issues.approving import approve
from digest.settings.loading import RelayAddress
from digest.telling import tell_editors
from tests.factories import NOW, RING, make_article, make_issue, make_settings
from tests.scripted_smtp import ScriptedRelay
from tests.web.conftest import hidden, words
from tests.web.desk.conftest import Colleague, Join

# What asks the database is tested on both in tests/newsroom/issues.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def draft(database: Database, newsletter: Newsletter) -> int:
    """A composed draft of three stories, which needs a second person."""
    with database.transaction() as session:
        session.execute(update(Newsletter).values(approval=Approval.SECOND_PERSON))
        articles = [make_article(session, slug) for slug in ("salt", "reef", "tide")]
        issue = make_issue(session, session.get_one(Newsletter, newsletter.id), articles)
        issue.state, issue.composed_at = IssueState.DRAFT, NOW
        issue.closes_at, issue.send_at = NOW + timedelta(hours=3), NOW + timedelta(1)
        return issue.id


def press_approve(colleague: Colleague, path: str, version: str | None = None) -> str:
    page = colleague.get(path).text
    fields = {"proof": hidden(page, "proof"), "version": version or hidden(page, "version")}
    answer = colleague.client.post(f"{path}/approve", data=fields)
    return words(colleague.get(answer.location) if answer.status_code == 303 else answer)


def test_who_wrote_cannot_approve_and_an_edit_voids(
    join: Join, draft: int, database: Database
) -> None:
    imara, joss = join("Imara", Role.EDITOR), join("Joss", Role.EDITOR)
    path = f"/desk/issues/{draft}"
    said = words(imara.get("/desk/"))
    assert "Missing: your note and a second person’s approval." in said
    seen = hidden(imara.get(path).text, "version")
    imara.press(path, f"{path}/words", note="Good morning.", note_was="", version=seen)
    page = imara.get(path)
    assert f'action="{path}/approve"' not in page.text
    assert "You have written in it, so somebody else has to approve it." in words(page)
    assert "It has to be approved first." in words(imara.get(f"{path}/sending"))
    refused = press_approve(imara, path)
    assert "Imara has written in the issue of 14 November 2026." in refused
    assert "It was changed since you looked" in press_approve(joss, path, seen)
    proof = {"proof": hidden(joss.get(path).text, "proof")}
    assert joss.client.post(f"{path}/approve", data=proof).status_code == 400
    joss.accept_all(path)
    said = press_approve(joss, path)
    assert "Approved by Joss" in said
    assert "Version 1 is approved. By Joss, Saturday 14 November at 06:00 (Europe/London)." in said
    imara.press(path, f"{path}/words", note="Good evening.", note_was="x", version="1")
    said = words(joss.get(path))
    assert "What Joss approved was changed, so that is void." in said
    assert "Version 1 is approved. By Joss" not in said.partition("History")[0]
    with database.transaction() as session:
        issue = session.get_one(Issue, draft)
        approve(session, issue, "root", NOW, override="Joss is ill.")
    said = words(imara.get(path)).partition("History")[0]
    assert "Version 2 is approved without a second person. The reason: Joss is ill. By root" in said


def test_an_empty_issue_is_filled_or_says_what_is_lacking(
    join: Join, newsletter: Newsletter, database: Database
) -> None:
    with database.transaction() as session:
        issue = make_issue(session, session.get_one(Newsletter, newsletter.id), [])
        issue.state, issue.compose_at = IssueState.DRAFT, NOW + timedelta(hours=3)
        issue.send_at = NOW + timedelta(days=1)
        make_article(session, "salt")
        path = f"/desk/issues/{issue.id}"
    imara = join("Imara", Role.EDITOR)
    assert "or let us pick: now, or on" in words(imara.get(path))
    few = imara.press(path, f"{path}/fill")
    assert few.status_code == 422
    assert "There was only one new article yet, and it needs at least 3." in words(few)
    with database.transaction() as session:
        assert session.scalars(select(Issue)).one().state is IssueState.DRAFT, "it is not skipped"
        for slug in ("reef", "tide"):
            make_article(session, slug)
    filled = imara.press(path, f"{path}/fill")
    assert filled.location == f"{path}#stories"
    page = words(imara.get(filled.location))
    assert "Composed: three stories." in page
    assert "Let us pick" not in page
    again = imara.press(path, f"{path}/fill")
    assert "There are stories in" in words(again)
    with database.reading() as session:
        last = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert last is not None
        assert (last.verb, last.user_id) == ("issue compose", 2)


def test_the_mail_leads_to_the_issue_after_signing_in(
    app: Flask, join: Join, draft: int, database: Database
) -> None:
    joss = join("Joss", Role.EDITOR, signed_in=False)
    with database.transaction() as session:
        for kind in (NoticeKind.DRAFT_READY, NoticeKind.REMINDER):
            tell_editors(session, session.get_one(Issue, draft), kind, NOW)
    with ScriptedRelay() as relay:
        at = RelayAddress("127.0.0.1", relay.port)
        settings = make_settings(str(database.url), relay=at)
        links = Links(RING, settings.public_url, None)
        stopping = threading.Event()
        assert send_notices(database, settings=settings, links=links, stopping=stopping) == 4
        mails = [each for each in relay.messages if each.recipients == ("joss@example.org",)]
    subjects = sorted(str(each.message["Subject"]).partition(":")[0] for each in mails)
    assert subjects == ["Closes soon", "Ready to read"]
    for mail in mails:
        for part in ("plain", "html"):
            body = mail.message.get_body((part,))
            assert body is not None
            found = re.findall(r"http://127\.0\.0\.1:8000(/desk/[\w/]+)", body.get_content())
            assert set(found) == {f"/desk/issues/{draft}"}
            if part == "plain":
                assert "editors-digest/2026-11-14 --as joss@example.org" in body.get_content()
    asked = joss.get(f"/desk/issues/{draft}")
    assert asked.status_code == 303
    back = joss.sign_in(next=hidden(joss.get(asked.location).text, "next"))
    assert back.location == f"/desk/issues/{draft}"
    assert "Approve" in words(joss.get(back.location))
