"""What the child says, believed only where it could have been said."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.articles import GivenPicture, NewArticle
from digest.newsroom.intake.feeds import Feed, FeedError
from digest.newsroom.intake.reading_child.answers import (
    AnswerError,
    failure,
    feed_answer,
    read_answer,
    refusal,
)

ARTICLE = NewArticle("https://halyard.example/a", "The port")
FEED = Feed("The Halyard", (ARTICLE,))

moments = st.datetimes(timezones=st.just(UTC))
anything = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
articles = st.builds(
    NewArticle,
    url=anything,
    title=anything,
    body=st.sampled_from(["", "<p>A fact.</p>", '<p><a href="https://x.example/">x</a><br></p>']),
    byline=st.none() | anything,
    topics=st.lists(anything, max_size=3).map(tuple),
    other_pictures=st.lists(st.builds(GivenPicture, anything, anything), max_size=3).map(tuple),
    minutes=st.none() | st.integers(0, 600),
    published_at=st.none() | moments,
    first_seen_at=st.none() | moments,
    guid=st.none() | anything,
)


@given(
    st.builds(
        Feed,
        anything,
        st.lists(articles, max_size=4).map(tuple),
        st.integers(0, 99),
        settled=st.booleans(),
    )
)
def test_every_field_comes_through(feed: Feed) -> None:
    assert read_answer(feed_answer(feed)) == feed


def test_a_moment_is_never_naive() -> None:
    naive = Feed("H", (NewArticle("u", "t", published_at=datetime(2026, 11, 14, 6)),))  # noqa: DTZ001
    read = read_answer(feed_answer(naive)).articles[0].published_at
    assert read == datetime(2026, 11, 14, 6, tzinfo=UTC)


def test_a_refusal_is_the_feeds_and_a_mistake_is_ours() -> None:
    with pytest.raises(FeedError, match="That is no feed"):
        read_answer(refusal("That is\nno feed."))
    with pytest.raises(AnswerError, match="ValueError in"):
        read_answer(failure(ValueError("what the feed says")))


def changed(**fields: Any) -> bytes:
    told = json.loads(feed_answer(FEED))
    told["feed"]["articles"][0].update(fields)
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"title": None},
        {"title": 7},
        {"title": ["a"]},
        {"minutes": 1.5},
        {"minutes": True},
        {"minutes": 10**12},
        {"published_at": "yesterday"},
        {"published_at": "9999-12-31T23:59:59-23:59"},
        {"topics": "World"},
        {"topics": ["x"] * 5_000},
        {"other_pictures": [{"url": "x"}]},
        {"surprise": 1},
        {"body": "<script>x()</script>"},
        {"body": "<font a=1>" * 10},
        {"body": "<ul><li>" * 100},
        {"body": "</p>"},
        {"body": "1 < 2"},
    ],
)
def test_a_field_of_another_kind_is_no_answer(fields: dict[str, Any]) -> None:
    assert read_answer(changed()) == FEED
    with pytest.raises(AnswerError):
        read_answer(changed(**fields))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9))
def test_any_other_json_is_no_answer(told: Any) -> None:
    for answer in (told, {"feed": told}, {"feed": {"articles": told}}):
        with pytest.raises(AnswerError):
            read_answer(json.dumps(answer).encode())
