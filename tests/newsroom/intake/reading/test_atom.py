"""Atom 0.3 and 1.0: text says what it is, links say what they lead to."""

import pytest

from digest.newsroom.intake.articles import NewArticle
from digest.newsroom.intake.feeds import Feed, read_feed
from tests.factories import NOW

URL = "https://halyard.example/feeds/main.xml"
PAGE = "https://halyard.example/a/port"
XHTML = "xmlns='http://www.w3.org/1999/xhtml'"


def read(inside: str, attributes: str = "xmlns='http://www.w3.org/2005/Atom'") -> Feed:
    return read_feed(f"<feed {attributes}><title>H</title>{inside}</feed>".encode(), URL, NOW)


def one(inside: str) -> NewArticle:
    [article] = read(f"<entry>{inside}</entry>").articles
    return article


def said(inside: str) -> NewArticle:
    return one(f"<title>The port</title><link href='{PAGE}'/>{inside}")


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("<title>the &lt;dialog> element</title>", "the <dialog> element"),
        ("<title type='text'>Vector&lt;int&gt; &amp;amp; co</title>", "Vector<int> &amp; co"),
        ("<title type='text'>&lt;b&gt;x&lt;/b&gt;</title>", "<b>x</b>"),
        ("<title type='html'>&lt;b&gt;A&lt;/b&gt; &amp;amp; B</title>", "A & B"),
        ("<title type='html'>the &amp;lt;dialog&amp;gt; element</title>", "the <dialog> element"),
        (f"<title type='xhtml'><div {XHTML}>A <i>B</i> &lt;c></div></title>", "A B <c>"),
        (
            "<title type='xhtml'><xhtml:div xmlns:xhtml='http://www.w3.org/1999/xhtml'>A</xhtml:div>"
            "</title>",
            "A",
        ),
        ("<title>Bridge <i>reopens</i></title>", "Bridge reopens"),
        ("<title type='TEXT/HTML'>&lt;b&gt;A&lt;/b&gt;</title>", "A"),
        (
            "<media:title xmlns:media='http://search.yahoo.com/mrss/'>C</media:title><title>A</title>",
            "A",
        ),
    ],
)
def test_a_title_is_of_the_type_that_it_says(title: str, text: str) -> None:
    assert one(f"{title}<link href='{PAGE}'/>").title == text


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        ("<summary>the &lt;dialog> element</summary>", "the <dialog> element"),
        ("<summary type='html'>&lt;p>A &amp;amp; B&lt;/p></summary>", "A & B"),
        (f"<summary type='xhtml'><div {XHTML}><p>All of it.</p></div></summary>", "All of it."),
        ("<content type='html'>&lt;p>First.&lt;/p></content>", "First."),
        (f"<content type='xhtml'><div {XHTML}><p>First.</p></div></content>", "First."),
        ("<content type='image/png'>iVBORw0KGgo=</content>", ""),
    ],
)
def test_a_summary_is_of_the_type_that_it_says(summary: str, text: str) -> None:
    assert said(summary).standfirst == text


def test_content_is_the_body_and_a_summary_is_none() -> None:
    assert said("<summary>Short.</summary>").body == ""
    assert said("<content type='html'>&lt;p>All.&lt;/p></content>").body == "<p>All.</p>"
    assert said("<content>1 &lt; 2</content>").body == "1 &lt; 2"
    assert said(f"<content type='xhtml'><div {XHTML}>A<br/>B</div></content>").body == (
        "<div>A<br>B</div>"
    )


@pytest.mark.parametrize(
    "links",
    [
        f"<link href='{PAGE}'/>",
        f"<link rel='self' href='/self'/><link href='{PAGE}'/>",
        f"<link rel='enclosure' href='/x.mp3'/><link rel='ALTERNATE' href='{PAGE}'/>",
        f"<link type='application/json' href='/a.json'/><link type='text/html' href='{PAGE}'/>",
        f"<link type='application/pdf' href='/a.pdf'/><link href='{PAGE}'/>",
        f"<link href='/other'/><link type='text/html' href='{PAGE}'/>",
        f"<link rel='http://www.iana.org/assignments/relation/alternate' href='{PAGE}'/>",
        f"<link rel='replies' href='/r'/><link rel='edit' href='/e'/><link href='{PAGE}'/>",
        f"<link rel='self' href='/self'/><id>{PAGE}</id>",
        f"<content type='text/html' src='{PAGE}'/>",
        "<link xml:base='/a/' href='port'/>",
    ],
)
def test_the_link_is_the_page(links: str) -> None:
    assert one(f"<title>x</title>{links}").url == PAGE


def test_self_and_enclosure_are_never_the_story() -> None:
    links = "<link rel='self' href='/self'/><link rel='enclosure' href='/x.mp3'/><id>tag:x</id>"

    assert read(f"<entry><title>x</title>{links}</entry>").unusable == 1


def test_xml_base_is_its_own_elements() -> None:
    feed = read(
        """<entry xml:base="https://base.example/e/"><title>x</title><link href="one"/>
        <content type="html" xml:base="https://pictures.example/">
        &lt;img src="i.jpg"></content></entry>"""
    )

    assert feed.articles[0].url == "https://base.example/e/one"
    assert feed.articles[0].image_url == "https://pictures.example/i.jpg"


@pytest.mark.parametrize(
    ("authors", "byline"),
    [
        ("<author><name>Ada</name></author><author><name>Bo</name></author>", "Ada and Bo"),
        ("<author><email>ada@halyard.example</email></author>", "The desk"),
        ("<source><author><name>Cy</name></author></source>", "Cy"),
        ("<author>Ada</author>", "Ada"),
        ("", "The desk"),
    ],
)
def test_authors_are_the_entrys_the_sources_or_the_feeds(authors: str, byline: str) -> None:
    feed = read(
        f"<author><name>The desk</name></author><entry><title>x</title><link href='{PAGE}'/>"
        f"{authors}</entry>"
    )

    assert feed.articles[0].byline == byline


def test_atom_0_3_is_read() -> None:
    feed = read(
        f"""<entry><title mode="escaped" type="text/html">&lt;b>A&lt;/b> port</title>
        <link rel="alternate" type="text/html" href="{PAGE}"/><id>tag:7</id>
        <issued>2026-11-13T06:30:00Z</issued><modified>2026-11-13T07:30:00Z</modified>
        <author><name>Ada</name></author><summary type="text/plain">1 &lt; 2</summary>
        <content type="text/html" mode="base64">PHA+QWxsLjwvcD4=</content></entry>""",
        "version='0.3' xmlns='http://purl.org/atom/ns#'",
    )
    [article] = feed.articles

    assert feed.kind == "Atom 0.3"
    assert (article.title, article.url, article.guid) == ("A port", PAGE, "tag:7")
    assert (article.standfirst, article.body) == ("1 < 2", "<p>All.</p>")
    assert (article.byline, article.published_at and article.published_at.hour) == ("Ada", 6)


def test_an_entry_alone_is_a_feed() -> None:
    content = f"<entry xmlns='http://www.w3.org/2005/Atom'><title>x</title><id>{PAGE}</id></entry>"

    assert [a.url for a in read_feed(content.encode(), URL, NOW).articles] == [PAGE]


def test_a_prefix_for_all_of_it_is_no_hindrance() -> None:
    content = (
        "<a:feed xmlns:a='http://www.w3.org/2005/Atom'><a:title>H</a:title><a:entry>"
        f"<a:title>x</a:title><a:link href='{PAGE}'/></a:entry></a:feed>"
    )
    feed = read_feed(content.encode(), URL, NOW)

    assert (feed.kind, feed.title, feed.articles[0].title) == ("Atom 1.0", "H", "x")
