"""Feeds as four widespread writers shape them, in any number, and always the same ones.

Every item is about another page, has 3 to 8 KB of content, and is dated within the last weeks.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape

WORDS = (
    "the harbour council decided on Tuesday to rebuild its oldest pier before winter comes and "
    "asked people who live near the water what they would like to see there instead of another "
    "warehouse: a market, said most of them, with a roof that keeps rain out and light in; others "
    "wanted boats, benches, a school for sailing, or nothing at all. It costs four million, which "
    "nobody has yet, and takes until spring. Über die Brücke führt kein Weg, as an engineer put it"
).split()
NEWEST = datetime(2026, 11, 28, 18, 0, tzinfo=UTC)


class Item:
    """One item's words, the same each time it is asked for."""

    def __init__(self, site: str, number: int, generation: int) -> None:
        self._draw = random.Random(f"{site} {number} {generation}")
        self.url = (
            f"https://{site}/{generation}/{number}/{self._words(3).lower().replace(' ', '-')}"
        )
        self.title = self._words(8).capitalize()
        self.at = NEWEST - timedelta(hours=7 * number, minutes=generation)
        self.author = self._draw.choice(("Ada Lovegrove", "Jürgen Weiß", "Mina Okafor"))
        self.topics = self._draw.sample(("World", "Port", "Culture", "Weather", "Money"), 2)
        self.image = f"https://{site}/img/{number}.jpg"
        self.summary = f"{self._words(30).capitalize()}."
        self.content = self._content(self._draw.randint(3_000, 8_000))

    def _words(self, count: int) -> str:
        return " ".join(self._draw.choices(WORDS, k=count)).replace(":", "").replace(".", "")

    def _content(self, size: int) -> str:
        parts = [
            f'<figure><img src="{self.image}" width="1200" height="800" alt="A pier"></figure>'
        ]
        while sum(map(len, parts)) < size:
            link = f'<a href="{self.url}#more">{self._words(3)}</a>'
            parts.append(f"<p>{self._words(40)}, <em>{self._words(4)}</em> {link} &#8230;</p>")
            if self._draw.random() < 0.1:
                parts.append(f"<h2>{self._words(5)}</h2><ul><li>{self._words(6)}</li></ul>")
        return "\n".join(parts)


def wordpress(site: str, items: list[Item]) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"
 xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">
<channel><title>{site}</title><atom:link href="https://{site}/feed/" rel="self"
 type="application/rss+xml" /><link>https://{site}</link><description>News</description>
<generator>https://wordpress.org/?v=6.9</generator>{
        "".join(
            f'''
<item><title>{escape(item.title)}</title><link>{item.url}/</link>
<dc:creator><![CDATA[{item.author}]]></dc:creator><pubDate>{format_datetime(item.at)}</pubDate>
{"".join(f"<category><![CDATA[{topic}]]></category>" for topic in item.topics)}
<guid isPermaLink="false">https://{site}/?p={item.url[-40:]}</guid>
<description><![CDATA[<p>{item.summary} [&#8230;]</p>
<p>The post <a href="{item.url}/">{item.title}</a> appeared first on <a href="https://{site}">{site}</a>.</p>
]]></description><content:encoded><![CDATA[{item.content}]]></content:encoded></item>'''
            for item in items
        )
    }</channel></rss>"""


def ghost(site: str, items: list[Item]) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?><rss
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:atom="http://www.w3.org/2005/Atom" version="2.0"
 xmlns:media="http://search.yahoo.com/mrss/"><channel><title><![CDATA[{site}]]></title>
<link>https://{site}/</link><generator>Ghost 6.0</generator><ttl>60</ttl>{
        "".join(
            f'''<item><title><![CDATA[{item.title}]]></title>
<description><![CDATA[{item.summary}]]></description><link>{item.url}/</link>
<guid isPermaLink="false">{item.url[-24:]}</guid>
{"".join(f"<category><![CDATA[{topic}]]></category>" for topic in item.topics)}
<dc:creator><![CDATA[{item.author}]]></dc:creator><pubDate>{format_datetime(item.at)}</pubDate>
<media:content url="{item.image}" medium="image"/>
<content:encoded><![CDATA[{item.content}]]></content:encoded></item>'''
            for item in items
        )
    }</channel></rss>"""


def hugo(site: str, items: list[Item]) -> str:
    return f"""<?xml version="1.0" encoding="utf-8" standalone="yes"?><rss version="2.0"
 xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>{site}</title>
<link>https://{site}/</link><description>Recent content</description>
<generator>Hugo</generator><language>en</language>{
        "".join(
            f'''
<item><title>{escape(item.title)}</title><link>{item.url}/</link>
<pubDate>{format_datetime(item.at)}</pubDate><guid>{item.url}/</guid>
<description>{escape(item.content)}</description></item>'''
            for item in items
        )
    }</channel></rss>"""


def atom(site: str, items: list[Item]) -> str:
    return f"""<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">
<title>{site}</title><link href="https://{site}/feed.xml" rel="self"/>
<link href="https://{site}/"/><updated>{NEWEST.isoformat()}</updated><id>https://{site}/</id>{
        "".join(
            f'''
<entry><title type="html">{escape(item.title)}</title>
<link href="{item.url}" rel="alternate" type="text/html"/><id>{item.url}</id>
<published>{item.at.isoformat()}</published><updated>{item.at.isoformat()}</updated>
<author><name>{item.author}</name></author><category term="{item.topics[0]}"/>
<summary type="html">{escape(item.summary)}</summary>
<content type="html" xml:base="{item.url}">{escape(item.content)}</content></entry>'''
            for item in items
        )
    }</feed>"""


SHAPES: tuple[Callable[[str, list[Item]], str], ...] = (wordpress, ghost, hugo, atom)


def feed(number: int, items: int, generation: int) -> bytes:
    """Return a feed; of another `generation` none of its items is known."""
    site = f"paper{number}.example"
    written = [Item(site, each, generation) for each in range(items)]
    return SHAPES[number % len(SHAPES)](site, written).encode()


def _hostile(markup: Callable[[int], str], size: int) -> bytes:
    pieces: list[str] = []
    number = 0
    while size > 0:
        pieces.append(markup(number))
        size -= len(pieces[-1].encode())
        number += 1
    summary = "".join(pieces)
    return (
        "<rss version='2.0'><channel><title>H</title><item><title>Deep</title>"
        f"<link>https://hostile.example/a</link><description><![CDATA[{summary}]]></description>"
        "</item></channel></rss>"
    ).encode()


# What kept sanitisers and patterns busy for 3 to 80 seconds.
HOSTILE: dict[str, Callable[[int], str]] = {
    "lists in lists": lambda _: "<ul><li>",
    "boxes in boxes": lambda _: "<div>",
    "quotes in quotes": lambda _: "<blockquote>",
    "fonts in fonts": lambda n: f"<font a{n}=1>",
    "fonts over paragraphs": lambda n: f"<font a{n}=1><p>",
    "bold over paragraphs": lambda n: f"<b a{n}=1><p>",
    "ampersands": lambda _: "&amp;amp;",
    "half a tag": lambda _: "<a href=' ",
    "tails": lambda _: "The post x appeared first on ",
    "brackets": lambda _: "[…] (… ",
}


def hostile(kind: str, size: int = 200_000) -> bytes:
    """Return a feed with one summary of that size, which is built to take long."""
    return _hostile(HOSTILE[kind], size)
