"""Picking, dropping and ordering stories: what an editor is told, and what the issue then is."""

import pytest

from digest.database.transactions import Database
from digest.errors import NotFoundError, RefusedError
from digest.models import Approval, Article, IssueState, StoryRole
from digest.newsroom.issues.approving import approve
from digest.newsroom.issues.composing import compose
from digest.newsroom.issues.ordering import (
    drop_story,
    pick_article,
    place_story,
    set_role,
    shift_story,
)
from digest.newsroom.issues.replacing import replace_withdrawn
from tests.factories import NOW
from tests.newsroom.issues.drafts import JOSS, Draft


@pytest.fixture
def draft(database: Database) -> Draft:
    made = Draft(database)
    assert made.stories() == ["port*", "cold", "roofs", "bat"]
    return made


def test_a_story_is_picked_and_stands_last(draft: Draft) -> None:
    outcome = draft.do(pick_article, "ledgers")
    assert draft.stories() == ["port*", "cold", "roofs", "bat", "ledgers"]
    assert outcome.sentence == "“The story of the ledgers” is in, fifth of five."
    last = draft.issue().stories[-1]
    assert (last.picked_by, last.why) == ("Imara", "Picked by Imara.")
    with pytest.raises(RefusedError, match="is in already: fifth of five"):
        draft.do(pick_article, "ledgers")
    with pytest.raises(NotFoundError, match="There is no article 999"):
        draft.do(pick_article, 999)


@pytest.mark.parametrize(
    ("field", "sentence"), [("withdrawn_at", "was withdrawn"), ("hidden_at", "is hidden")]
)
def test_what_was_taken_back_cannot_be_picked(draft: Draft, field: str, sentence: str) -> None:
    draft.change(
        lambda session, _: setattr(session.get_one(Article, draft.articles["ledgers"]), field, NOW)
    )
    with pytest.raises(RefusedError, match=sentence):
        draft.do(pick_article, "ledgers")
    assert len(draft.stories()) == 4


def test_after_the_lead_is_dropped_the_next_one_leads(draft: Draft) -> None:
    assert draft.do(drop_story, "port").sentence == (
        "“The story of the port” is out. “The story of the cold” leads now."
    )
    assert draft.stories() == ["cold*", "roofs", "bat"]
    assert [story.position for story in draft.issue().stories] == [1, 2, 3]
    again = draft.do(drop_story, "port", by=JOSS)
    assert again.changes == ()
    assert again.sentence == "“The story of the port” is out already: Imara dropped it."
    for slug in ("cold", "roofs", "bat"):
        draft.do(drop_story, slug)
    draft.do(pick_article, "ledgers")
    assert draft.stories() == ["ledgers*"]


def test_a_story_moves_to_a_place_or_as_near_as_there_is(draft: Draft) -> None:
    moved = draft.do(place_story, "bat", 2)
    assert moved.sentence == "“The story of the bat” is now second of four."
    assert draft.stories() == ["port*", "bat", "cold", "roofs"]
    draft.do(place_story, "bat", 99)
    assert draft.stories() == ["port*", "cold", "roofs", "bat"]
    draft.do(shift_story, "bat", -1)
    assert draft.stories() == ["port*", "cold", "bat", "roofs"]
    assert draft.do(shift_story, "roofs", 1).sentence.endswith("is fourth of four already.")
    for wrong in (("cold", 1), ("port", 3)):
        with pytest.raises(RefusedError, match="The lead comes first"):
            draft.do(place_story, *wrong)
    assert draft.stories() == ["port*", "cold", "bat", "roofs"]


def test_there_is_one_lead_and_it_comes_first(draft: Draft) -> None:
    said = draft.do(set_role, "roofs", StoryRole.LEAD).sentence
    assert said == ("“The story of the roofs” is the lead now. “The story of the port” is a story.")
    assert draft.stories() == ["roofs*", "port", "cold", "bat"]
    draft.do(set_role, "bat", StoryRole.BRIEF)
    draft.do(pick_article, "ledgers")
    assert draft.stories() == ["roofs*", "port", "cold", "bat.", "ledgers."]
    assert draft.do(set_role, "bat", StoryRole.BRIEF).changes == ()


def test_ordering_what_somebody_dropped_says_who_did(draft: Draft) -> None:
    draft.do(drop_story, "bat", by=JOSS)
    for verb, what in ((place_story, 2), (shift_story, -1), (set_role, StoryRole.BRIEF)):
        with pytest.raises(RefusedError, match="not in this issue any more: Joss dropped it"):
            draft.do(verb, "bat", what)
        with pytest.raises(RefusedError, match="That story is not in this issue"):
            draft.do(verb, "ledgers", what)
    with pytest.raises(RefusedError, match="That story is not in this issue"):
        draft.do(drop_story, "ledgers")


def test_each_step_is_in_the_history_and_makes_a_version(draft: Draft) -> None:
    before = draft.issue().version
    draft.do(pick_article, "ledgers", by=JOSS)
    draft.do(shift_story, "ledgers", -1)
    draft.do(set_role, "ledgers", StoryRole.BRIEF)
    draft.do(drop_story, "ledgers")
    found = draft.history()
    assert [(each.by, each.field, each.before, each.after) for each in found] == [
        ("Joss", "stories", None, "The story of the ledgers"),
        ("Imara", "position", "5", "4"),
        ("Imara", "role", "story", "brief"),
        ("Imara", "stories", "The story of the ledgers", None),
    ]
    assert [each.version for each in found] == [before + step for step in (1, 2, 3, 4)]
    assert draft.issue().version == before + 4


@pytest.mark.parametrize("state", [IssueState.FROZEN, IssueState.SENT, IssueState.CANCELLED])
def test_past_the_freeze_nothing_is_changed(draft: Draft, state: IssueState) -> None:
    draft.put(state=state, reason="Imara cancelled it.")
    for verb, arguments in (
        (pick_article, ("ledgers",)),
        (drop_story, ("bat",)),
        (place_story, ("bat", 2)),
        (set_role, ("bat", StoryRole.LEAD)),
    ):
        with pytest.raises(RefusedError, match="It is too late to change"):
            draft.do(verb, *arguments)
    assert draft.history() == []


@pytest.mark.parametrize(
    ("approval", "state", "sentence"),
    [
        (Approval.REQUIRED, IssueState.DRAFT, "It has to be approved again."),
        (Approval.AUTOMATIC, IssueState.SCHEDULED, "It goes out at its time all the same."),
    ],
)
def test_a_change_voids_an_approval_and_says_so(
    draft: Draft, approval: Approval, state: IssueState, sentence: str
) -> None:
    draft.newsletter(approval=approval)
    draft.put(state=IssueState.SCHEDULED, approved_at=NOW, approved_by="Joss")
    assert draft.do(shift_story, "bat", 1).changes == ()
    assert draft.issue().approved_by == "Joss", "nothing was changed"
    said = draft.do(drop_story, "bat").sentence
    assert said.endswith(f"What Joss approved was changed, so that is void. {sentence}")
    issue = draft.issue()
    assert (issue.state, issue.approved_at, issue.approved_by) == (state, None, None)


def test_composing_keeps_what_a_person_picked(database: Database) -> None:
    draft = Draft(database, composed=False)
    draft.do(pick_article, "ledgers")
    assert draft.stories() == ["ledgers"]
    draft.change(lambda session, issue: compose(session, issue, NOW))
    assert draft.stories() == ["port*", "ledgers", "cold", "roofs"]
    draft.do(set_role, "ledgers", StoryRole.LEAD)
    draft.change(lambda session, issue: compose(session, issue, NOW, again=True))
    assert draft.stories() == ["ledgers*", "port", "cold", "roofs"]


def test_the_order_that_a_person_made_outlives_a_withdrawal(draft: Draft) -> None:
    draft.do(shift_story, "bat", -1)
    draft.do(set_role, "roofs", StoryRole.BRIEF)
    draft.change(
        lambda session, _: setattr(
            session.get_one(Article, draft.articles["cold"]), "withdrawn_at", NOW
        )
    )
    draft.change(lambda session, issue: replace_withdrawn(session, issue, NOW))
    assert draft.stories() == ["port*", "ledgers", "bat", "roofs."]


def test_what_is_approved_is_what_was_looked_at(draft: Draft) -> None:
    seen = draft.issue().version
    draft.do(drop_story, "bat", by=JOSS)
    with pytest.raises(RefusedError, match="It was changed since you looked"):
        draft.change(lambda session, issue: approve(session, issue, "Imara", NOW, version=seen))
    seen = draft.issue().version
    draft.change(lambda session, issue: approve(session, issue, "Imara", NOW, version=seen))
    assert draft.issue().state is IssueState.SCHEDULED
