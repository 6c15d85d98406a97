"""JSON Feed: what is odd in an item costs that item, or less."""

import json
from typing import Any

import pytest

from digest.newsroom.intake.articles import NewArticle
from digest.newsroom.intake.feeds import Feed, read_feed
from tests.factories import NOW

URL = "https://halyard.example/feed.json"
PAGE = "https://halyard.example/a/port"
ITEM = {"id": "7", "url": PAGE, "title": "The port"}


def read(*items: Any, version: str = "1.1", **feed: Any) -> Feed:
    whole = {"version": f"https://jsonfeed.org/version/{version}", "title": "H", "items": items}
    return read_feed(json.dumps({**whole, **feed}).encode(), URL, NOW)


def one(**fields: Any) -> NewArticle:
    [article] = read({**ITEM, **fields}).articles
    return article


@pytest.mark.parametrize("odd", [None, 7, "x", [], [ITEM], True])
def test_an_item_that_is_none_is_dropped_and_told(odd: Any) -> None:
    feed = read(odd, ITEM)

    assert [article.title for article in feed.articles] == ["The port"]
    assert feed.unusable == 1
    assert "One entry is not an object, and is left out." in feed.oddities


def test_odd_fields_cost_no_item() -> None:
    feed = read({**ITEM, "authors": {"name": "Ada"}, "tags": "World", "date_published": 1794551400})
    [article] = feed.articles

    assert (article.byline, article.section) == ("Ada", "World")
    assert set(feed.oddities) >= {
        "One entry has authors that are no list of objects.",
        "One entry has tags that are no list.",
        "One entry has a date that is no text.",
    }


@pytest.mark.parametrize("key", ["authors", "tags", "attachments", "image", "summary", "id", "url"])
@pytest.mark.parametrize("value", [None, 7, {}, [], [None], [[]], {"a": 1}, True, "\ud800"])
def test_whatever_a_field_is_the_others_are_read(key: str, value: Any) -> None:
    feed = read({**ITEM, key: value, "external_url": PAGE}, ITEM)

    assert {article.title for article in feed.articles} == {"The port"}


@pytest.mark.parametrize(
    ("item", "url"),
    [
        ({"id": PAGE}, PAGE),
        ({"id": "7", "external_url": PAGE}, PAGE),
        ({"id": "7", "url": PAGE, "external_url": "https://other.example/"}, PAGE),
        ({"id": 7, "url": "/a/port"}, PAGE),
    ],
)
def test_the_link_is_the_page(item: dict[str, Any], url: str) -> None:
    assert [a.url for a in read({**item, "title": "x"}).articles] == [url]


def test_text_is_text_and_html_is_html() -> None:
    assert one(title="the <dialog> element").title == "the <dialog> element"
    assert one(title="AT&amp;T").title == "AT&amp;T"
    assert one(content_text="Vector<int>").body == "Vector&lt;int&gt;"
    assert one(content_text="Vector<int>").standfirst == "Vector<int>"
    assert one(content_text="One\ntwo\n\nthree").body == "<p>One<br>two</p><p>three</p>"
    assert one(content_html="<p>A &amp; B</p>", content_text="x").body == "<p>A &amp; B</p>"
    assert one(summary="1 < 2", content_html="<p>x</p>").standfirst == "1 < 2"
    assert one(summary="Only this.").body == ""


def test_authors_are_the_items_or_the_feeds() -> None:
    new = read(ITEM, authors=[{"name": "The desk"}])
    old = read({**ITEM, "author": {"name": "Ada"}}, version="1", author={"name": "The desk"})

    assert new.articles[0].byline == "The desk"
    assert old.articles[0].byline == "Ada"
    assert one(authors=[{"name": "Ada"}, {"name": "Bo"}]).byline == "Ada and Bo"


def test_pictures_are_tried_in_order() -> None:
    article = one(
        banner_image="/banner.jpg",
        attachments=[{"url": "/a.jpg", "mime_type": "image/jpeg"}, {"url": 7}, None],
    )

    assert article.image_url == "https://halyard.example/banner.jpg"
    assert [p.url for p in article.other_pictures] == ["https://halyard.example/a.jpg"]


@pytest.mark.parametrize(
    ("version", "kind"), [("1.1", "JSON Feed 1.1"), ("1", "JSON Feed 1.0"), ("x", "JSON Feed")]
)
def test_the_version_is_told(version: str, kind: str) -> None:
    assert read(ITEM, version=version).kind == kind


def test_what_no_database_holds_is_left_out_of_text() -> None:
    assert one(title="The\x00 po\ud800rt").title == "The port"


def test_long_numbers_and_raw_control_characters_are_no_hindrance() -> None:
    content = '{"version": "https://jsonfeed.org/version/1", "items": [%s]}'
    item = '{"id": %s, "url": "%s", "title": "a\tb\x01"}' % ("9" * 100_000, PAGE)  # noqa: UP031

    assert read_feed((content % item).encode(), URL, NOW).articles[0].title == "a b"
