"""Issues to render: the Halyard's No. 42, and the longest and the shortest that are allowed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from digest.cli.art import SCENES, draw
from digest.cli.halyard import NOTE, THIS_WEEK, HalyardStory
from digest.delivery.rendering.editor_view import EditorView
from digest.delivery.rendering.issue import (
    Confirmation,
    IssueView,
    Masthead,
    ReaderSlots,
    Rendered,
    Start,
    StoryView,
    render_notice,
)
from digest.models import NoticeKind, StoryRole
from digest.newsroom.intake.pictures import LEAD, THUMBNAIL
from digest.newsroom.palette import palette

SITE = "https://halyard.example"
# Where the browser may look for pictures: nothing leaves this machine.
MEDIA = "http://127.0.0.1:8000/media"
LAST_THING = (
    "Several of you asked what became of the harbour cat in issue 39. She is well, and has been "
    "put on the payroll."
)
READER = ReaderSlots(
    address="robin@example.org",
    signup_site="halyard.example",
    signup_date="3 March 2026",
    unsubscribe_url=f"{SITE}/u/AZ3u0pW9dQmXk2vL7tYc1RfE8gHs5jKn",
    preferences_url=f"{SITE}/p/AZ3u0pW9dQmXk2vL7tYc1RfE8gHs5jKn",
)


def masthead(accent: str = "#006B5E", **changes: Any) -> Masthead:
    head = Masthead(
        language="en",
        paper="The Halyard",
        site="halyard.example",
        mark=f"{MEDIA}/mark",
        newsletter="Editor's Digest",
        slug="editors-digest",
        editor="Imara Vance-Oduya",
        portrait=f"{MEDIA}/portrait",
        postal_address="4 Ropewalk Yard, Varrholm VH1 2AB",
        weekday="Saturday",
        slot="Saturdays at seven",
        arrives="Saturday at seven",
        palette=palette(accent),
        home_url=f"{SITE}/",
        archive_url=f"{SITE}/issues/editors-digest/",
    )
    return replace(head, **changes)


def story(source: HalyardStory, role: StoryRole, **changes: Any) -> StoryView:
    kind = {StoryRole.LEAD: "lead", StoryRole.STORY: "thumbnail"}.get(role)
    view = StoryView(
        role=role,
        title=source.title,
        standfirst=source.standfirst,
        byline=source.byline,
        section=source.section,
        url=f"https://halyard.example/a/{source.slug}",
        minutes=source.minutes,
        image=f"{MEDIA}/{kind}-{source.slug}" if kind else None,
        image_alt=SCENES[source.slug].alt,
    )
    return replace(view, **changes)


def halyard_issue(accent: str = "#006B5E", **changes: Any) -> IssueView:
    """The issue of LOOK's pictures 1 and 2."""
    roles = [StoryRole.LEAD, *[StoryRole.STORY] * 3, *[StoryRole.BRIEF] * 4]
    stories = tuple(story(s, role) for s, role in zip(THIS_WEEK[:8], roles, strict=True))
    view = IssueView(
        head=masthead(accent),
        number=42,
        dateline=date(2026, 11, 14),
        subject="The port that decided to stop growing",
        preheader="Plus: who owns the cold, and a town paid to keep its rain",
        note=(NOTE,),
        last_thing=LAST_THING,
        briefs_heading="Also on my desk",
        stories=stories,
        online_url=f"{SITE}/issues/editors-digest/42",
    )
    return replace(view, **changes)


LONG_TITLE = (
    "The unreasonably thorough history of a harbour wall that three governments, two churches and "
    "a swimming club have each claimed to have built"
)
LONG_STANDFIRST = (
    "It begins with a mason who could not count and ends, so far, with an inquiry that can do "
    "nothing else. Between the two lie eleven maps, four of them honest; a drowned bell; a "
    "quarrel over whose herring it was; and a letter, found last winter behind a radiator, which "
    "says in a clerk’s good hand that nobody had asked for a wall at all, and that the money had "
    "been meant for the school and its roofs."
)


def longest_issue() -> IssueView:
    """Everything at its most: titles of 140 characters, standfirsts of 400, a note of three."""
    assert len(LONG_TITLE) <= 140
    assert len(LONG_STANDFIRST) <= 400
    whole = halyard_issue()
    long = tuple(
        replace(s, title=LONG_TITLE, standfirst=LONG_STANDFIRST, byline="Wilhelmina " * 3 + "Oduya")
        for s in whole.stories
    )
    return replace(
        whole,
        head=masthead(
            newsletter="The Halyard's Weekly Digest for Editors, Pilots and Harbour Masters",
            editor="Wilhelmina Featherstonehaugh-Oduya",
        ),
        note=(NOTE, LONG_STANDFIRST, NOTE),
        last_thing=LONG_STANDFIRST,
        stories=long,
        number=1042,
    )


def shortest_issue() -> IssueView:
    """Two stories and little else: no picture, byline, section, note, standfirst or number."""
    bare = {"byline": None, "section": None, "image": None, "standfirst": ""}
    stories = (
        story(THIS_WEEK[1], StoryRole.LEAD, **bare),
        story(THIS_WEEK[9], StoryRole.BRIEF, **bare),
    )
    return halyard_issue(
        head=masthead(mark=None, portrait=None),
        number=None,
        note=(),
        last_thing=None,
        stories=stories,
    )


def issue_of_unknown_length(*, all_of_it: bool = True) -> IssueView:
    """The Halyard's No. 42 from feeds that give summaries only: all of its stories, or every other.

    One of them has no byline either.
    """
    stories = halyard_issue().stories
    unknown = tuple(
        replace(story, minutes=None) if all_of_it or place % 2 else story
        for place, story in enumerate(stories)
    )
    bare = replace(unknown[1], byline=None)
    return halyard_issue(stories=(unknown[0], bare, *unknown[2:]))


HELD = EditorView(
    name="editors-digest/2026-11-14",
    url=f"{SITE}/desk/issues/42",
    day="Saturday 14 November",
    titles=tuple(source.title for source in THIS_WEEK[:8]),
    reason="Nobody approved it by Saturday 14 November at 07:00.",
    plan="It closes on Saturday 14 November at six and goes out on Saturday 14 November at seven, "
    "once you have approved it. Without your approval it is held.",
    closes="Saturday 14 November at six",
    goes_out="Saturday 14 November at seven",
    outlook="The issue goes out on Saturday 14 November at seven, once you have approved it.",
    needs_approval=True,
    another_time="2026-11-15T07:00",
    left_out=(
        "“Who owns the cold?” was withdrawn. A person had chosen it, so nothing takes its place.",
        "“The last orchestra librarian” was withdrawn. “Two countries, one lighthouse” takes its "
        "place.",
    ),
    turned_bad=(
        "The link of “Who owns the cold?” does not work. There is no page at that address (404). "
        "Mend it, or drop it.",
        "Cannot go out yet: The note still has “[name]”. Replace it, or take it out.",
    ),
    corrected_by="Imara Vance-Oduya",
    corrected="The ferry leaves at eight. We had said seven.",
)


TO_EDITOR = (
    NoticeKind.DRAFT_READY,
    NoticeKind.REMINDER,
    NoticeKind.HELD,
    NoticeKind.STORY_WITHDRAWN,
    NoticeKind.TURNED_BAD,
    NoticeKind.CORRECTION_WAITS,
)


def notice(kind: str, accent: str = "#006B5E") -> Rendered:
    """A notice of each kind that there are templates for."""
    about: str | EditorView | Confirmation = HELD
    if kind not in {each.value for each in TO_EDITOR}:
        about = f"{SITE}/c/AZ3u0pW9dQmXk2vL7tYc1RfE8gHs5jKnAZ3u0pW9dQmXk2vL7tYc1R"
    if kind == NoticeKind.CONFIRMATION.value:
        about = Confirmation(str(about), (Start("Editor's Digest", "Saturday at seven"),))
    if kind == NoticeKind.ADDRESS_CHANGED.value:
        about = "mailto:imara@halyard.example"
    return render_notice(kind, masthead(accent), "robin@example.org", about)


NOTICE_KINDS = (
    NoticeKind.CONFIRMATION,
    NoticeKind.ALREADY_SIGNED_UP,
    *TO_EDITOR,
    NoticeKind.FRESH_LINK,
    "new_address",
    NoticeKind.ADDRESS_CHANGED,
    NoticeKind.USER_LINK,
)


def media() -> Mapping[str, tuple[bytes, str]]:
    """Every picture that the samples show, by its path: content and content type."""
    pictures = {"/media/portrait": draw("portrait"), "/media/mark": draw("mark")}
    for source in THIS_WEEK:
        pictures[f"/media/lead-{source.slug}"] = draw(source.slug, LEAD.width, LEAD.height)
        pictures[f"/media/thumbnail-{source.slug}"] = draw(
            source.slug, THUMBNAIL.width, THUMBNAIL.height
        )
    return {path: (content, "image/png") for path, content in pictures.items()}
