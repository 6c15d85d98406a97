"""This week, and an issue's page: how it stands, how it looks, and approving it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.desk.users import Granted
from digest.models import Approval, AuditEvent, Issue, IssueState, Newsletter, Role
from tests.desk.conftest import verbs
from tests.factories import NOW, make_article, make_issue, make_newsletter
from tests.web.conftest import heading, hidden, words
from tests.web.desk.conftest import Join


@pytest.fixture
def draft(database: Database, newsletter: Newsletter) -> int:
    """A composed draft of three stories, which goes out in a day."""
    with database.transaction() as session:
        articles = [make_article(session, slug) for slug in ("salt", "reef", "tide")]
        issue = make_issue(session, session.get_one(Newsletter, newsletter.id), articles)
        issue.state, issue.composed_at = IssueState.DRAFT, NOW
        issue.closes_at, issue.send_at = NOW + timedelta(hours=3, minutes=12), NOW + timedelta(1)
        return issue.id


def put(database: Database, issue_id: int, **values: Any) -> None:
    with database.transaction() as session:
        session.execute(update(Issue).where(Issue.id == issue_id).values(values))


def require_approval(database: Database) -> None:
    with database.transaction() as session:
        session.execute(update(Newsletter).values(approval=Approval.REQUIRED))


def test_before_anything_is_composed_it_says_when_the_next_one_goes(join: Join) -> None:
    said = words(join("Imara", Role.VIEWER).get("/desk/"))
    assert "Nothing is composed yet. The next one goes out on Saturday 14 November at" in said


def test_a_draft_is_told_with_what_is_left_of_the_time(
    join: Join, draft: int, database: Database
) -> None:
    imara = join("Imara", Role.EDITOR)
    said = words(imara.get("/desk/"))
    assert "Draft. " in said
    assert "Composed for you: three stories. It closes on " in said
    assert "closes in 3 h 12 min" in said
    require_approval(database)
    said = words(imara.get("/desk/"))
    assert "It waits to be approved" in said
    assert "Look and approve" in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"state": IssueState.HELD, "reason": "Nobody approved it."}, "Held. {} Nobody approved"),
        (
            {"state": IssueState.SCHEDULED, "approved_at": NOW, "approved_by": "Imara"},
            "Scheduled. {} Approved by Imara; it goes out on ",
        ),
        ({"state": IssueState.SENDING, "audience": 48}, "Sending. {} On its way to 48 readers."),
        ({"state": IssueState.PAUSED, "reason": "imara paused it."}, "Paused. {} imara paused"),
    ],
)
def test_each_state_is_a_sentence(
    join: Join, draft: int, database: Database, values: dict[str, Any], said: str
) -> None:
    put(database, draft, **values)
    before, _, after = said.partition("{}")
    page = words(join("Imara", Role.VIEWER).get("/desk/"))
    assert before.strip() in page
    assert after.strip() in page


def test_an_editor_approves_what_was_looked_at(join: Join, draft: int, database: Database) -> None:
    require_approval(database)
    imara, path = join("Imara", Role.EDITOR), f"/desk/issues/{draft}"
    page = imara.get(path)
    assert heading(page).startswith("Editor’s Digest, ")
    assert page.text.count('class="composed-title"') == 3
    imara.accept_all(path)
    page = imara.get(path)
    approved = imara.press(path, f"{path}/approve", version=hidden(page.text, "version"))
    assert approved.location == f"{path}?approved=1"
    assert "Approved. " in words(imara.get(approved.location))
    assert "Approved by Imara" in words(imara.get(path))
    with database.reading() as session:
        issue = session.get_one(Issue, draft)
        assert (issue.state, issue.approved_by) == (IssueState.SCHEDULED, "Imara")
        event = session.query(AuditEvent).order_by(AuditEvent.id.desc()).first()
        assert event is not None
        assert (event.verb, event.row_id, event.user_id) == ("issue approve", draft, 2)
    assert f"{path}/approve" not in imara.get(path).text, "there is nothing to approve any more"


def test_too_late_it_says_why_and_nothing_is_logged(
    join: Join, draft: int, database: Database
) -> None:
    imara, path = join("Imara", Role.EDITOR), f"/desk/issues/{draft}"
    page = imara.get(path).text
    put(database, draft, state=IssueState.SKIPPED, reason="Too few stories.")
    fields = {"proof": hidden(page, "proof"), "version": hidden(page, "version")}
    refused = imara.client.post(f"{path}/approve", data=fields)
    assert refused.status_code == 422
    assert "Only a draft can be approved" in words(refused)
    assert "issue approve" not in verbs(database)


def test_a_viewer_looks_and_cannot_approve(join: Join, draft: int, database: Database) -> None:
    joss, path = join("Joss", Role.VIEWER), f"/desk/issues/{draft}"
    assert f"{path}/approve" not in joss.get(path).text
    proof = hidden(joss.get("/desk/account").text, "proof")
    assert joss.client.post(f"{path}/approve", data={"proof": proof}).status_code == 403
    with database.reading() as session:
        assert session.get_one(Issue, draft).state is IssueState.DRAFT


def test_another_newsletters_editor_does_not_learn_that_it_is_there(
    join: Join, draft: int, database: Database
) -> None:
    with database.transaction() as session:
        climate = make_newsletter(session, "climate", name="Climate Letter")
    joss, path = join("Joss", Granted(Role.EDITOR, climate)), f"/desk/issues/{draft}"
    assert joss.get(path).status_code == 404
    assert joss.get(f"{path}/preview").status_code == 404
    proof = hidden(joss.get("/desk/account").text, "proof")
    assert joss.client.post(f"{path}/approve", data={"proof": proof}).status_code == 404
    assert joss.get(path).text == joss.get("/desk/issues/999").text
    said = words(joss.get("/desk/"))
    assert "Climate Letter" in said
    assert "three stories" not in said


def test_the_email_is_shown_in_a_frame_that_can_do_nothing(join: Join, draft: int) -> None:
    imara, path = join("Imara", Role.VIEWER), f"/desk/issues/{draft}"
    page = imara.get(path)
    assert " sandbox " in page.text
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    email = imara.get(f"{path}/preview")
    assert "<table" in email.text
    policy = email.headers["Content-Security-Policy"]
    assert "sandbox;" in policy
    assert "script" not in policy
    assert "default-src 'none'" in policy


def test_who_has_no_role_here_is_told_whom_to_ask(
    join: Join, draft: int, database: Database, clock: FixedClock
) -> None:
    with database.transaction() as session:
        climate = make_newsletter(session, "climate")
        climate.retired_at = clock.now()
    page = join("Joss", Granted(Role.EDITOR, climate)).get("/desk/")
    assert "Ask an owner of the desk" in words(page)
