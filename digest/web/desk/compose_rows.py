"""What the page of composing shows, as plain values: its parts are kept by them (`kept.part`)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from digest import prose, zones
from digest.errors import FieldError
from digest.models import Article, ChangedField, Issue, IssueChange, Story
from digest.newsroom.issues.editing import TEXTS
from digest.newsroom.issues.history import ISSUE_TEXTS, STORY_TEXTS, is_drop
from digest.newsroom.issues.pool import Pool, Told

# Mail programs on phones show about so much of a subject.
FITS_A_PHONE = 40
# Of the issues that were looked at lately.
KEPT = 64
WRITTEN = {each.value for each in TEXTS}
ISSUE_LABELS = (
    ("subject", "Subject", 0),
    ("preheader", "Preheader", 0),
    ("note", "Your note", 4),
    ("last_thing", "And finally", 2),
)
STORY_LABELS = (
    ("headline", "Headline", 0),
    ("standfirst", "Standfirst", 3),
    ("section", "Section label", 0),
)


class Field(NamedTuple):
    """A field to write in: `was` stands there now, and `value` is shown; `wrong`: sentences."""

    name: str
    label: str
    id: str
    value: str
    was: str
    hint: str
    lines: int
    wrong: tuple[str, ...]


class StoryRow(NamedTuple):
    """A story of the issue. `version`: what its words were typed on."""

    article_id: int
    position: int
    role: str
    title: str
    section: str
    minutes: int | None
    picture: str | None
    initial: str
    withdrawn: bool
    why: str
    by_hand: bool
    fields: tuple[Field, ...]
    is_open: bool
    version: str | int


class ChangeRow(NamedTuple):
    """A change of the history; `text`: it is of words, and can be brought back.

    `dropped`: the story that was taken out, which can be, too.
    """

    id: int
    by: str
    at: str
    taken: bool
    words: str
    after: str | None
    text: bool
    first: bool
    dropped: str


class PoolRow(NamedTuple):
    """An article to choose; `source` is empty where there is but one."""

    id: int
    title: str
    section: str | None
    age: str
    source: str | None
    thumbnail: str | None
    is_in: bool
    withdrawn: bool
    elsewhere: str


class Typed(NamedTuple):
    """What could not be saved, and what is wrong with it.

    `version` is that of the page that it was typed on, `story` the id of its article, if any.
    """

    words: Mapping[str, str]
    errors: Sequence[FieldError]
    version: str | int
    story: int | None

    def wrong(self, name: str) -> tuple[str, ...]:
        """Say what is wrong with one field."""
        return tuple(each.sentence for each in self.errors if each.field == name)


class ToldIssue(NamedTuple):
    """An issue's own words, and its stories in order."""

    fields: tuple[Field, ...]
    stories: tuple[StoryRow, ...]
    reading_time: str


@lru_cache(KEPT)
def told_of(issue: Issue) -> ToldIssue:
    """Tell what stands in an issue that is only looked at (`look_at_issue`), so never changes."""
    return told_as_typed(issue, Typed({}, (), issue.version, None))


def told_as_typed(issue: Issue, typed: Typed) -> ToldIssue:
    """Tell the same, with what could not be saved in its place."""
    stories = tuple(_story_row(story, issue, typed) for story in issue.stories)
    return ToldIssue(_issue_fields(issue, typed), stories, _reading_time(issue.stories))


def _issue_fields(issue: Issue, typed: Typed) -> tuple[Field, ...]:
    stands = {each.value: getattr(issue, TEXTS[each].column) or "" for each in ISSUE_TEXTS}
    here = typed.words if typed.story is None else {}
    return tuple(
        Field(name, label, name, here.get(name, stands[name]), stands[name],
              counted(name, stands[name]), lines, typed.wrong(name))
        for name, label, lines in ISSUE_LABELS
    )  # fmt: skip


def _story_row(story: Story, issue: Issue, typed: Typed) -> StoryRow:
    article, mine = story.article, typed.story == story.article_id
    own = _own_words(article)
    told = {
        each.value: getattr(story, TEXTS[each].column) or own[each.value] for each in STORY_TEXTS
    }
    here = typed.words if mine else {}
    fields = tuple(
        Field(name, label, f"{name}-{story.article_id}", here.get(name, told[name]), told[name],
              f"The article’s own: {own[name]}" if own[name] != told[name] else "", lines,
              typed.wrong(name) if mine else ())
        for name, label, lines in STORY_LABELS
    )  # fmt: skip
    return StoryRow(
        article_id=story.article_id,
        position=story.position,
        role=story.role.value,
        title=story.headline,
        section=told["section"],
        minutes=article.minutes,
        picture=story.own_thumbnail if story.own_picture else article.thumbnail,
        initial=_initial(article.section or article.title),
        withdrawn=article.withdrawn_at is not None,
        why=story.why,
        by_hand=story.is_by_hand,
        fields=fields,
        is_open=mine,
        version=typed.version if mine else issue.version,
    )


def _own_words(article: Article) -> dict[str, str]:
    """Return what an article itself has in each field of a story, by the field's name."""
    return {
        "headline": article.title,
        "standfirst": article.standfirst or "",
        "section": article.section or "",
    }


@lru_cache(KEPT)
def change_rows(changes: tuple[IssueChange, ...], zone: str) -> tuple[ChangeRow, ...]:
    """Return the history's rows, of changes that are only looked at; times are the newsletter's."""
    first = _first_of(changes)
    return tuple(
        ChangeRow(each.id, each.by, _time(each, zone), each.taken, each.words, each.after,
                  each.field.value in WRITTEN, each.id in first,
                  (is_drop(each) and each.before) or "")
        for each in changes
    )  # fmt: skip


def pool_rows(pool: Pool, now: datetime) -> tuple[PoolRow, ...]:
    """Return the articles to choose from."""
    several = len(pool.sources) > 1
    return tuple(
        PoolRow(told.id, told.title, told.section, _age(told, now),
                each.source if several else None, told.thumbnail, each.is_in,
                each.is_withdrawn, each.elsewhere)
        for each in pool.offered
        for told in (each.article,)
    )  # fmt: skip


def counted(name: str, text: str) -> str:
    """Say what the length of a text means."""
    if name == "subject":
        if not text:
            return "Empty: the lead’s headline"
        fits = "fits a phone" if len(text) <= FITS_A_PHONE else "a phone cuts it"
        return f"{len(text)} characters, {fits}"
    if name == "preheader":
        if not text:
            return "Empty: further headlines"
        return f"{len(text)} characters, {'good' if len(text) <= 90 else 'most programs cut it'}"
    return f"{len(text):,} of {TEXTS[ChangedField(name)].longest:,} characters"


def _reading_time(stories: Sequence[Story]) -> str:
    """Return "Eight stories, 31 minutes’ reading"; without minutes where one's are not known."""
    count = prose.count_in_words(len(stories), "story", "stories")
    known = [story.article.minutes for story in stories if story.article.minutes is not None]
    if known and len(known) == len(stories):
        count = f"{count}, {prose.count_in_words(sum(known), 'minute')}’ reading"
    return f"{count[:1].upper()}{count[1:]}"


def _initial(words: str) -> str:
    return words[:1].upper()


def _age(article: Told, now: datetime) -> str:
    age = now - (article.published_at or article.first_seen_at)
    hours = int(age.total_seconds() // 3600)
    if hours < 1:
        return "within the hour"
    if hours < 24:
        return f"{hours} h ago"
    return "yesterday" if hours < 48 else f"{hours // 24} days ago"


def _time(change: IssueChange, zone: str) -> str:
    local = change.at.astimezone(zones.named(zone))
    return f"{local:%H:%M} on {prose.short_day(local.date())}"


def _first_of(changes: Iterable[IssueChange]) -> set[int]:
    """Return the first change of each text, which alone holds what stood there before any."""
    first: dict[tuple[str, int | None], int] = {}
    for change in changes:
        if change.taken:
            first[change.field, change.article_id] = change.id
    return set(first.values())
