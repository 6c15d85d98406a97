"""What is read although it looks odd, and what is refused."""

from tests.newsroom.intake.corpus.samples import NAMESPACES, Sample, Wanted, item, rss

POINT = "Refused without reason"
FEED = rss(item())


def prolog(name: str, before: str, *wanted: Wanted, feed: bytes = FEED) -> Sample:
    """Return a feed with this before its root; refused where nothing is wanted."""
    return Sample(name, POINT, before.encode() + feed, wanted, refused=not wanted)


ENTITY = '<!DOCTYPE rss [<!ENTITY paper "The Halyard"><!ENTITY oe "ö">]>'
DOCTYPE = '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "rss-0.91.dtd">'

SAMPLES = (
    prolog(
        "entities that are plain text",
        ENTITY,
        Wanted("The Halyard öffnet"),
        feed=rss(item(title="&paper; &oe;ffnet")),
    ),
    prolog(
        "entities within entities",
        '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>',
        feed=rss(item(title="&b;")),
    ),
    prolog(
        "entities from elsewhere",
        '<!DOCTYPE rss [<!ENTITY a SYSTEM "https://example.com/a">]>',
        feed=rss(item(title="&a;")),
    ),
    prolog("a DOCTYPE without entities", DOCTYPE, Wanted()),
    prolog("an rss in a comment", '<!-- not <rss version="0.9"> any more -->', Wanted()),
    prolog(
        "a comment that speaks of HTML", "<!-- this is not an <html> page but a feed -->", Wanted()
    ),
    prolog("a style sheet", '<?xml-stylesheet href="/feed.xsl" type="text/xsl"?>', Wanted()),
    prolog("blanks before the declaration", '\n\n<?xml version="1.0"?>', Wanted()),
    prolog("a web page", "<!doctype html><html><body>", feed=b"<p>rss</p></body></html>"),
    prolog("another kind of XML", '<?xml version="1.0"?>', feed=b"<urlset><url/></urlset>"),
    prolog("nothing", "", feed=b""),
    prolog("the name of a file", "", feed=b"/etc/hostname"),
    Sample(
        "upper-case RSS",
        POINT,
        f'<RSS VERSION="2.0"{NAMESPACES}><CHANNEL><TITLE>The Halyard</TITLE><ITEM>'
        "<TITLE>The bridge</TITLE><LINK>https://halyard.example/a/1</LINK>"
        "<PUBDATE>Mon, 02 Nov 2026 09:00:00 GMT</PUBDATE>"
        "<DESCRIPTION>Open.</DESCRIPTION></ITEM></CHANNEL></RSS>".encode(),
        (Wanted(standfirst="Open."),),
    ),
    Sample("a feed without items", POINT, rss(), ()),
)
