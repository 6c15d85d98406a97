"""Which picture is the entry's, and what it shows."""

from tests.newsroom.intake.corpus.samples import (
    Sample,
    Wanted,
    atom,
    entry,
    item,
    json_feed,
    json_item,
    rss,
)

POINT, ALT = "Pictures", "Alt text"
SITE = "https://halyard.example"
PHOTO = f"{SITE}/i/port.jpg"
IMG = f'<img src="{PHOTO}" alt="The port" width="1200" height="800">'
FOUND = Wanted(picture=PHOTO, alt="The port")
SILENT = Wanted(picture=PHOTO)


def body(name: str, html: str, wanted: Wanted = FOUND, point: str = POINT) -> Sample:
    """Return an RSS feed whose item has this content."""
    within = f"<content:encoded><![CDATA[{html}]]></content:encoded>"
    return Sample(name, point, rss(item(within)), (wanted,))


def given(name: str, within: str, wanted: Wanted = SILENT, point: str = POINT) -> Sample:
    """Return an RSS feed whose item has these elements."""
    return Sample(name, point, rss(item(within)), (wanted,))


SAMPLES = (
    body(
        "an avatar before the photo",
        f'<img class="avatar avatar-48" src="{SITE}/i/ada.jpg" alt="" width="48" height="48">{IMG}',
    ),
    body(
        "an emoji before the photo",
        '<img class="wp-smiley" style="height: 1em" alt="🙂" '
        f'src="https://s.example.com/images/core/emoji/15/72x72/1f642.png">{IMG}',
        # The emoji is text, whether a reader keeps it or not.
        Wanted(picture=PHOTO, alt="The port", standfirst=frozenset({"", "🙂"})),
    ),
    body(
        "a share button before the photo",
        f'<a href="https://social.example.com/share?u=x"><img src="{SITE}/share/f.png" '
        f'alt="Share" width="32" height="32"></a>{IMG}',
    ),
    body("a pixel with a height only", f'<img src="{SITE}/p.gif" height="1">{IMG}'),
    body("a pixel with a width only", f'<img src="{SITE}/p.gif" width="1">{IMG}'),
    body("a pixel sized by style", f'<img src="{SITE}/p.gif" style="width:1px;height:1px">{IMG}'),
    body("an SVG before the photo", f'<img src="{SITE}/logo.svg" alt="Logo">{IMG}'),
    body("only a pixel", f'<img src="{SITE}/p.gif" width="1" height="1">', Wanted()),
    body("upper-case names", f'<IMG SRC="{PHOTO}" ALT="The port">'),
    body("srcset alone", f'<img srcset="{SITE}/i/s.jpg 320w, {PHOTO} 1200w" alt="The port">'),
    body(
        "data-src behind a placeholder",
        f'<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="{PHOTO}" alt="The port">',
    ),
    body(
        "blanks in the address",
        f'<img src="{SITE}/i/my port.jpg" alt="The port">',
        Wanted(picture=f"{SITE}/i/my%20port.jpg", alt="The port"),
    ),
    body("relative to the feed", '<img src="/i/port.jpg" alt="The port">'),
    body("an address without a scheme", '<img src="//halyard.example/i/port.jpg" alt="The port">'),
    Sample(
        "the summary's picture",
        POINT,
        rss(item(f"<description><![CDATA[{IMG}<p>Open.</p>]]></description>")),
        (Wanted(picture=PHOTO, alt="The port", standfirst="Open."),),
    ),
    given("itunes:image", f'<itunes:image href="{PHOTO}"/>'),
    given(
        "an item's image element",
        f"<image><url>{PHOTO}</url><title>The port</title></image>",
        FOUND,
    ),
    given(
        "media:thumbnail beside a video",
        f'<media:content url="{SITE}/v.mp4" type="video/mp4" medium="video"/>'
        f'<media:thumbnail url="{PHOTO}"/>',
    ),
    given(
        "media:thumbnail within a video",
        f'<media:content url="{SITE}/v.mp4" type="video/mp4"><media:thumbnail url="{PHOTO}"/>'
        "</media:content>",
    ),
    given(
        "the widest of several",
        f'<media:group><media:content url="{SITE}/i/s.jpg" type="image/jpeg" width="140"/>'
        f'<media:content url="{PHOTO}" type="image/jpeg" width="1200"/></media:group>',
    ),
    given("medium without a type", f'<media:content url="{PHOTO}" medium="image"/>'),
    given("an enclosure without a type", f'<enclosure url="{PHOTO}" length="9"/>'),
    given("an enclosure in upper case", f'<enclosure url="{PHOTO}" type="IMAGE/JPEG"/>'),
    given("sound is no picture", f'<enclosure url="{SITE}/1.mp3" type="audio/mpeg"/>', Wanted()),
    Sample(
        "the sound before the picture",
        POINT,
        rss(
            item(
                f'<enclosure url="{SITE}/1.mp3" type="audio/mpeg"/>'
                f'<enclosure url="{PHOTO}" type="image/jpeg"/>'
            )
        ),
        (SILENT,),
    ),
    Sample(
        "an Atom enclosure",
        POINT,
        atom(entry(f'<link rel="enclosure" type="image/jpeg" href="{PHOTO}"/>')),
        (SILENT,),
    ),
    Sample(
        "media:thumbnail in Atom",
        POINT,
        atom(entry(f'<media:thumbnail url="{PHOTO}" width="640" height="480"/>')),
        (SILENT,),
    ),
    Sample("JSON Feed's image", POINT, json_feed(json_item(image=PHOTO)), (SILENT,)),
    Sample("JSON Feed's banner_image", POINT, json_feed(json_item(banner_image=PHOTO)), (SILENT,)),
    Sample(
        "JSON Feed's content",
        POINT,
        json_feed(json_item(content_html=f"<p>Open.</p>{IMG}")),
        (Wanted(picture=PHOTO, alt="The port", standfirst="Open."),),
    ),
    given(
        "an enclosure that the text has too",
        f'<enclosure url="{PHOTO}" type="image/jpeg"/>'
        f"<content:encoded><![CDATA[{IMG}]]></content:encoded>",
        FOUND,
        ALT,
    ),
    given(
        "media:content that the text has too",
        f'<media:content url="{PHOTO}" medium="image"/>'
        f'<content:encoded><![CDATA[<img src="/i/port.jpg" alt="The port">]]></content:encoded>',
        FOUND,
        ALT,
    ),
    given(
        "media:content with a description",
        f'<media:content url="{PHOTO}" medium="image"><media:description>The port'
        "</media:description></media:content>",
        # It is the picture's; where nothing else is there, it may stand for the entry too.
        Wanted(picture=PHOTO, alt="The port", standfirst=frozenset({"", "The port"})),
        ALT,
    ),
    Sample(
        "JSON Feed's image that the text has too",
        ALT,
        json_feed(json_item(image=PHOTO, content_html=f"<p>Open.</p>{IMG}")),
        (Wanted(picture=PHOTO, alt="The port", standfirst="Open."),),
    ),
    body(
        "entities in alt",
        f'<img src="{PHOTO}" alt="R&amp;D &quot;at&quot; the port">',
        Wanted(picture=PHOTO, alt='R&D "at" the port'),
        ALT,
    ),
)
