"""Ill-formed XML: one error must not change what stands anywhere else, and loses nothing itself."""

from tests.newsroom.intake.corpus.samples import DATE, NAMESPACES, PAGE, Sample, Wanted, item, rss

POINT = "Ill-formed XML"
GOOD = (
    f"<item><title>Salt &amp; pepper</title><link>{PAGE}2?id=7&amp;page=2</link>{DATE}"
    "<description>Bread &amp; 5 &lt; 6</description></item>"
)
GOOD_WANTED = Wanted("Salt & pepper", f"{PAGE}2?id=7&page=2", standfirst="Bread & 5 < 6")


def sample(name: str, first: str, wanted: Wanted, *, head: str = "") -> Sample:
    """Return a feed in which something is wrong, and after it an item in which nothing is."""
    return Sample(name, POINT, rss(first, GOOD, head=head), (wanted, GOOD_WANTED))


def described(text: str) -> str:
    return item(f"<description>{text}</description>")


HEAD = rss(item(), GOOD)

SAMPLES = (
    Sample(
        "a bare & in the feed's title",
        POINT,
        HEAD.replace(b"The Halyard", b"Fish & chips", 1),
        (Wanted(), GOOD_WANTED),
    ),
    Sample(
        "a bare & in a copyright line",
        POINT,
        rss(item(), GOOD, head="<copyright>Smith & Sons</copyright>"),
        (Wanted(), GOOD_WANTED),
    ),
    sample("bare & without blanks", item(title="R&D at AT&T"), Wanted("R&D at AT&T")),
    sample("bare & before a blank", item(title="Fish & chips"), Wanted("Fish & chips")),
    sample("an entity nobody knows", item(title="Fish &cod; chips"), Wanted("Fish &cod; chips")),
    sample("an entity without its semicolon", item(title="Q&A; B&B"), Wanted("Q&A; B&B")),
    sample("HTML's entities", item(title="Caf&eacute;&nbsp;&ndash; open"), Wanted("Café – open")),
    sample(
        "a bare & in a link",
        f"<item><title>The bridge</title><link>{PAGE}1?a=1&b=2&copy=3</link>{DATE}</item>",
        Wanted(link=f"{PAGE}1?a=1&b=2&copy=3"),
    ),
    sample(
        "a bare & in an attribute",
        item('<enclosure url="https://halyard.example/i.jpg?w=9&h=8" type="image/jpeg"/>'),
        Wanted(picture="https://halyard.example/i.jpg?w=9&h=8"),
    ),
    sample(
        "an attribute without quotes",
        item("<guid isPermaLink=false>bridge-1</guid>"),
        Wanted(),
    ),
    sample("an attribute without a value", item("<guid permalink>bridge-1</guid>"), Wanted()),
    sample("an attribute twice", item('<guid a="1" a="2">bridge-1</guid>'), Wanted()),
    sample("a br that nobody closes", described("One<br>two"), Wanted(standfirst="One two")),
    sample(
        "tags that cross",
        described("One <b>two <i>three</b> four</i>"),
        Wanted(standfirst="One two three four"),
    ),
    sample("a bare < before a blank", item(title="5 < 6 metres"), Wanted("5 < 6 metres")),
    sample("a control character", item(title="The \x0bbridge"), Wanted("The bridge")),
    sample("a NUL by number", item(title="The &#0;bridge"), Wanted(title="The bridge")),
    sample("two dashes in a comment", item("<!-- a -- b -->"), Wanted()),
    Sample(
        "a prefix that nobody declared",
        POINT,
        rss(item('<media:thumbnail url="https://halyard.example/i.jpg"/>'), GOOD, namespaces=""),
        (Wanted(picture=frozenset({"https://halyard.example/i.jpg", None})), GOOD_WANTED),
    ),
    Sample(
        "the end is missing",
        POINT,
        rss(GOOD, item()).removesuffix(b"</item></channel></rss>"),
        (GOOD_WANTED, Wanted()),
    ),
    Sample(
        "words after the end",
        POINT,
        rss(item(), GOOD) + b"\n<!-- made in 0.2 s --> done",
        (Wanted(), GOOD_WANTED),
    ),
    Sample(
        "a bare & in Atom",
        POINT,
        b'<feed xmlns="http://www.w3.org/2005/Atom"><title>Fish & chips</title>'
        b"<entry><title>Salt &amp; pepper</title><id>tag:halyard.example,2026:1</id>"
        b'<link href="https://halyard.example/a/1?id=7&amp;page=2"/>'
        b"<updated>2026-11-02T09:00:00Z</updated>"
        b'<summary type="html">Bread &amp;amp; 5 &amp;lt; 6</summary></entry></feed>',
        (Wanted("Salt & pepper", f"{PAGE}1?id=7&page=2", standfirst="Bread & 5 < 6"),),
    ),
    Sample(
        "a bare & beside CDATA",
        POINT,
        f'<rss version="2.0"{NAMESPACES}><channel><title>Fish & chips</title>'.encode()
        + item(
            "<description><![CDATA[<p>Bread &amp; <b>butter</b></p>]]></description>",
            title="<![CDATA[R&D at AT&T]]>",
        ).encode()
        + b"</channel></rss>",
        (Wanted("R&D at AT&T", standfirst="Bread & butter"),),
    ),
)
