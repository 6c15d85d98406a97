"""Composing at the desk without scripts: every button, what it says, and whose words stand."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, update
from werkzeug.test import TestResponse

from digest.database.transactions import Database
from digest.models import (
    Approval,
    Article,
    AuditEvent,
    Issue,
    IssueChange,
    IssueState,
    Newsletter,
    Role,
    Story,
)
from digest.web.context import EXTENSION
from tests.asked import asked
from tests.factories import NOW, make_article, make_issue
from tests.web.conftest import hidden, words
from tests.web.desk.conftest import Colleague, Join

SLUGS = ("salt", "reef", "tide")
# Who asks and what they may do; the issue; its articles; its history; preflight.
MOST_STATEMENTS = 11


class Desk:
    """An issue of three stories and one article beside it, before an editor."""

    def __init__(self, database: Database, newsletter: Newsletter, editor: Colleague) -> None:
        self.database, self.editor = database, editor
        with database.transaction() as session:
            articles = [make_article(session, slug) for slug in (*SLUGS, "moon")]
            made = session.get_one(Newsletter, newsletter.id)
            issue = make_issue(session, made, articles[:3], IssueState.DRAFT)
            issue.composed_at = NOW
            issue.closes_at, issue.send_at = NOW + timedelta(hours=3), NOW + timedelta(1)
            self.articles = {each.url.rpartition("/")[2]: each.id for each in articles}
            self.path = f"/desk/issues/{issue.id}"
            self.id = issue.id

    def look(self, query: str = "") -> TestResponse:
        return self.editor.get(f"{self.path}{query}")

    def press(
        self, where: str, page: str = "", editor: Colleague | None = None, /, **fields: Any
    ) -> TestResponse:
        """Press a button of a page: the one given, or the page as it is now."""
        page = page or self.look().text
        data = {"proof": hidden(page, "proof"), "version": hidden(page, "version"), **fields}
        return (editor or self.editor).client.post(f"{self.path}/{where}", data=data)

    def story(self, slug: str, action: str, page: str = "", /, **fields: Any) -> TestResponse:
        return self.press(f"stories/{self.articles[slug]}", page, action=action, **fields)

    def follow(self, answer: TestResponse) -> str:
        assert answer.status_code == 303, words(answer)
        return words(self.editor.get(answer.location))

    def titles(self) -> list[str]:
        with self.database.reading() as session:
            issue = session.get_one(Issue, self.id)
            return [story.headline for story in issue.stories]

    def issue(self) -> Issue:
        with self.database.reading() as session:
            return session.get_one(Issue, self.id)


@pytest.fixture
def imara(join: Join) -> Colleague:
    return join("Imara", Role.EDITOR)


@pytest.fixture
def table(database: Database, newsletter: Newsletter, imara: Colleague) -> Desk:
    return Desk(database, newsletter, imara)


def test_a_story_is_added_moved_set_and_dropped(table: Desk, database: Database) -> None:
    added = table.press("pick", article=table.articles["moon"])
    assert added.location.endswith(f"#pool-{table.articles['moon']}")
    assert "“The story of the moon” is in, fourth of four." in table.follow(added)
    up = table.story("moon", "up")
    assert up.location.endswith(f"#story-{table.articles['moon']}")
    assert "“The story of the moon” is now third of four." in table.follow(up)
    table.story("reef", "down")
    assert [title.rpartition(" ")[2] for title in table.titles()] == [
        "salt", "moon", "reef", "tide",
    ]  # fmt: skip
    assert "is the lead now" in table.follow(table.story("tide", "role", role="lead"))
    dropped = table.story("salt", "drop")
    assert dropped.location.endswith("#stories")
    assert "“The story of the salt” is out." in table.follow(dropped)
    assert [title.rpartition(" ")[2] for title in table.titles()] == ["tide", "moon", "reef"]
    with database.reading() as session:
        edits = select(AuditEvent).where(AuditEvent.verb == "issue edit").order_by(AuditEvent.id)
        events = session.scalars(edits).all()
        assert [each.fields for each in events] == [
            ["stories"], ["position"], ["position"], ["role"], ["stories"],
        ]  # fmt: skip
        assert {(each.user_id, each.row_id) for each in events} == {(2, table.id)}


def test_words_are_saved_and_seen_in_the_email(table: Desk) -> None:
    before = hidden(table.look().text, "subject_was")
    saved = table.press(
        "words",
        subject="The port that stopped",
        subject_was=before,
        note="Good morning.\r\n\r\nSave it.",
        note_was="",
        preheader="",
        preheader_was="",
    )
    assert saved.location.endswith("#words")
    said = table.follow(saved)
    assert "The subject is changed. The note is changed." in said
    assert "21 characters, fits a phone" in said
    assert "Good morning." in table.editor.get(f"{table.path}/preview").text
    assert table.issue().preheader is None
    story = table.story("reef", "words", headline="A reef, a bell", headline_was="x")
    assert "The headline of “The story of the reef” is changed." in table.follow(story)
    assert "A reef, a bell" in table.editor.get(f"{table.path}/preview").text
    assert "The article’s own: The story of the reef" in words(table.look())
    back = table.story("reef", "own")
    assert "has the article’s own headline" in table.follow(back)
    assert table.titles()[1] == "The story of the reef"


def test_what_was_not_touched_on_a_stale_page_overwrites_nothing(table: Desk, join: Join) -> None:
    page = table.look().text
    joss = join("Joss", Role.EDITOR)
    theirs = {"proof": hidden(joss.get(table.path).text, "proof"), "note": "Joss’s"}
    table.press("words", page, joss, note_was="", **theirs)
    table.press("words", page, note="", note_was="", subject="Imara’s", subject_was="")
    assert (table.issue().note, table.issue().subject) == ("Joss’s", "Imara’s")


def test_of_two_notes_both_are_shown_and_one_is_chosen(
    table: Desk, join: Join, database: Database
) -> None:
    page = table.look().text
    joss = join("Joss", Role.EDITOR)
    proof = hidden(joss.get(table.path).text, "proof")
    table.press("words", page, joss, proof=proof, note="Joss’s <b>note</b>", note_was="")
    lost = table.press("words", page, note="Imara’s note", note_was="")
    assert lost.status_code == 303
    choice = table.editor.get(lost.location)
    said = words(choice)
    assert "Joss changed the note less than a minute ago. Which one goes out?" in said
    assert "Joss’s &lt;b&gt;note" in choice.text
    assert "Imara’s note" in said
    assert table.issue().note == "Joss’s <b>note</b>"
    [action] = re.findall(r'action="[^"]*/(history/\d+)"', choice.text)
    assert "The note is changed." in table.follow(table.press(action, choice.text))
    assert table.issue().note == "Imara’s note"
    with database.reading() as session:
        typed = set(session.scalars(select(IssueChange.after)))
    assert {"Joss’s <b>note</b>", "Imara’s note"} <= typed
    assert "not taken" in words(table.look())


def test_a_text_for_a_story_that_was_dropped_is_kept(table: Desk) -> None:
    page = table.look().text
    table.story("tide", "drop")
    lost = table.story("tide", "words", page, headline="The tide", headline_was="x")
    choice = table.editor.get(lost.location)
    assert "Imara dropped the story less than a minute ago." in words(choice)
    [action] = re.findall(r'action="[^"]*/(history/\d+)"', choice.text)
    table.follow(table.press(action, choice.text))
    assert table.titles()[-1] == "The tide"


def test_any_text_comes_back_from_the_history(table: Desk, database: Database) -> None:
    for note in ("First.", "Second."):
        table.press("words", note=note, note_was="x")
    with database.reading() as session:
        first = session.scalars(select(IssueChange.id).order_by(IssueChange.id)).first()
    back = table.press(f"history/{first}", text="after")
    assert back.location.endswith("#history")
    assert table.issue().note == "First."
    table.press(f"history/{first}", text="before")
    assert table.issue().note is None
    assert table.press("history/999", text="after").status_code == 404


def test_too_long_a_text_stands_in_its_field_with_what_is_wrong(table: Desk) -> None:
    refused = table.press("words", note="n" * 5001, note_was="", subject="S", subject_was="")
    assert refused.status_code == 422
    assert "The note has 5,001 characters, and 5,000 is the most. Shorten it." in words(refused)
    assert "n" * 5001 in refused.text
    assert 'aria-invalid="true"' in refused.text
    assert 'value="S"' in refused.text, "nothing that was typed is gone"
    refused = table.story("reef", "words", section="s" * 61, section_was="")
    assert "The section label has 61 characters" in words(refused)
    assert "s" * 61 in refused.text
    assert table.issue().note is None


def test_a_long_note_in_any_script_fits_the_form(table: Desk) -> None:
    note = "船" * 5000
    assert table.press("words", note=note, note_was="舟" * 5000).status_code == 303
    assert table.issue().note == note


def test_one_button_pressed_twice_adds_one_story(table: Desk) -> None:
    page = table.look().text
    table.press("pick", page, article=table.articles["moon"])
    again = table.press("pick", page, article=table.articles["moon"])
    assert again.status_code == 422
    assert "is in already: fourth of four" in words(again)
    assert len(table.titles()) == 4


def test_an_issue_that_froze_meanwhile_says_so(table: Desk, database: Database) -> None:
    page = table.look().text
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.CANCELLED, reason="A storm."))
    refused = table.press("words", page, note="Wait!", note_was="")
    assert refused.status_code == 422
    assert "It is too late to change" in words(refused)
    assert "Wait!" in words(refused), "what was typed can still be copied"


def test_an_edit_after_the_approval_voids_it(table: Desk, database: Database) -> None:
    with database.transaction() as session:
        session.execute(update(Newsletter).values(approval=Approval.REQUIRED))
    table.editor.accept_all(table.path)
    page = table.look().text
    table.press("approve", page)
    assert table.issue().state is IssueState.SCHEDULED
    said = table.follow(table.story("tide", "drop"))
    assert "What Imara approved was changed, so that is void. It has to be approved again." in said
    assert table.issue().state is IssueState.DRAFT
    stale = table.press("approve", page)
    assert stale.status_code == 422
    assert "It was changed since you looked" in words(stale)


def test_articles_are_found_by_words_section_and_where_they_are(
    table: Desk, database: Database
) -> None:
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        sent = make_article(session, "bell", section="Culture")
        make_article(session, "drum", section="Culture", withdrawn_at=NOW)
        make_article(session, "hush", hidden_at=NOW)
        make_article(session, "old", title="100% of it", first_seen_at=NOW - timedelta(90),
                     published_at=NOW - timedelta(90))  # fmt: skip
        make_issue(session, newsletter, [sent], IssueState.SENT, number=41, occurrence_on=None)

    def pool(query: str = "") -> str:
        page = table.look(query).text
        return page[page.index('class="pool-rows"') : page.index('class="compose-preview"')]

    everything = pool()
    assert everything.count("✓ In issue") == 3
    assert "In No. 41" in everything
    assert "Withdrawn" in everything
    assert "the hush" not in everything
    assert "100%" not in everything
    assert everything.count("<button") == 2, "the moon, and what was in No. 41"
    culture = pool("?section=Culture")
    assert "the bell" in culture
    assert "the moon" not in culture
    assert "The story of the moon" in pool("?words=MOON+story")
    assert "100% of it" in pool("?words=100%25")
    assert "100% of it" not in pool("?words=100_")
    assert "No article has these words." in pool("?words=sesquipedalian")
    assert "words=moon" in table.press("pick?words=moon", article=table.articles["moon"]).location


def test_a_viewer_sees_no_form_and_can_press_nothing(
    table: Desk, join: Join, database: Database
) -> None:
    page = table.look().text
    joss = join("Joss", Role.VIEWER)
    assert 'name="version"' not in joss.get(table.path).text
    proof = hidden(joss.get("/desk/account").text, "proof")
    for action, fields in (
        ("words", {"note": "Mine", "note_was": ""}),
        ("pick", {"article": table.articles["moon"]}),
        (f"stories/{table.articles['tide']}", {"action": "drop"}),
        ("history/1", {}),
    ):
        assert table.press(action, page, joss, proof=proof, **fields).status_code == 403
    assert joss.get(f"{table.path}/conflict").status_code == 403
    assert len(table.titles()) == 3
    with database.reading() as session:
        assert session.scalars(select(IssueChange)).all() == []


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("words", {"version": "x"}),
        ("pick", {"article": ""}),
        ("stories/1", {"action": "role", "role": "hero"}),
    ],
)
def test_a_form_that_is_not_whole_is_refused(
    table: Desk, action: str, fields: dict[str, str]
) -> None:
    assert table.press(action, **fields).status_code == 400


def test_a_forged_form_changes_nothing(table: Desk) -> None:
    forged = {"proof": "forged"}
    assert table.press("pick", article=table.articles["moon"], **forged).status_code == 403
    assert len(table.titles()) == 3


def test_a_storys_markup_is_shown_as_text(table: Desk, database: Database) -> None:
    with database.transaction() as session:
        session.execute(
            update(Article).values(title="<script>alert(1)</script>", section="<i>World</i>")
        )
        session.execute(update(Story).values(why="<b>why</b>"))
    page = table.look().text
    assert "<script>alert" not in page
    assert "<i>World" not in page
    assert "<b>why" not in page


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_page_holds_one_connection(table: Desk, app: Flask) -> None:
    engine = app.extensions[EXTENSION].database.engine
    table.look()  # the paper's name is read once in a while
    held, most = 0, 0

    def take(*_: object) -> None:
        nonlocal held, most
        held += 1
        most = max(most, held)

    def give(*_: object) -> None:
        nonlocal held
        held -= 1

    heard = (("checkout", take), ("checkin", give))
    for name, hear in heard:
        event.listen(engine, name, hear)
    assert table.look().status_code == 200
    for name, hear in heard:
        event.remove(engine, name, hear)
    assert most == 1, "editors who look at once would wait for one another's second"


def test_the_page_asks_in_few_statements_and_reads_no_whole_articles(
    table: Desk, app: Flask
) -> None:
    database = app.extensions[EXTENSION].database
    table.look()  # the paper's name is read over a connection of its own
    database.engine.dispose()
    table.look()
    with asked(database) as seen:
        assert table.look().status_code == 200
    commands = {"BEGIN", "ROLLBACK"}
    statements = [each for each in seen if each.split()[0] not in commands]
    assert len(statements) <= MOST_STATEMENTS, seen
    assert not [each for each in statements if "article.body" in each]
