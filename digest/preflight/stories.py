"""What is checked of an issue's stories: enough, still there, as they were picked, told once."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from digest import prose, zones
from digest.models import Issue, LeftOut, Story
from digest.newsroom.issues.approving import waits_for_the_rule
from digest.preflight.findings import Finding, named, story_place

# Of two headlines: how much of their words are the same where they tell the same story.
ALIKE = 0.8
WORDS_AT_LEAST = 3
_WORD = re.compile(r"\w+")


def too_few(issue: Issue) -> Iterator[Finding]:
    """Tell where an issue has fewer stories than its newsletter wants at least, or usually.

    The latter where the rule has not picked any yet: a special edition that is approved like this
    goes out like this.
    """
    least, usual = issue.newsletter.story_min, issue.newsletter.story_count
    count = len(issue.stories)
    if least <= count < usual and issue.composed_at is None:
        only = waits_for_the_rule(issue)
        otherwise = ": before that it cannot be approved." if only else ", or leave it at that."
        sentence = (
            f"It is not composed yet, and has {prose.number_in_words(count)} of its "
            f"{prose.count_in_words(usual, 'story', 'stories')}. Let us pick the rest (digest "
            f"issue compose){otherwise}"
        )
        yield Finding("not composed", sentence, "stories")
    if count < least:
        have = prose.count_in_words(count, "story", "stories")
        more = prose.number_in_words(least - count)
        sentence = (
            f"It has {have}, and needs at least {prose.number_in_words(least)}. Add {more} more."
        )
        yield Finding("too few stories", sentence, "stories", blocks=True)


def withdrawn(issue: Issue) -> Iterator[Finding]:
    """Tell the stories that were taken back at their source, and are still in or left a gap."""
    for story in issue.stories:
        if story.article.withdrawn_at is None:
            continue
        if story.is_by_hand:
            sentence = f"{named(story)} was withdrawn at its source. Drop it."
            yield Finding("withdrawn", sentence, story_place(story), blocks=True)
        else:
            sentence = (
                f"{named(story)} was withdrawn at its source. It is replaced within a minute; "
                "look again then."
            )
            yield Finding("withdrawn", sentence, story_place(story))
    here = {story.article_id for story in issue.stories}
    for gone in issue.left_out:
        if gone.replacement_id is None and gone.article_id not in here:
            sentence = f"“{prose.cut(gone.title, 80)}” {_why_gone(issue, gone)}"
            yield Finding("withdrawn", sentence, "stories", detail=str(gone.id))


def _why_gone(issue: Issue, gone: LeftOut) -> str:
    if issue.composed_at is not None and gone.at <= issue.composed_at:
        how = "hidden" if gone.hidden else "withdrawn at its source"
        return (
            f"was picked by a person, and {how} before the issue was composed. Look at what "
            "stands there instead."
        )
    return (
        "was withdrawn at its source, and nothing took its place. Add a story, or leave it at that."
    )


def changed(issue: Issue, by_hand: Mapping[int, datetime]) -> Iterator[Finding]:
    """Tell the stories whose article was changed at its source after it was picked.

    `by_hand`: when a person picked them, by their articles.
    """
    instead = {each.replacement_id: each.at for each in issue.left_out}
    composed = issue.composed_at or issue.created_at
    for story in issue.stories:
        article = story.article
        picked = by_hand.get(article.id) or instead.get(article.id) or composed
        if article.updated_at > picked:
            at = article.updated_at.astimezone(zones.named(issue.newsletter.zone))
            sentence = (
                f"{named(story)} was changed at its source on {prose.short_day(at.date())} at "
                f"{at:%H:%M}, after it was picked. Read it again."
            )
            detail = article.updated_at.isoformat()
            yield Finding("changed", sentence, story_place(story), detail=detail)


def told_twice(issue: Issue) -> Iterator[Finding]:
    """Tell the stories with nearly the same headline as one before them."""
    before: list[tuple[Story, frozenset[str]]] = []
    for story in issue.stories:
        words = frozenset(_WORD.findall(story.headline.casefold()))
        twin = next((other for other, theirs in before if _are_alike(words, theirs)), None)
        if twin is not None:
            sentence = (
                f"{named(twin)} and {named(story)} look like the same story. Drop one of them."
            )
            yield Finding("told twice", sentence, story_place(story))
        before.append((story, words))


def _are_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    if one == other:
        return bool(one)
    if min(len(one), len(other)) < WORDS_AT_LEAST:
        return False
    return len(one & other) / len(one | other) >= ALIKE


def told_before(issue: Issue, earlier: Mapping[int, str]) -> Iterator[Finding]:
    """Tell the stories that an `earlier` issue of the newsletter had, by their articles."""
    for story in issue.stories:
        if story.article_id in earlier:
            sentence = f"{named(story)} was in {earlier[story.article_id]} already. Drop it."
            yield Finding("told before", sentence, story_place(story))


def old(issue: Issue) -> Iterator[Finding]:
    """Tell the stories that are older than the newsletter's stories are meant to be."""
    days = issue.newsletter.story_max_age_days
    oldest = issue.send_at - timedelta(days=days)
    for story in issue.stories:
        at = story.article.published_at
        if at is not None and at < oldest:
            day = at.astimezone(zones.named(issue.newsletter.zone)).date()
            sentence = (
                f"{named(story)} is of {prose.long_date(day)}, more than "
                f"{prose.count_in_words(days, 'day')} before the issue. Is it still news?"
            )
            yield Finding("old", sentence, story_place(story))
