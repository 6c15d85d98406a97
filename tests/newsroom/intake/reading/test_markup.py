import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.reading.markup import (
    html_from_unknown,
    pieces,
    plain,
    plain_from_unknown,
    safe_html,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()))
ANY_MARKUP = st.lists(
    st.sampled_from(
        "<p> </p> <b> </b> <a href='x'> <a href=\"https://halyard.example/?a=1&amp;b=2\"> </a> <div"
        " <br/> <script> </script> <!-- --> <![CDATA[ ]]> <svg> &amp; &#38; & < > \" ' = port <li>"
        " <ul> </ul> <blockquote> </blockquote> <style </style> İ &#99999999999; <q> \x00".split(
            " "
        )
    )
).map("".join)


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("Bridge <i>reopens</i> today", "Bridge reopens today"),
        ("Un<b>believ</b>able.", "Unbelievable."),
        ("<p>One.</p><p>Two.</p>", "One. Two."),
        ("One<br/>two<BR>three", "One two three"),
        ("<style>p { color: red }</style>The port", "The port"),
        ("<STYLE type='text/css'>p > b {}</STYLE >The port", "The port"),
        ("<script>if (a</b) {}</script>The port", "The port"),
        ("The port<!-- <b>not this</b> --> grows", "The port grows"),
        ("The port<!-- cut off", "The port"),
        ("<![CDATA[The port]]>", "The port"),
        ('<img alt="a > b" src="x.jpg">The port', "The port"),
        ("the &lt;dialog&gt; element", "the <dialog> element"),
        ("AT&amp;amp;T", "AT&amp;T"),
        ("R&D at AT&T", "R&D at AT&T"),
        ("a < b and b <3", "a < b and b <3"),
        ("1 <2 <b>and</b> 3", "1 <2 and 3"),
        ("<iframe src=x>no frames</iframe>The port", "The port"),
        ("<iframe src=x />The port", "The port"),
        ("The <svg><title>icon</title></svg>port", "The port"),
        ("The <video>Your browser is old</video>port", "The port"),
        ("She said <q>ahoy</q>", "She said “ahoy”"),
        ('Ahoy <img class="wp-smiley" alt="⛵" src="x.png">', "Ahoy ⛵"),
        ("<o:p></o:p>The port<?xml:namespace prefix = o />", "The port"),
        ('<img alt="порт">The port', "The port"),
        ("a&nbsp;b&shy;c", "a b\xadc"),
        ("<ul><li>One</li><li>Two</li></ul>", "One Two"),
        ("<table><tr><td>1</td><td>2</td></tr></table>", "1 2"),
    ],
)
def test_html_is_what_a_reader_sees(markup: str, shown: str) -> None:
    assert plain(markup, 200) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bridge <i>reopens</i> today", "Bridge reopens today"),
        ("the <dialog> element", "the <dialog> element"),
        ("the <b> element and its friends", "the <b> element and its friends"),
        ("Vector<int> and List<a>", "Vector<int> and List<a>"),
        ("List<?> or Map<?, ?>", "List<?> or Map<?, ?>"),
        ("Vector&lt;int&gt;", "Vector<int>"),
        ("a < b", "a < b"),
        ("if x <y then <b>z</b>", "if x <y then z"),
        ("R&D at AT&T", "R&D at AT&T"),
        ("Salt &amp; pepper", "Salt & pepper"),
        ("Salt &amp;amp; pepper", "Salt &amp; pepper"),
        ("?a=1&copy=2&amp=3", "?a=1&copy=2&amp=3"),
        ("caf&eacute; &#8211; &#x2013;", "café – –"),
        ("One<br>two<br />three", "One two three"),
        ("How to write <!-- in HTML", "How to write <!-- in HTML"),
        ("the <p> element", "the <p> element"),
        ("<p> is a paragraph", "<p> is a paragraph"),
        ("<p>The port", "The port"),
        ("<p>Use <dialog>one</dialog></p>", "Use one"),
        ('See <a href="https://halyard.example/">the port', "See the port"),
        ("<p>The <b>port that was cut", "The port that was cut"),
        ("The <script> element", "The <script> element"),
        ("<script>alert(1)</script>The port", "The port"),
        ("The <SPAN>port</SPAN>", "The port"),
        ("x</b>y", "x</b>y"),
        ("<3 the port", "<3 the port"),
        ("&bogus; &; &#; &#x;", "&bogus; &; &#; &#x;"),
    ],
)
def test_of_text_that_may_be_html_only_real_tags_go(text: str, shown: str) -> None:
    assert plain_from_unknown(text, 200) == shown


def test_a_blank_line_parts_the_paragraphs_of_plain_text() -> None:
    assert html_from_unknown("R&D\n \nPorts\nships") == "R&amp;D<br><br>Ports\nships"


def test_text_that_is_too_long_ends_after_a_whole_word() -> None:
    assert plain("<p>The port that <b>decided</b> to stop growing</p>", 20) == "The port that…"
    assert plain("The port that decided", 14) == "The port that…"


def test_white_space_between_tags_takes_nothing_from_the_text() -> None:
    empty = " <p>\n\t  </p>" * 5000

    assert plain(f"<div>{empty}</div><p>The port</p>", 20) == "The port"


@pytest.mark.parametrize(
    ("markup", "safe"),
    [
        ("<p>One<p>Two", "<p>One</p><p>Two</p>"),
        ("<p>One<blockquote><p>Two</blockquote>", "<p>One</p><blockquote><p>Two</p></blockquote>"),
        ("<ul><li>One<li>Two<ul><li>Three</ul></ul>",) * 2,
        ("<b>One<p>Two</b> three", "<b>One</b><p><b>Two</b> three</p>"),
        ("1 < 2 & 3", "1 &lt; 2 &amp; 3"),
        ("the &lt;dialog&gt; element", "the &lt;dialog&gt; element"),
        ("<h4>Ships</h4>The port", "Ships\nThe port"),
        ("<a href='/a?b=1&amp;copy=2'>x</a>", ""),
        ("<noscript><p>Switch it on</p></noscript><p>The port</p>", "<p>The port</p>"),
    ],
)
def test_safe_html_is_well_formed(markup: str, safe: str) -> None:
    cleaned = safe_html(markup)

    assert safe_html(cleaned) == cleaned
    if safe and safe != markup:
        assert cleaned == safe or plain(cleaned, 100) == plain(safe, 100)


def test_a_link_keeps_its_address_as_it_was_written() -> None:
    cleaned = safe_html('<a href="https://halyard.example/?a=1&copy=2&amp;b=3">x</a>')

    assert 'href="https://halyard.example/?a=1&amp;copy=2&amp;b=3"' in cleaned


@pytest.mark.parametrize(
    "hostile",
    [
        *(tag * (190_000 // len(tag)) for tag in ("<div>", "<b>", "<blockquote>", "<p><li><ul>")),
        *(
            tag * (190_000 // len(tag))
            for tag in ("<", "&", "<!--", "</p>", "<svg>", "<a '", '<a "')
        ),
        "<a '=\"<a \"='" * 15_000,
        "<p " + "a=b " * 45_000 + ">",
        "<" + "a" * 190_000,
        "&" + "a" * 190_000,
        "&#" + "9" * 190_000 + ";",
        "a" + "\u0323\u0300" * 90_000,
        " " * 190_000 + "x",
    ],
    ids=range(18),
)
def test_hostile_markup_is_read_to_its_end(hostile: str) -> None:
    assert len(plain(hostile, 1000)) <= 1000
    assert len(plain_from_unknown(hostile, 1000)) <= 1000
    safe_html(hostile)


@given(ANY_TEXT | ANY_MARKUP, st.integers(10, 60))
def test_whatever_is_given_becomes_one_bounded_line(text: str, at_most: int) -> None:
    for shown in (plain(text, at_most), plain_from_unknown(text, at_most)):
        assert len(shown) <= at_most
        shown.encode()
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", shown)


@given(ANY_TEXT)
def test_text_without_markup_stays_as_it_is(text: str) -> None:
    text = text.replace("&", "+").replace("<", "(").replace("\n", " ")

    assert html_from_unknown(text) == text


@given(ANY_MARKUP)
def test_safe_html_is_safe_and_stays_as_it_is(markup: str) -> None:
    cleaned = safe_html(markup)

    assert not re.search(r"<(?!/?(p|br|a|b|ul|li|blockquote)\b)", cleaned)
    assert plain(safe_html(cleaned), 500) == plain(cleaned, 500)


@given(ANY_MARKUP)
def test_pieces_leave_out_no_text(markup: str) -> None:
    text = "".join(piece.text for piece in pieces(markup, frozenset()))

    assert text.count("port") + markup.count("<!--") * 99 >= markup.count("port")
