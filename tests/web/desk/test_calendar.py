"""The calendar at the desk: skipping, moving, special editions, and who may."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from digest.database.transactions import Database
from digest.desk.users import Granted
from digest.models import AuditEvent, Issue, IssueState, Newsletter, Role
from tests.factories import NOW, make_article, make_issue, make_newsletter
from tests.web.conftest import words
from tests.web.desk.conftest import Colleague, Join

# What asks the database is tested on both in tests/newsroom/issues.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SATURDAY, NEXT = "2026-11-14", "2026-11-21"


class Wall:
    """The calendar on the wall of an editor."""

    def __init__(self, newsletter_id: int, editor: Colleague) -> None:
        self.path, self.editor = f"/desk/calendar/{newsletter_id}", editor

    def press(self, action: str, **fields: Any) -> TestResponse:
        return self.editor.press(self.path, f"{self.path}/{action}", **fields)

    def said(self, answer: TestResponse) -> str:
        assert answer.status_code == 303, words(answer)
        return words(self.editor.get(answer.location))


@pytest.fixture
def wall(newsletter: Newsletter, join: Join) -> Wall:
    return Wall(newsletter.id, join("Imara", Role.EDITOR))


def issues(database: Database) -> list[Issue]:
    with database.reading() as session:
        return list(session.scalars(select(Issue).order_by(Issue.send_at)))


def test_a_week_is_skipped_and_taken_up_again_and_one_is_moved(
    wall: Wall, database: Database
) -> None:
    page = wall.editor.get(wall.path)
    assert "All times are in Europe/London." in words(page)
    assert "Saturday 14 November at 07:00" in words(page)
    assert page.text.count("Not made yet.") == 8
    said = wall.said(wall.press("skip", on=NEXT, reason="We are away"))
    assert "It is skipped. Nothing goes out that week." in said
    assert "Skipped. Imara skipped it: We are away." in said
    [skipped] = issues(database)
    again = wall.press("skip", on=NEXT)
    assert (again.status_code, "is skipped already" in words(again)) == (422, True)
    assert "It is taken up again." in wall.said(wall.press("take-up", issue=skipped.id))
    moved = wall.press("move", on=SATURDAY, date="2026-11-15", time="18:30")
    assert moved.location.endswith(f"done=move#issue-{skipped.id + 1}")
    said = wall.said(moved)
    assert "Sunday 15 November at 18:30" in said
    assert "Moved from Saturday 14 November at 07:00." in said
    [first, second] = issues(database)
    assert first.send_at == datetime(2026, 11, 15, 18, 30, tzinfo=UTC)
    assert (first.occurrence_on.isoformat(), second.state) == (  # type: ignore[union-attr]
        SATURDAY, IssueState.DRAFT,
    )  # fmt: skip
    with database.reading() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
        told = [(each.verb, each.user_id, each.fields) for each in events if each.row_id]
    assert told[-3:] == [
        ("issue skip", 2, ["reason", "state"]),
        ("issue take-up", 2, ["reason", "state"]),
        ("issue schedule", 2, ["send_at"]),
    ]


def test_what_is_approved_is_looked_over_before_it_moves(wall: Wall, database: Database) -> None:
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        issue = make_issue(session, newsletter, [make_article(session, "port")], IssueState.HELD)
        issue.subject, issue.reason, issue.approved_at = "TKTK", "Cannot go out yet.", NOW
        issue.composed_at, issue_id = NOW, issue.id
    refused = wall.press("move", issue=issue_id, date="2026-11-15", time="18:30")
    assert (refused.status_code, "still has “TKTK”" in words(refused)) == (422, True)
    assert issues(database)[0].state is IssueState.HELD


def test_a_special_edition_is_made_once_however_often_the_button_is_pressed(
    wall: Wall, database: Database
) -> None:
    when = {"date": "2026-11-18", "time": "12:00"}
    assert "A special edition." in wall.said(wall.press("special", **when))
    again = wall.press("special", **when)
    assert "There is a special edition for that moment already." in words(again)
    assert [each.occurrence_on for each in issues(database)] == [None]


def test_what_cannot_be_is_refused_in_a_sentence_and_stays_typed(
    wall: Wall, database: Database
) -> None:
    for at, sentence in (
        ({"date": "2026-11-01", "time": "07:00"}, "That time has passed."),
        ({"date": "2027-03-28", "time": "01:30"}, "The clocks of Europe/London skip 01:30 on"),
        ({"date": "2999-01-01", "time": "07:00"}, "more than two years ahead"),
        ({"date": "soon", "time": "07:00"}, "Type a date like 2026-11-28."),
        ({"date": "2026-11-18", "time": "25:00"}, "Type a time like 07:00."),
    ):
        refused = wall.press("special", **at)
        assert (refused.status_code, sentence in words(refused)) == (422, True), words(refused)
    assert 'value="2026-11-18"' in refused.text
    assert 'href="#time-special"' in refused.text
    for fields, status in (
        ({"on": "2026-11-16"}, 422), ({"on": "soon"}, 400), ({}, 400), ({"issue": "999"}, 404),
    ):  # fmt: skip
        assert wall.press("skip", **fields).status_code == status
    assert wall.press("dance", on=SATURDAY).status_code == 404
    assert issues(database) == []


def test_what_was_stands_below_with_its_reason(wall: Wall, database: Database) -> None:
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        for week in range(1, 23):
            at = NOW - timedelta(weeks=week)
            state = IssueState.SKIPPED if week == 1 else IssueState.SENT
            issue = make_issue(session, newsletter, [], state, occurrence_on=at.date(), send_at=at)
            issue.reason, issue.number = ("Too few stories.", None) if week == 1 else (None, week)
            issue.sent_at, issue.audience = at, 48
        held = make_issue(session, newsletter, [], IssueState.HELD, occurrence_on=None)
        held.reason, held.send_at = "Nobody approved it.", NOW - timedelta(days=1)
    page = words(wall.editor.get(wall.path))
    coming, _, past = page.partition("A special edition")
    assert "Held. Nobody approved it." in coming
    assert "Skipped. Too few stories." in past
    assert "No. 20," in past
    assert "No. 21," not in past
    assert "No. 22," in words(wall.editor.get(f"{wall.path}?page=2"))
    for odd in ("0", "-1", "x", "99999999"):
        assert wall.editor.get(f"{wall.path}?page={odd}").status_code == 200


def test_a_viewer_looks_and_another_newsletters_editor_does_not(
    newsletter: Newsletter, join: Join, database: Database
) -> None:
    with database.transaction() as session:
        climate = make_newsletter(session, "climate", name="Climate Letter")
        strange = make_issue(session, climate, [make_article(session, "ice")], IssueState.DRAFT).id
    viewer, stranger = join("Vic", Role.VIEWER), join("Sid", Granted(Role.EDITOR, climate))
    path = f"/desk/calendar/{newsletter.id}"
    assert "<form" not in viewer.get(path).text.partition("<main")[2]
    assert viewer.press("/desk/account", f"{path}/skip", on=SATURDAY).status_code == 403
    assert stranger.get(path).status_code == 404
    assert stranger.press("/desk/account", f"{path}/skip", on=SATURDAY).status_code == 404
    own = Wall(newsletter.id, join("Ed", Granted(Role.EDITOR, newsletter)))
    assert own.press("skip", issue=strange).status_code == 404
    assert [each.state for each in issues(database)] == [IssueState.DRAFT]
