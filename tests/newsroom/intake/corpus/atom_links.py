"""Which of an entry's links is its page, and what addresses are relative to."""

from tests.newsroom.intake.corpus.samples import (
    DATE,
    PAGE,
    Sample,
    Wanted,
    atom,
    entry,
    item,
    json_feed,
    json_item,
    rss,
)

POINT = "Links"
PHOTO = "https://halyard.example/i/port.jpg"
SELF = '<link rel="self" href="https://halyard.example/self/1" type="application/atom+xml"/>'
ENCLOSED = '<link rel="enclosure" href="https://halyard.example/1.mp3" type="audio/mpeg"/>'


def linked(name: str, *links: str, wanted: str = f"{PAGE}1") -> Sample:
    """Return an Atom feed whose entry has these links."""
    return Sample(name, POINT, atom(entry(link="".join(links))), (Wanted(link=wanted),))


SAMPLES = (
    linked("no rel means alternate", SELF, f'<link href="{PAGE}1"/>', ENCLOSED),
    linked(
        "self and enclosure before alternate",
        SELF,
        ENCLOSED,
        f'<link rel="alternate" href="{PAGE}1"/>',
    ),
    linked(
        "text/html before other alternates",
        f'<link rel="alternate" type="application/json" href="{PAGE}1.json"/>',
        f'<link rel="alternate" type="text/html" href="{PAGE}1"/>',
    ),
    linked(
        "an alternate without a type before a PDF",
        f'<link rel="alternate" type="application/pdf" href="{PAGE}1.pdf"/>',
        f'<link rel="alternate" href="{PAGE}1"/>',
    ),
    linked(
        "replies and edit are not the page",
        '<link rel="replies" type="text/html" href="https://halyard.example/a/1/comments"/>',
        '<link rel="edit" href="https://halyard.example/edit/1"/>',
        f'<link rel="alternate" type="text/html" href="{PAGE}1"/>',
    ),
    linked(
        "the relation as an IRI",
        SELF,
        f'<link rel="http://www.iana.org/assignments/relation/alternate" href="{PAGE}1"/>',
    ),
    linked("a type with a parameter", f'<link type="text/html; charset=utf-8" href="{PAGE}1"/>'),
    Sample(
        "an entry without a page stays out",
        POINT,
        atom(entry(link=SELF + ENCLOSED), entry(number=2)),
        (Wanted(link=f"{PAGE}2"),),
        others=1,
    ),
    Sample(
        "xml:base on the feed",
        POINT,
        atom(entry(link='<link href="a/1"/>'), root=' xml:base="https://halyard.example/"'),
        (Wanted(),),
        url="https://cdn.example.com/feed",
    ),
    Sample(
        "xml:base is its own entry's",
        POINT,
        atom(
            entry(link='<link href="1"/>').replace("<entry>", f'<entry xml:base="{PAGE}">'),
            entry(link='<link href="/a/2"/>'),
        ),
        (Wanted(), Wanted(link=f"{PAGE}2")),
    ),
    Sample(
        "xml:base is its own link's",
        POINT,
        atom(
            entry(
                link='<link rel="self" xml:base="https://example.com/" href="x"/>'
                '<link href="/a/1"/>'
            )
        ),
        (Wanted(),),
    ),
    Sample(
        "xml:base relative to the one around it",
        POINT,
        atom(
            entry(link='<link href="1"/>').replace("<entry>", '<entry xml:base="a/">'),
            root=' xml:base="https://halyard.example/"',
        ),
        (Wanted(),),
    ),
    Sample(
        "xml:base on content",
        POINT,
        atom(
            entry(
                '<content type="html" xml:base="https://halyard.example/i/">'
                '&lt;p&gt;Open.&lt;/p&gt;&lt;img src="port.jpg" alt="The port"&gt;</content>'
            )
        ),
        (Wanted(standfirst="Open.", picture=PHOTO, alt="The port"),),
    ),
    Sample(
        "addresses relative to the feed",
        POINT,
        rss(f"<item><title>The bridge</title><link>a/1</link>{DATE}</item>"),
        (Wanted(),),
    ),
    Sample(
        "a permalink stands in for a missing link",
        POINT,
        rss(f"<item><title>The bridge</title><guid>{PAGE}1</guid>{DATE}</item>"),
        (Wanted(),),
    ),
    Sample(
        "an id that is none does not",
        POINT,
        rss(
            f'<item><title>No</title><guid isPermaLink="false">{PAGE}9</guid>{DATE}</item>', item()
        ),
        (Wanted(),),
        others=1,
    ),
    Sample(
        "a link in CDATA and blanks",
        POINT,
        rss(f"<item><title>The bridge</title><link>\n <![CDATA[{PAGE}1]]>\n</link>{DATE}</item>"),
        (Wanted(),),
    ),
    Sample(
        "JSON Feed's id that is the address",
        POINT,
        json_feed(json_item(id=f"{PAGE}1", url=None)),
        (Wanted(),),
    ),
    Sample(
        "JSON Feed's external_url where there is no url",
        POINT,
        json_feed(json_item(id="7", url=None, external_url=f"{PAGE}1")),
        (Wanted(),),
    ),
    Sample(
        "JSON Feed's url before external_url",
        POINT,
        json_feed(json_item(external_url="https://example.com/elsewhere")),
        (Wanted(),),
    ),
)
