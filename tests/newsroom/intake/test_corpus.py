"""The reader held to feeds of our own: tests/newsroom/intake/corpus."""

import base64
from collections import Counter
from typing import Any

import pytest

from tests.newsroom.intake.corpus import SAMPLES
from tests.newsroom.intake.corpus.judging import judge
from tests.newsroom.intake.corpus.reading import Newsroom
from tests.newsroom.intake.corpus.samples import NOW, PAGE, Sample, Wanted, item, rss


def asked(sample: Sample) -> dict[str, str | None]:
    content = base64.b64encode(sample.content).decode()
    return {"content": content, "url": sample.url, "charset": sample.charset}


@pytest.fixture(scope="module")
def seen() -> dict[str, dict[str, Any]]:
    """What comes in of each sample, by its name."""
    answers = Newsroom().seen([asked(sample) for sample in SAMPLES], NOW)
    return {sample.name: answer for sample, answer in zip(SAMPLES, answers, strict=True)}


@pytest.mark.parametrize(
    "sample", SAMPLES, ids=[f"{sample.point}: {sample.name}" for sample in SAMPLES]
)
def test_a_feed_comes_in_as_its_specification_says(
    sample: Sample, seen: dict[str, dict[str, Any]]
) -> None:
    assert judge(sample, seen[sample.name]).wrong == []


def test_every_sample_has_a_name_of_its_own() -> None:
    names = Counter(sample.name for sample in SAMPLES)

    assert [name for name, count in names.items() if count > 1] == []


ROW: dict[str, Any] = {
    "title": "The bridge",
    "link": f"{PAGE}1",
    "published": "2026-11-02T09:00:00+00:00",
    "byline": None,
    "section": None,
    "topics": [],
    "picture": None,
    "alt": "",
    "standfirst": "",
    "minutes": None,
}
SAMPLE = Sample("one", "Any", rss(item()), (Wanted(),))


def judged(sample: Sample, *rows: dict[str, Any], refused: str | None = None) -> list[str]:
    return judge(sample, {"refused": refused, "articles": rows}).wrong


def test_the_judge_finds_nothing_in_what_is_right() -> None:
    assert judged(SAMPLE, ROW) == []


@pytest.mark.parametrize(
    ("field", "value", "measure"),
    [
        ("title", "The bridges", "title"),
        ("published", None, "date"),
        ("byline", "Ada", "byline"),
        ("topics", ["Port"], "section"),
        ("picture", "https://halyard.example/i.jpg", "picture"),
        ("standfirst", "…", "standfirst"),
    ],
)
def test_the_judge_finds_what_is_wrong(field: str, value: object, measure: str) -> None:
    [wrong] = judged(SAMPLE, {**ROW, field: value})

    assert wrong.startswith(f"one: {measure} is")


def test_the_judge_finds_what_is_missing_refused_or_too_much() -> None:
    stranger = {**ROW, "link": f"{PAGE}9"}

    assert judged(SAMPLE) == ["one: 'The bridge' did not come in"]
    assert judged(SAMPLE, refused="Not a feed.")[0] == "one: refused: Not a feed."
    assert judged(SAMPLE, ROW, stranger) == ["one: came in too: 'The bridge'"]
    assert judged(Sample("two", "Any", b"", refused=True), ROW) == ["two: was not refused"]
