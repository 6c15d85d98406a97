"""Pinning a story to a coming issue at the desk, from the articles and from the calendar."""

import re

import pytest
from sqlalchemy import select

from digest.database.transactions import Database
from digest.models import Article, AuditEvent, Issue, Newsletter, Role
from tests.factories import NOW
from tests.web.conftest import words
from tests.web.desk.conftest import Colleague, Join
from tests.web.desk.test_compose import Desk

# What asks the database is tested on both in tests/newsroom/issues.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

NEXT = "2026-11-21"


def test_a_story_is_pinned_shown_kept_by_the_rule_and_taken_back(
    database: Database, newsletter: Newsletter, join: Join
) -> None:
    imara: Colleague = join("Imara", Role.EDITOR)
    table = Desk(database, newsletter, imara)
    calendar = f"/desk/calendar/{newsletter.id}"
    page = table.look()
    moon = table.articles["moon"]
    [path] = re.findall(rf'href="(/desk/pins/\d+\?article={moon})"', page.text)
    asked = imara.get(path)
    assert "Saturday 21 November at 07:00" in words(asked)
    assert "Saturday 14 November" not in words(asked), "that one is composed"
    act = path.partition("?")[0]
    assert f'<form method="post" action="{act}/pin">' in asked.text
    pinned = imara.press(path, f"{act}/pin", article=moon, on=NEXT)
    assert pinned.status_code == 303, words(pinned)
    said = words(imara.get(pinned.location))
    assert "It is pinned there." in said
    assert "Pinned: The story of the moon Pinned by Imara. Unpin" in said
    assert "One story is pinned to it." in said
    with database.reading() as session:
        issue = session.scalars(select(Issue).where(Issue.id != table.id)).one()
    assert pinned.location.endswith(f"#issue-{issue.id}")
    assert "It is pinned there." in words(imara.get(path))
    assert "In the issue of 21 November 2026" in words(table.look()), "said among the articles"
    assert "Saturday 21 November" not in words(imara.get("/desk/")), "this week is this week"
    draft = imara.get(f"/desk/issues/{issue.id}")
    assert "Pinned by Imara." in words(draft)
    assert "The rest is picked around it: now, or on Friday 20 November" in words(draft)
    assert "Before that it cannot be approved." in words(draft)
    again = imara.press(path, f"{act}/pin", article=moon, issue=issue.id)
    assert (again.status_code, "is pinned to the issue of 21 November" in words(again)) == (
        422, True,
    )  # fmt: skip
    with database.transaction() as session:
        for article in session.scalars(select(Article)):
            article.published_at = article.first_seen_at = NOW
    filled = imara.press(f"/desk/issues/{issue.id}", f"/desk/issues/{issue.id}/fill")
    assert "There was only one new article" in words(filled), "others are in the issue before"
    assert "Pinned by Imara." in words(imara.get(f"/desk/issues/{issue.id}"))
    gone = imara.press(path, f"{act}/unpin", article=moon, issue=issue.id)
    said = words(imara.get(gone.location))
    assert "It is not pinned any more." in said
    assert "Pinned by" not in said
    with database.reading() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
        told = [(each.verb, each.row_id, each.fields) for each in events if each.row_id]
    assert told[-2:] == [
        ("issue pin", issue.id, ["stories"]),
        ("issue unpin", issue.id, ["stories"]),
    ]
    viewer = join("Vera", Role.VIEWER)
    assert viewer.get(path).status_code == 403
    refused = viewer.press("/desk/account", f"{act}/pin", article=moon, on=NEXT)
    assert refused.status_code == 403
    assert "Unpin" not in words(viewer.get(calendar))
    for wrong, status in (({"article": "x", "on": NEXT}, 400), ({"article": moon}, 400),
                          ({"article": moon, "on": "2026-11-20"}, 422),
                          ({"article": 999, "on": NEXT}, 404)):  # fmt: skip
        assert imara.press(path, f"{act}/pin", **wrong).status_code == status, wrong


def test_the_page_without_a_story_says_how_to_choose_one(
    database: Database, newsletter: Newsletter, join: Join
) -> None:
    imara: Colleague = join("Imara", Role.EDITOR)
    path = f"/desk/pins/{newsletter.id}"
    asked = imara.get(path)
    assert asked.status_code == 200
    assert "Choose the story first" in words(asked)
    assert "No issue is made yet" in words(asked)
    table = Desk(database, newsletter, imara)
    asked = imara.get(path)
    assert f'href="/desk/issues/{table.id}"' in asked.text
    assert "Open the issue of Sunday 15 November" in words(asked)
    assert f'href="/desk/calendar/{newsletter.id}"' in asked.text
    for nothing in ("x", "999"):
        answer = imara.get(f"{path}?article={nothing}")
        assert (answer.status_code, "There is no such article" in words(answer)) == (404, True)
    assert join("Vera", Role.VIEWER).get(path).status_code == 403
