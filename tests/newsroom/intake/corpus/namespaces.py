"""Elements of one name in several namespaces, and the old roots of RSS and Atom."""

from datetime import UTC, datetime

from tests.newsroom.intake.corpus.samples import (
    DATE,
    PAGE,
    UPDATED,
    Sample,
    Wanted,
    atom,
    entry,
    item,
    rss,
)

POINT = "Namespaces"
PHOTO = "https://halyard.example/i/port.jpg"
HEAD = "<title>The Halyard</title><link>https://halyard.example/</link>"
BODY = f"<title>The bridge</title><link>{PAGE}1</link>"
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'


def first(within: str) -> bytes:
    """Return a feed whose item has `within` before its title and link."""
    return rss(f"<item>{within}{BODY}{DATE}</item>")


SAMPLES = (
    Sample(
        "atom:link before link",
        POINT,
        first('<atom:link rel="self" href="https://halyard.example/self"/>'),
        (Wanted(),),
    ),
    Sample(
        "media:title before title",
        POINT,
        first("<media:title>A caption</media:title>"),
        (Wanted(),),
    ),
    Sample(
        "itunes:title before title", POINT, first("<itunes:title>S1</itunes:title>"), (Wanted(),)
    ),
    Sample(
        "media:description before description",
        POINT,
        first(
            "<media:description>A caption</media:description><description>In short.</description>"
        ),
        (Wanted(standfirst="In short."),),
    ),
    Sample(
        "itunes:author before dc:creator",
        POINT,
        first("<itunes:author>The show</itunes:author><dc:creator>Ada Lark</dc:creator>"),
        (Wanted(byline="Ada Lark"),),
    ),
    Sample(
        "names in a namespace that nobody knows",
        POINT,
        first(
            '<x:title xmlns:x="https://example.com/x">No</x:title>'
            '<x:link xmlns:x="https://example.com/x">https://example.com/</x:link>'
            '<x:pubDate xmlns:x="https://example.com/x">Tue, 03 Nov 2026 09:00:00 GMT</x:pubDate>'
        ),
        (Wanted(),),
    ),
    Sample(
        "the source's title is not the item's",
        POINT,
        first('<source url="https://example.com/feed">The wire</source>'),
        (Wanted(),),
    ),
    Sample(
        "an Atom entry's source before its title",
        POINT,
        atom(
            f"<entry><source><title>The wire</title><id>tag:example.com,2026:w</id>"
            f'<link href="https://example.com/"/><updated>2026-10-01T09:00:00Z</updated></source>'
            f'<title>The bridge</title><id>tag:a,2026:1</id><link href="{PAGE}1"/>{UPDATED}</entry>'
        ),
        (Wanted(),),
    ),
    Sample(
        "the caption of a media group",
        POINT,
        first(
            f'<media:group><media:title>A caption</media:title><media:content url="{PHOTO}"'
            ' type="image/jpeg"/></media:group>'
        ),
        (Wanted(picture=PHOTO, alt="A caption"),),
    ),
    Sample(
        "RSS 0.9 (Netscape)",
        POINT,
        f'<rdf:RDF {RDF} xmlns="http://my.netscape.com/rdf/simple/0.9/"><channel>{HEAD}</channel>'
        f"<item>{BODY}</item></rdf:RDF>".encode(),
        (Wanted(published=None),),
    ),
    Sample(
        "RSS 0.91",
        POINT,
        f'<rss version="0.91"><channel>{HEAD}<item>{BODY}<description>In short.'
        "</description></item></channel></rss>".encode(),
        (Wanted(published=None, standfirst="In short."),),
    ),
    Sample(
        "RSS 0.92",
        POINT,
        f'<rss version="0.92"><channel>{HEAD}<item>{BODY}<category>Port</category>'
        f'<enclosure url="{PHOTO}" length="9" type="image/jpeg"/></item></channel></rss>'.encode(),
        (Wanted(published=None, section="Port", picture=PHOTO),),
    ),
    Sample(
        "RSS 1.0 with its modules",
        POINT,
        f'<rdf:RDF {RDF} xmlns="http://purl.org/rss/1.0/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:content="http://purl.org/rss/1.0/modules/content/">'
        f'<channel rdf:about="https://halyard.example/">{HEAD}<items><rdf:Seq>'
        f'<rdf:li rdf:resource="{PAGE}1"/></rdf:Seq></items></channel>'
        f'<item rdf:about="{PAGE}1">{BODY}<dc:date>2026-11-02T10:00:00+01:00</dc:date>'
        "<dc:creator>Ada Lark</dc:creator><dc:subject>Port</dc:subject>"
        f'<content:encoded><![CDATA[<p>The port is open.</p><img src="{PHOTO}" alt="The port">]]>'
        "</content:encoded></item></rdf:RDF>".encode(),
        (
            Wanted(
                byline="Ada Lark",
                section="Port",
                picture=PHOTO,
                alt="The port",
                standfirst="The port is open.",
                minutes=True,
            ),
        ),
    ),
    Sample(
        "RSS 2.0 in a namespace of its own",
        POINT,
        rss(
            item(f'<media:thumbnail url="{PHOTO}"/><enclosure url="{PHOTO}" type="image/jpeg"/>')
        ).replace(b'version="2.0"', b'version="2.0" xmlns="http://backend.userland.com/rss2"'),
        (Wanted(picture=PHOTO),),
    ),
    Sample(
        "Atom 0.3",
        POINT,
        b'<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>The Halyard</title>'
        b'<entry><title type="text/html" mode="escaped">The &lt;i&gt;bridge&lt;/i&gt;</title>'
        b'<link rel="alternate" type="text/html" href="https://halyard.example/a/1"/>'
        b"<id>tag:halyard.example,2026:1</id><issued>2026-11-02T09:00:00Z</issued>"
        b"<modified>2026-11-03T09:00:00Z</modified><author><name>Ada Lark</name></author>"
        b"<summary>In short.</summary></entry></feed>",
        (Wanted(byline="Ada Lark", standfirst="In short."),),
    ),
    Sample(
        "Atom with a prefix",
        POINT,
        atom(entry("<summary>In short.</summary>"))
        .replace(b"<", b"<a:")
        .replace(b"<a:/", b"</a:")
        .replace(b'xmlns="', b'xmlns:a="'),
        (Wanted(standfirst="In short."),),
    ),
    Sample(
        "dc:date without pubDate",
        POINT,
        rss(item(date="<dc:date>2026-11-02T11:00:00+02:00</dc:date>")),
        (Wanted(published=datetime(2026, 11, 2, 9, 0, tzinfo=UTC)),),
    ),
)
