"""How much of a sample came in as it should, point by point."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.newsroom.intake.corpus.samples import Sample, Wanted

# In the order of the table; "kept" counts entries that should come in, and those that should not.
MEASURES = (
    *("kept", "title", "link", "date", "byline", "section", "picture", "standfirst", "minutes"),
)


@dataclass
class Score:
    """How many of how many were right, by measure, and what was wrong, in words."""

    right: Counter[str] = field(default_factory=Counter)
    of: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def count(self, measure: str, is_right: bool, wrong: str) -> None:
        self.of[measure] += 1
        self.right[measure] += is_right
        if not is_right:
            self.wrong.append(wrong)

    def add(self, other: "Score") -> None:
        self.right += other.right
        self.of += other.of
        self.wrong += other.wrong


def judge(sample: Sample, seen: Mapping[str, Any]) -> Score:
    """Compare what was seen of a sample (see `reading.seen`) with what is wanted."""
    score = Score()
    if sample.refused:
        is_refused = seen["refused"] is not None
        score.count("kept", is_refused, f"{sample.name}: was not refused")
        return score
    if seen["refused"] is not None:
        score.wrong.append(f"{sample.name}: refused: {seen['refused']}")
    pairs, left = _paired(sample.wanted, seen["articles"])
    for wanted, article in pairs:
        _judge_entry(score, sample.name, wanted, article)
    strangers = [article for article in left if article["link"] not in sample.may]
    score.of["kept"] += sample.others
    score.right["kept"] += max(sample.others - len(strangers), 0)
    score.wrong += [f"{sample.name}: came in too: {row['title']!r}" for row in strangers]
    return score


def _paired(
    wanted: Sequence[Wanted], articles: Iterable[dict[str, Any]]
) -> tuple[list[tuple[Wanted, dict[str, Any] | None]], list[dict[str, Any]]]:
    """Give each wanted entry the article that is it: by link and title, by either, by order."""
    left = list(articles)
    found: dict[int, dict[str, Any]] = {}
    # What agrees best is taken first: both of link and title, one of them, the order alone.
    for agreeing in (2, 1, 0):
        for at, want in enumerate(wanted):
            match = next((row for row in left if _agreement(want, row) >= agreeing), None)
            if at not in found and match is not None:
                found[at] = match
                left.remove(match)
    return [(want, found.get(at)) for at, want in enumerate(wanted)], left


def _agreement(wanted: Wanted, row: Mapping[str, Any]) -> int:
    return sum([row["link"] == wanted.link, row["title"] == wanted.title])


def _judge_entry(score: Score, name: str, wanted: Wanted, article: dict[str, Any] | None) -> None:
    score.count("kept", article is not None, f"{name}: {wanted.title!r} did not come in")
    for measure, want, got in _fields(wanted, article):
        is_right = article is not None and _agrees(want, got)
        score.of[measure] += 1
        score.right[measure] += is_right
        if article is not None and not is_right:
            score.wrong.append(f"{name}: {measure} is {got!r}, not {_told(want)}")


def _fields(wanted: Wanted, article: dict[str, Any] | None) -> Iterable[tuple[str, object, object]]:
    row = article or {}
    published = wanted.published
    dates = published if isinstance(published, frozenset) else frozenset({published})
    pictures = wanted.picture if isinstance(wanted.picture, frozenset) else {wanted.picture}
    yield "title", wanted.title, row.get("title")
    yield "link", wanted.link, row.get("link")
    yield (
        "date",
        frozenset(date.isoformat() if date else None for date in dates),
        row.get("published"),
    )
    yield "byline", wanted.byline, row.get("byline")
    yield (
        "section",
        (wanted.section, *wanted.topics),
        (row.get("section"), *row.get("topics", ())),
    )
    yield (
        "picture",
        frozenset((picture, wanted.alt if picture else "") for picture in pictures),
        (row.get("picture"), row.get("alt")),
    )
    yield "standfirst", wanted.standfirst, row.get("standfirst")
    if wanted.minutes is not None:
        yield "minutes", wanted.minutes, row.get("minutes") is not None


def _agrees(want: object, got: object) -> bool:
    return got in want if isinstance(want, frozenset) else got == want


def _told(want: object) -> str:
    return " or ".join(sorted(map(repr, want))) if isinstance(want, frozenset) else repr(want)
