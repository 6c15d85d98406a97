"""An issue's own words: what is sent, who wrote first, and that nothing typed is ever lost."""

import threading
from typing import Any

import pytest

from digest.database.transactions import Database
from digest.delivery.ledger.freezing import freeze
from digest.delivery.rendering.issue import view_issue
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import STORYS_OWN, Article, Issue, IssueState
from digest.newsroom.issues.composing import compose
from digest.newsroom.issues.editing import bring_back, edit_issue, edit_story
from digest.newsroom.issues.history import Editor, Outcome
from digest.newsroom.issues.ordering import drop_story, pick_article
from digest.newsroom.issues.picturing import drawn, set_picture
from tests.factories import NOW
from tests.newsroom.intake.test_pictures import file_of, photograph
from tests.newsroom.issues.drafts import IMARA, JOSS, Draft


@pytest.fixture
def draft(database: Database) -> Draft:
    return Draft(database)


def shown(draft: Draft) -> Any:
    with draft.database.reading() as session:
        return view_issue(session, session.get_one(Issue, draft.id), "http://localhost")


def test_an_issues_words_are_what_is_sent(draft: Draft) -> None:
    outcome = draft.do(
        edit_issue,
        {
            "subject": "  The port\nthat stopped ",
            "preheader": "Plus: the cold",
            "note": "Good morning.\r\n\r\nSave it for a second coffee.\x00",
            "last_thing": "The harbour wall.",
        },
    )
    assert outcome.sentence.startswith("The subject is changed. The preheader is changed.")
    view = shown(draft)
    assert (view.subject, view.preheader) == ("The port that stopped", "Plus: the cold")
    assert view.note == ("Good morning.", "Save it for a second coffee.")
    assert view.last_thing == "The harbour wall."
    assert len({change.version for change in draft.history()}) == 1
    emptied = draft.do(edit_issue, {"subject": " ", "note": ""})
    assert emptied.sentence == "The subject is the lead’s headline again. The note is taken out."
    assert shown(draft).subject == "The story of the port"
    assert draft.do(edit_issue, {"preheader": "Plus: the cold"}).sentence == "Nothing was changed."


def test_a_storys_words_are_shown_frozen_and_given_back(draft: Draft) -> None:
    words = {"headline": "Who owns the cold?", "standfirst": "Nobody.", "section": "Ice"}
    draft.do(edit_story, "cold", words)
    second = shown(draft).stories[1]
    assert (second.title, second.standfirst, second.section) == tuple(words.values())
    assert second.url == "https://halyard.example/a/cold", "all else is the article's"
    back = draft.do(edit_story, "cold", {"headline": "", "section": "Cold"})
    assert back.sentence == (
        "“The story of the cold” has the article’s own headline. "
        "“The story of the cold” has the article’s section."
    )
    second = shown(draft).stories[1]
    assert (second.title, second.standfirst) == ("The story of the cold", "Nobody.")
    assert draft.issue().stories[1].section is None, "so that it follows the article"
    draft.do(edit_story, "cold", {"headline": "Who owns the cold?"})
    draft.put(state=IssueState.SCHEDULED)
    url = "http://127.0.0.1:8000"
    assert freeze(draft.database, draft.id, now=NOW, public_url=url, inbound_domain=None)
    draft.change(
        lambda session, _: setattr(
            session.get_one(Article, draft.articles["cold"]), "title", "Changed since"
        )
    )
    assert [story.title for story in shown(draft).stories][:2] == [
        "The story of the port",
        "Who owns the cold?",
    ]


@pytest.mark.parametrize(
    ("field", "most"), [("subject", 300), ("preheader", 300), ("note", 5000), ("last_thing", 2000)]
)
def test_too_long_a_text_is_refused_with_its_length(draft: Draft, field: str, most: int) -> None:
    draft.do(edit_issue, {field: "a" * most})
    with pytest.raises(FieldError, match=f"has {most + 1:,} characters, and {most:,} is the most"):
        draft.do(edit_issue, {field: "a" * (most + 1)})


@pytest.mark.parametrize(
    ("field", "most"), [("headline", 300), ("standfirst", 1000), ("section", 60)]
)
def test_too_long_a_text_of_a_story_is_refused(draft: Draft, field: str, most: int) -> None:
    draft.do(edit_story, "cold", {field: "a" * most})
    with pytest.raises(FieldError, match=f"{most:,} is the most"):
        draft.do(edit_story, "cold", {field: "a" * (most + 1)})


def test_changes_to_different_fields_merge(draft: Draft) -> None:
    seen = draft.issue().version
    draft.do(edit_issue, {"subject": "Imara’s"}, version=seen)
    outcome = draft.do(edit_issue, {"note": "Joss’s"}, by=JOSS, version=seen)
    draft.do(edit_story, "cold", {"headline": "Imara’s cold"}, version=seen)
    draft.do(edit_story, "bat", {"headline": "Joss’s bat"}, by=JOSS, version=seen)
    assert outcome.conflicts == ()
    issue = draft.issue()
    assert (issue.subject, issue.note) == ("Imara’s", "Joss’s")
    assert [story.headline for story in issue.stories][1::2] == ["Imara’s cold", "Joss’s bat"]


def test_of_two_changes_of_a_field_the_first_stands_and_the_second_is_kept(draft: Draft) -> None:
    seen = draft.issue().version
    draft.do(edit_issue, {"note": "Joss’s note"}, by=JOSS, version=seen)
    outcome = draft.do(edit_issue, {"note": "Imara’s note", "subject": "Hers"}, version=seen)
    [lost] = outcome.conflicts
    assert (lost.before, lost.after) == ("Joss’s note", "Imara’s note")
    assert lost.words == "Joss had changed the note first. This was kept, and not taken."
    assert (draft.issue().note, draft.issue().subject) == ("Joss’s note", "Hers")
    assert outcome.fields == ("subject",)

    mine = draft.do(bring_back, lost.id, version=outcome.version)
    assert mine.sentence == "The note is changed."
    assert draft.issue().note == "Imara’s note"
    [theirs] = [each for each in draft.history() if each.after == "Joss’s note"]
    draft.do(bring_back, theirs.id, by=JOSS)
    assert draft.issue().note == "Joss’s note"
    draft.do(bring_back, theirs.id, before=True)
    assert draft.issue().note is None
    again = draft.do(bring_back, lost.id, version=seen)
    assert again.conflicts, "somebody had changed it since"


def test_both_typing_the_same_is_no_conflict(draft: Draft) -> None:
    seen = draft.issue().version
    draft.do(edit_issue, {"note": "Good morning."}, by=JOSS, version=seen)
    assert draft.do(edit_issue, {"note": "Good morning."}, version=seen).changes == ()


def test_what_is_typed_for_a_story_that_was_dropped_is_kept(draft: Draft) -> None:
    seen = draft.issue().version
    draft.do(drop_story, "bat", by=JOSS)
    outcome = draft.do(edit_story, "bat", {"headline": "A bat, a barn"}, version=seen)
    [lost] = outcome.conflicts
    assert "Joss had dropped the story." in lost.words
    assert draft.stories() == ["port*", "cold", "roofs"]
    assert draft.do(bring_back, lost.id).conflicts == ()
    assert draft.issue().stories[-1].headline == "A bat, a barn"
    with pytest.raises(RefusedError, match="That story is not in this issue"):
        draft.do(edit_story, "ledgers", {"headline": "The ledgers"})


def test_what_was_typed_for_a_story_outlives_its_being_dropped(draft: Draft) -> None:
    seen = draft.issue().version
    draft.do(edit_story, "bat", {"headline": "A bat, a barn"}, version=seen)
    draft.do(drop_story, "bat", by=JOSS)
    [typed] = [each for each in draft.history() if each.after == "A bat, a barn"]
    draft.do(bring_back, typed.id)
    assert draft.issue().stories[-1].headline == "A bat, a barn"


def test_a_dropped_story_comes_back_with_all_that_was_its_own(draft: Draft) -> None:
    picture = drawn("picture", file_of(photograph(1000, 900)), "30,70")
    draft.do(set_picture, "bat", picture, "The barn")
    draft.do(edit_story, "bat", {"headline": "A bat, a barn", "standfirst": "At dusk."})

    def own() -> dict[str, object]:
        [bat] = [each for each in draft.issue().stories if each.article_id == draft.articles["bat"]]
        return {name: getattr(bat, name) for name in STORYS_OWN}

    was = own()
    assert was["own_picture"]
    assert was["own_focus"] == "30,70"
    dropped = draft.do(drop_story, "bat", by=JOSS).changes[0]
    back = draft.do(bring_back, dropped.id)
    assert back.sentence.startswith("“The story of the bat” is in, fourth of four.")
    assert own() == was
    assert draft.do(bring_back, dropped.id).sentence == "It is in already."
    # So it does where a text of it is brought back.
    [typed] = [each for each in draft.history() if each.after == "A bat, a barn"]
    draft.do(edit_story, "bat", {"headline": "Another"})
    draft.do(drop_story, "bat")
    draft.do(bring_back, typed.id)
    assert own() == was
    # And where it is picked like any other article.
    draft.do(drop_story, "bat")
    picked = draft.do(pick_article, "bat")
    assert picked.sentence.endswith("is in, fourth of four. It reads as it did here before.")
    assert own() == was


def test_only_texts_and_stories_of_this_issue_come_back(draft: Draft) -> None:
    picked = draft.do(pick_article, "ledgers").changes[0]
    with pytest.raises(RefusedError, match="Only a text can be brought back, or a story"):
        draft.do(bring_back, picked.id)
    with pytest.raises(NotFoundError, match="There is no change 999"):
        draft.do(bring_back, 999)


def test_past_the_freeze_nothing_is_written(draft: Draft) -> None:
    draft.put(state=IssueState.SENDING)
    with pytest.raises(RefusedError, match="It is too late to change"):
        draft.do(edit_issue, {"note": "Wait!"})
    with pytest.raises(RefusedError, match="It is too late to change"):
        draft.do(edit_story, "bat", {"headline": "Wait!"})


def test_composing_again_keeps_the_story_that_was_written_in(draft: Draft) -> None:
    draft.do(edit_story, "bat", {"headline": "A bat, a barn"})
    draft.change(lambda session, issue: compose(session, issue, NOW, again=True))
    assert "A bat, a barn" in [story.headline for story in draft.issue().stories]
    assert len(draft.stories()) == 4


def test_a_change_waits_for_the_one_before_it(draft: Draft) -> None:
    """What one has read before it was changed is read anew, and not overwritten."""
    with draft.database.reading() as session:
        stale = session.get_one(Issue, draft.id)
        assert len(stale.stories) == 4
    draft.do(drop_story, "bat", by=JOSS)
    with draft.database.transaction() as session:
        issue = session.merge(stale, load=False)
        outcome = edit_issue(session, issue, {"note": "Good morning."}, IMARA, NOW)
    assert outcome.version == draft.issue().version
    assert draft.stories() == ["port*", "cold", "roofs"]


def test_of_many_who_save_at_the_same_moment_one_is_taken_and_all_are_kept(draft: Draft) -> None:
    seen, together = draft.issue().version, threading.Barrier(4)
    outcomes: list[Outcome] = []

    def save(name: str) -> None:
        together.wait()
        by = Editor(name)
        outcomes.append(draft.do(edit_issue, {"note": f"{name}’s"}, by=by, version=seen))

    names = ("Imara", "Joss", "Robin", "Sam")
    editors = [threading.Thread(target=save, args=(name,)) for name in names]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join()
    assert sorted(len(outcome.conflicts) for outcome in outcomes) == [0, 1, 1, 1]
    [taken] = [change for change in draft.history() if change.taken]
    assert draft.issue().note == taken.after
    assert {change.after for change in draft.history()} == {f"{name}’s" for name in names}
    assert draft.issue().version == seen + 1
