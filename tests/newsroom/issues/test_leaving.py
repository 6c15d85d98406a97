"""What was written for a story outlives its leaving the issue, whoever took it out."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.models import STORYS_OWN, Article, Issue
from digest.newsroom.issues.composing import compose
from digest.newsroom.issues.editing import bring_back, edit_story
from digest.newsroom.issues.history import Outcome, is_arranged, is_drop
from digest.newsroom.issues.ordering import drop_story, pick_article
from digest.newsroom.issues.picturing import drawn, set_picture
from digest.newsroom.issues.pinning import pin, unpin
from digest.newsroom.issues.replacing import remove, replace_withdrawn
from tests.factories import NOW
from tests.newsroom.intake.test_pictures import file_of, photograph
from tests.newsroom.issues.drafts import Draft

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WORDS = {"headline": "A bat, a barn", "standfirst": "At dusk.", "section": "Night"}


@pytest.fixture
def draft(database: Database) -> Draft:
    return Draft(database)


@pytest.fixture
def draft_to_come(database: Database) -> Draft:
    return Draft(database, composed=False)


def own(draft: Draft) -> dict[str, object] | None:
    """Return what the story of the bat has of its own; None: it is not in."""
    found = [each for each in draft.issue().stories if each.article_id == draft.articles["bat"]]
    return {name: getattr(found[0], name) for name in STORYS_OWN} if found else None


def write(draft: Draft) -> dict[str, object] | None:
    """Write words for the story of the bat, and choose a picture for this issue only."""
    picture = drawn("picture", file_of(photograph(1000, 900)), "30,70")
    draft.do(set_picture, "bat", picture, "The barn")
    draft.do(edit_story, "bat", WORDS)
    return own(draft)


def mark(draft: Draft, **values: object) -> None:
    with draft.database.transaction() as session:
        for name, value in values.items():
            setattr(session.get_one(Article, draft.articles["bat"]), name, value)


def take_back(draft: Draft) -> None:
    def act(session: Session, _: Issue) -> None:
        remove(session, [session.get_one(Article, draft.articles["bat"])], "Imara", NOW)

    draft.change(act)


def withdraw(draft: Draft) -> None:
    mark(draft, withdrawn_at=NOW)
    draft.change(lambda session, issue: replace_withdrawn(session, issue, NOW))


def compose_without(draft: Draft) -> None:
    mark(draft, withdrawn_at=NOW)
    draft.change(lambda session, issue: compose(session, issue, NOW, again=True))


@pytest.mark.parametrize("leave", [take_back, withdraw, compose_without])
def test_what_is_withdrawn_and_shown_again_has_its_words_and_its_picture(
    draft: Draft, leave: Callable[[Draft], None]
) -> None:
    was = write(draft)
    leave(draft)
    assert own(draft) is None
    assert "“A bat, a barn” is out. What was written for it is kept." in [
        change.words for change in draft.all_changes()
    ]
    mark(draft, withdrawn_at=None, withdrawn_by=None)
    said = draft.do(pick_article, "bat").sentence
    assert said.endswith("It reads as it did here before.")
    assert own(draft) == was


def test_what_the_rule_left_out_is_brought_back_out_of_the_history(draft: Draft) -> None:
    was = write(draft)
    withdraw(draft)
    mark(draft, withdrawn_at=None)
    [left] = [change for change in draft.all_changes() if is_drop(change)]
    draft.do(bring_back, left.id)
    assert own(draft) == was


def test_that_the_rule_kept_words_is_no_order_that_a_person_gave(draft: Draft) -> None:
    write(draft)
    compose_without(draft)
    with draft.database.reading() as session:
        assert not is_arranged(session, session.get_one(Issue, draft.id))
    draft.do(drop_story, "port")
    with draft.database.reading() as session:
        assert is_arranged(session, session.get_one(Issue, draft.id))


def test_what_the_rule_picks_again_has_its_words_once_and_can_lose_them(draft: Draft) -> None:
    was = write(draft)
    draft.do(drop_story, "bat")
    draft.change(lambda session, issue: compose(session, issue, NOW, again=True))
    assert own(draft) == was
    draft.do(edit_story, "bat", {"headline": "Another"})
    draft.do(drop_story, "bat")
    draft.do(pick_article, "bat")
    assert (own(draft) or {})["title"] == "Another"


def test_what_a_person_took_out_the_rule_does_not_put_in_for_another(draft: Draft) -> None:
    draft.do(drop_story, "bat")
    with draft.database.transaction() as session:
        session.get_one(Article, draft.articles["port"]).withdrawn_at = NOW
    draft.change(lambda session, issue: replace_withdrawn(session, issue, NOW))
    assert draft.articles["bat"] not in [each.article_id for each in draft.issue().stories]


@pytest.mark.parametrize("leave", [unpin, drop_story])
def test_a_pin_that_is_taken_back_and_set_again_reads_as_before(
    draft_to_come: Draft, leave: Callable[..., Outcome]
) -> None:
    draft_to_come.do(pin, "bat")
    was = write(draft_to_come)
    draft_to_come.do(leave, "bat")
    assert own(draft_to_come) is None
    said = draft_to_come.do(pin, "bat").sentence
    assert said.startswith("“The story of the bat” is pinned to ")
    assert said.endswith("It reads as it did here before.")
    assert own(draft_to_come) == was


def test_a_pin_that_is_hidden_when_its_issue_is_composed_keeps_its_words(
    draft_to_come: Draft,
) -> None:
    draft_to_come.do(pin, "bat")
    was = write(draft_to_come)
    mark(draft_to_come, hidden_at=NOW)
    draft_to_come.change(lambda session, issue: compose(session, issue, NOW))
    assert own(draft_to_come) is None
    mark(draft_to_come, hidden_at=None)
    draft_to_come.do(pick_article, "bat")
    assert own(draft_to_come) == was
