"""XML that is none: what was written is read, whatever is wrong beside it."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.feeds import read_feed
from digest.newsroom.intake.reading.elements import read_tree
from digest.newsroom.intake.reading.xml_repair import well_formed
from tests.factories import NOW

URL = "https://halyard.example/feed.xml"
GOOD = (
    "<item><title>Salt &amp; pepper</title>"
    "<link>https://halyard.example/?id=7&amp;page=2</link></item>"
)


def titles(content: str) -> list[str]:
    return [article.title for article in read_feed(content.encode(), URL, NOW).articles]


def rss(inside: str, attributes: str = "") -> str:
    return f"<rss version='2.0' {attributes}><channel>{inside}{GOOD}</channel></rss>"


LINK = "<link>https://halyard.example/a</link>"


@pytest.mark.parametrize(
    ("item", "title"),
    [
        ("<title>Fish & chips</title>", "Fish & chips"),
        ("<title>R&D at AT&T</title>", "R&D at AT&T"),
        ("<title>R&D; at AT&T;</title>", "R&D; at AT&T;"),
        ("<title>A &nosuch; word &</title>", "A &nosuch; word &"),
        ("<title>Caf&eacute; &LT; 7&nbsp;&euro; &#150; &hellip;</title>", "Café < 7 € – …"),
        ("<title>The &#x1; port&#0;</title>", "The port"),
        ("<title>I <3 you, a < b <= c</title>", "I <3 you, a < b <= c"),
        ("<title>if a <b and c> d</title>", "if a <b and c> d"),
        ("<title>Vector<int> in C++</title>", "Vector<int> in C++"),
        ("<title>the <dialog> element</title>", "the <dialog> element"),
        ("<title>the </dialog> tag</title>", "the </dialog> tag"),
        ("<title>A <b>bold <i>new</b> port</i></title>", "A bold new port"),
        ("<title>One<br>two</title>", "One two"),
        ("<title>A ]]> B</title>", "A ]]> B"),
        ("<title>A <!-- b -- c --> D</title>", "A D"),
        ("<title>A <!-- never closed</title>", "A <!-- never closed"),
        ("<title><![CDATA[A & B]] </title>", "A & B]]"),
        ("<title><![cdata[A & B]]></title>", "A & B"),
        ("<title a='1'b='2'>The port</title >", "The port"),
        ("<description><a href=/x?a=1&b=2>x</a></description><title>The port</title>", "The port"),
        ("<title>The port</titel>", "The port"),
        ("<title>The port", "The port"),
        ("<Title>The port</TITLE>", "The port"),
        ("<title lang=en>The port</title>", "The port"),
        ("<title lang='en>The port</title>", "The port"),
        ("<title a='1' a='2'>The port</title>", "The port"),
        ("<title a='x < y & z'>The port</title>", "The port"),
        ("<title media:x='1' dc:x='2'>The port</title>", "The port"),
        ("<title xmlns:a='' xmlns:xml='x'>The port</title>", "The port"),
        ("<foo:bar>no such prefix</foo:bar><title>The port</title>", "The port"),
        ("<enclosure url=/a.mp3 type=audio/mpeg><title>The port</title>", "The port"),
        ("<description>a<p>b<p>c</description><title>The port</title>", "The port"),
        (
            "<description><img src='/a.jpg' alt='x'></description><title>The port</title>",
            "The port",
        ),
        ("<description>never closed <title>The port</title>", "never closed The port"),
        ("<?php echo 1; <title>The port</title>", "The port"),
        ("<title>The <?xml version='1.0'?>port</title>", "The port"),
    ],
)
def test_one_error_harms_nothing_beside_it(item: str, title: str) -> None:
    expected = ["Salt & pepper"]
    if not item.startswith("<description>never"):
        expected.insert(0, title)
    for broken in (f"{item}{LINK}", f"{LINK}{item}"):
        content = rss(f"<item>{broken}</item>")

        assert titles(content) == expected
        last = read_feed(content.encode(), URL, NOW).articles[-1]
        assert last.url == "https://halyard.example/?id=7&page=2"


def test_a_feed_that_was_mended_says_so() -> None:
    feed = read_feed(rss("<title>Fish & chips</title>").encode(), URL, NOW)

    assert feed.title == "Fish & chips"
    assert "The feed's XML has errors, which we mend. The first:" in feed.oddities[0]
    assert "<title>Fish & chips</ti" in feed.oddities[0]
    assert read_feed(rss("<title>Fish</title>").encode(), URL, NOW).oddities == (
        "One entry has no date.",
    )


def test_nobodys_address_is_told() -> None:
    item = "<item><title>x</title><author>ada@halyard.example & co</author><link>/x</link></item>"
    feed = read_feed(rss(item).encode(), URL, NOW)

    assert "at “" in feed.oddities[0]
    assert "ada" not in feed.oddities[0]


def test_a_bare_ampersand_in_a_link_is_the_links() -> None:
    item = "<item><title>x</title><link>https://halyard.example/?a=1&copy=2&amp;lt=3</link></item>"
    [first, _] = read_feed(rss(item).encode(), URL, NOW).articles

    assert first.url == "https://halyard.example/?a=1&copy=2&lt=3"


def test_an_item_that_does_not_end_ends_with_the_next() -> None:
    items = "".join(f"<item><title>{n}</title><link>/{n}</link>" for n in range(3))

    assert titles(rss(items)) == ["0", "1", "2", "Salt & pepper"]


def test_items_behind_the_end_are_read() -> None:
    early = f"<rss><channel><title>H & K</title></channel></rss>{GOOD}"

    assert titles(early) == ["Salt & pepper"]


def test_what_follows_the_feed_is_nothing_to_it() -> None:
    for junk in ("Warning: x & y", "<br />", "<script>x</script>", "\x00", "<rss>", "</rss>"):
        assert titles(rss("") + junk) == ["Salt & pepper"]


def test_undeclared_prefixes_are_what_they_usually_are() -> None:
    item = f"<item><dc:title>x</dc:title>{LINK}<dc:creator>Ada</dc:creator></item>"
    [first, _] = read_feed(rss(item).encode(), URL, NOW).articles

    assert (first.title, first.byline) == ("x", "Ada")


def test_own_entities_cannot_grow_without_bound() -> None:
    with pytest.raises(ValueError, match="too long"):
        well_formed("<rss>" + "&a;" * 100_000 + "</rss>", {"a": "x" * 100})


PIECES = st.sampled_from(
    [
        *("<title>", "</title>", "<item>", "</item>", "<link>", "</link>", "<description>", "<b>"),
        *("</b>", "<br>", "<p x=y>", "<a href='", '">', "<![CDATA[", "]]>", "<!--", "-->", "--"),
        *("<", ">", "&", "&amp;", "&lt;", "&x;", "&#1;", "&#xD800;", "&#65;", "=", "'", '"', "/>"),
        *("<c:d e:f='g'>", "</c:d>", "xmlns:c=''", " xmlns='u'", "<?", "?>", "<!DOCTYPE", "</"),
        *("<atom:link href=x>", "<xmlns:a>", "<a:b:c>", "<é>", "İ", "\u2028", "x", " ", "\n"),
        *("</rss>", "<rss>", "</channel>", "<entry ", "<a xmlns:q='u' xmlns:r='u' q:a='' r:a=''>"),
    ]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join))
def test_whatever_comes_is_well_formed_in_the_end(text: str) -> None:
    clean = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", text)

    read_tree(well_formed(f"<rss><channel>{clean}").text, URL)


@given(st.lists(PIECES | st.sampled_from("\r\n") | st.text(max_size=5), max_size=40).map("".join))
def test_whatever_comes_is_read(text: str) -> None:
    read_feed(rss(f"<item>{text}</item>").encode("utf-8", "replace"), URL, NOW)


WORDS = st.text(st.sampled_from("abcé&<>;#'\" =/!-]["), max_size=30)


@given(WORDS)
def test_no_character_of_a_title_vanishes(text: str) -> None:
    # Real tags, comments and references apart, of which these letters make few.
    if re.search(r"</?[a-z]|<!|<\?|&#?\w+;|\]\]>", text):
        return
    tree = read_tree(well_formed(f"<rss><item><title>{text}</title></item></rss>").text, URL)
    title = tree.entries[0].first("title")

    assert title is not None
    assert Counter(title.text) == Counter(text.strip())


@given(
    st.lists(st.sampled_from(["<b>", "</i>", "<x:y>", "<p>", "& ", "<br>", "&nbsp;"]), max_size=9)
)
def test_what_is_good_is_read_whatever_is_wrong_before_it(broken: list[str]) -> None:
    item = f"<item><title>{''.join(broken)}</title>{LINK}</item>"
    *_, last = read_feed(rss(item).encode(), URL, NOW).articles

    assert (last.title, last.url) == ("Salt & pepper", "https://halyard.example/?id=7&page=2")
