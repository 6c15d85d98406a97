"""What a page tells of its article, and what no page can do."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.articles import NewArticle
from digest.newsroom.intake.feeds import FeedError
from digest.newsroom.intake.reading_child.asking import read_page_apart
from digest.newsroom.intake.web_pages import NO_TITLE, read_page
from tests.factories import NOW

URL = "https://halyard.example/2026/cold?utm_source=x"
OPEN_GRAPH = """<!doctype html><html><head><meta charset="utf-8">
<title>Who owns the cold? | The Halyard</title>
<meta property="og:site_name" content="The Halyard">
<meta property="og:title" content="Who owns the cold? &ndash; The Halyard">
<meta property="og:description" content="A  lead &amp; a line.">
<meta property="og:image" content="/i/cold.jpg"><meta property="og:image:alt" content="Ice">
<meta property="article:published_time" content="2026-11-13T06:00:00+01:00">
<meta property="article:section" content="World"><meta name="author" content="By Ada Lark">
<link rel="canonical" href="/2026/cold"></head><body><svg><title>Menu</title></svg></body></html>"""
JSON_LD = {
    "@context": "https://schema.org",
    "@graph": [
        {"@type": "WebSite", "name": "The Halyard"},
        {
            "@type": ["ReportageNewsArticle"],
            "headline": "The cold, &amp; who owns it",
            "description": "<p>In short.</p>",
            "datePublished": "2026-11-12",
            "author": [{"@type": "Person", "name": "Ada Lark"}, "Bo Reef"],
            "articleSection": ["Science", "World"],
            "image": [{"url": "https://cdn.example/a.jpg"}, "/i/b.jpg"],
        },
    ],
}


def article(page: str, url: str = URL, charset: str | None = None) -> NewArticle:
    [found] = read_page(page.encode(), url, NOW, charset).articles
    return found


def test_open_graph_and_the_title_tell_of_an_article() -> None:
    assert article(OPEN_GRAPH) == NewArticle(
        url="https://halyard.example/2026/cold",
        title="Who owns the cold?",
        standfirst="A lead & a line.",
        byline="Ada Lark",
        section="World",
        image_url="https://halyard.example/i/cold.jpg",
        image_alt="Ice",
        published_at=datetime(2026, 11, 13, 5, tzinfo=UTC),
    )
    alone = article("<TITLE>Plain &amp; old</TITLE><title>Another</title><p>Text")
    assert (alone.title, alone.url, alone.image_url) == ("Plain & old", URL, None)


def test_json_ld_comes_first_wherever_it_stands() -> None:
    said = json.dumps(JSON_LD).replace("</", "<\\/")
    broken = '<script type="application/ld+json">{"headline": </script>'
    page = OPEN_GRAPH + broken + f'<script type="application/ld+json">{said}</script>'
    told = article(page)
    assert told.title == "The cold, & who owns it"
    assert (told.standfirst, told.section) == ("In short.", "Science")
    assert told.byline == "Ada Lark and Bo Reef"
    assert told.published_at == datetime(2026, 11, 12, tzinfo=UTC)
    assert told.image_url == "https://cdn.example/a.jpg"
    assert "https://halyard.example/i/b.jpg" in [each.url for each in told.other_pictures]


@pytest.mark.parametrize(
    ("base", "url", "picture"),
    [
        ("/2026/", "https://halyard.example/2026/cold", "https://halyard.example/2026/i/cold.jpg"),
        ("https://cdn.example/x/", URL, "https://cdn.example/x/i/cold.jpg"),
        ("javascript:0", "https://halyard.example/2026/cold", "https://halyard.example/2026/i/cold.jpg"),
    ],
)  # fmt: skip
def test_a_pages_links_are_relative_to_its_base(base: str, url: str, picture: str) -> None:
    page = OPEN_GRAPH.replace('"/i/', '"i/').replace('href="/2026/cold"', 'href="cold"')
    found = article(page.replace("<title>", f'<base target="_top"><base href="{base}"><title>', 1))
    assert (found.url, found.image_url) == (url, picture)
    told = json.dumps({"@type": "NewsArticle", "image": "i/cold.jpg"})
    script = f'<script type="application/ld+json">{told}</script>'
    found = article(f'<base href="{base}"><base href="/no/"><title>Cold</title>{script}')
    assert found.image_url == picture


@pytest.mark.parametrize(
    "named", ["https://other.example/2026/cold", "/", "javascript:alert(1)", "https://[", ""]
)
def test_an_address_that_is_not_the_pages_own_is_not_taken(named: str) -> None:
    told = article(f'<title>Cold</title><link rel="canonical" href="{named}">')
    assert told.url == URL


@pytest.mark.parametrize(
    ("title", "site", "told"),
    [
        ("Why we left New York", "New York", "Why we left New York"),
        ("Ferry-Times", "Times", "Ferry-Times"),
        ("The Halyard", "The Halyard", "The Halyard"),
        ("The ice » The Halyard", "The Halyard", "The ice"),
        ("Meet: The Halyard", "The Halyard", "Meet: The Halyard"),
        ("On ice - Winter | The Halyard", "The Halyard", "On ice - Winter"),
    ],
)
def test_the_papers_name_is_no_part_of_a_headline(title: str, site: str, told: str) -> None:
    named = f'<meta property="og:site_name" content="{site}">'
    assert article(f"<title>{title}</title>{named}").title == told


def test_what_has_no_title_is_no_article_and_a_charset_is_found() -> None:
    with pytest.raises(FeedError, match=NO_TITLE):
        article("<meta property='og:title' content=' '><title> </title>")
    page = "<meta charset=windows-1251><title>Лёд</title>".encode("cp1251")
    assert read_page(page, URL, NOW).articles[0].title == "Лёд"


JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.text(st.characters(categories=["L", "P", "S"])).map("a{}".format),
    st.fixed_dictionaries(
        {"@type": st.just("NewsArticle") | JSON},
        optional=dict.fromkeys(("headline", "description", "image", "author", "@graph"), JSON),
    ),
)
def test_whatever_a_page_says_it_is_an_article_or_none(text: str, said: object) -> None:
    script = f'<script type="application/ld+json">{json.dumps(said)}</script>'
    told = article(f"<title>{text}</title><title>Cold</title><meta name={text}>{script}")
    assert told.title
    assert told.url == URL
    assert told.image_url is None or told.image_url.startswith(("http://", "https://"))


def test_a_hostile_page_is_read_in_the_child() -> None:
    nested = '<script type="application/ld+json">' + "[" * 200_000 + "</script>"
    page = "<title>Cold</title>" + nested + "<meta " * 100_000 + "<title>" * 50_000
    [told] = read_page_apart(page.encode(), URL, NOW).articles
    assert told.title == "Cold"
