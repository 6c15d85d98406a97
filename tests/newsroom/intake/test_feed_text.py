"""What comes before a feed's first element: charset, document type, entities, junk."""

import pytest

from digest.newsroom.intake.feed_text import FeedError, feed_text
from digest.newsroom.intake.feeds import Feed, read_feed
from tests.factories import NOW

URL = "https://halyard.example/feed.xml"


def rss(title: str) -> str:
    return f"<rss><channel><item><title>{title}</title><link>/a</link></item></channel></rss>"


def read(content: str) -> Feed:
    return read_feed(content.encode(), URL, NOW)


def refusal(content: str) -> str:
    with pytest.raises(FeedError) as refused:
        feed_text(content.encode())
    return str(refused.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("The Halyard", "The Halyard"),
        ("&#169; 2026", "© 2026"),
        ("&copy; 2026", "© 2026"),
        ("&#38;#169; 2026", "© 2026"),
        ("R &#38; D", "R & D"),
        ("", ""),
    ],
)
def test_an_entity_that_is_text_is_read(value: str, text: str) -> None:
    doctype = f'<!DOCTYPE rss [<!-- names -->\n<!ENTITY own "{value}"> ]>'
    feed = read(doctype + rss("A &own; &amp; B"))

    assert feed.articles[0].title == " ".join(f"A {text} & B".split())
    assert "One entry has no date." in feed.oddities
    assert len(feed.oddities) == 1, "entities are no error"


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY a "x"><!ENTITY b "&a;&a;">',
        '<!ENTITY b "<b>x</b>">',
        '<!ENTITY b "&#60;b>x">',
        '<!ENTITY % b "x">',
    ],
)
def test_an_entity_that_is_more_is_refused(entities: str) -> None:
    assert "more than text" in refusal(f"<!DOCTYPE rss [{entities}]>{rss('&b;')}")


@pytest.mark.parametrize(
    "entity",
    [
        '<!ENTITY b SYSTEM "file:///etc/hostname">',
        '<!ENTITY b PUBLIC "x" "https://halyard.example/x.ent">',
        '<!ENTITY % b SYSTEM "https://halyard.example/x.dtd">',
    ],
)
def test_an_entity_from_elsewhere_is_refused(entity: str) -> None:
    assert "from elsewhere" in refusal(f"<!DOCTYPE rss [{entity}]>{rss('&b;')}")


def test_entities_do_not_make_a_feed_grow_without_end() -> None:
    entity = f'<!DOCTYPE rss [<!ENTITY a "{"ha" * 900}">]>'

    with pytest.raises(FeedError, match="not like any"):
        read(entity + rss("&a;" * 100_000))


@pytest.mark.parametrize(
    "before",
    [
        "<!-- <rss> is what follows --><?xml-stylesheet href='x.xsl'?>",
        "<?xml version='1.0'?><!-- <html> --> ",
        '<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://my.netscape.com/x.dtd">',
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://x.example/">\n',
        "\ufeff\n\n <?xml version='1.0'?>\n",
        "<br />\n<b>Warning</b>: a program said something <br />\n",
        "<!-- never closed ",
    ],
)
def test_what_stands_before_a_feed_is_passed_over(before: str) -> None:
    assert [a.title for a in read(before + rss("The port")).articles] == ["The port"]


@pytest.mark.parametrize(
    "content",
    ["<!--" * 250_000, "<!DOCTYPE [" * 100_000, "<?" * 500_000, "<!ENTITY " * 100_000, "<" * 10**6],
)
def test_a_prolog_does_not_take_for_ever(content: str) -> None:
    assert "not a feed" in refusal(content)
