"""Who wrote it: all of them, and never an address."""

from tests.newsroom.intake.corpus.samples import (
    UPDATED,
    Sample,
    Wanted,
    atom,
    entry,
    item,
    json_feed,
    json_item,
    rss,
)

POINT = "Bylines"


def written(name: str, within: str, byline: str | None) -> Sample:
    """Return an RSS feed whose item has these elements."""
    return Sample(name, POINT, rss(item(within)), (Wanted(byline=byline),))


def person(name: str) -> str:
    return f"<author><name>{name}</name></author>"


def in_atom(name: str, within: str, byline: str | None, head: str = "") -> Sample:
    return Sample(name, POINT, atom(entry(within), head=head), (Wanted(byline=byline),))


SAMPLES = (
    written(
        "two creators", "<dc:creator>Ada</dc:creator><dc:creator>Bo</dc:creator>", "Ada and Bo"
    ),
    written(
        "a bracket is kept whole",
        "<dc:creator>Ada Lark (Reuters)</dc:creator>",
        "Ada Lark (Reuters)",
    ),
    written("an address alone", "<author>ada@example.com</author>", None),
    written("an address and a name", "<author>ada@example.com (Ada Lark)</author>", "Ada Lark"),
    written(
        "a name and an address", "<author>Ada Lark &lt;ada@example.com&gt;</author>", "Ada Lark"
    ),
    written("a name in author", "<author>Ada Lark</author>", "Ada Lark"),
    written(
        "an address does not hide the creator",
        "<author>desk@example.com</author><dc:creator>Ada Lark</dc:creator>",
        "Ada Lark",
    ),
    written(
        "the second author's address",
        "<dc:creator>Ada</dc:creator><dc:creator>Bo &lt;bo@example.com&gt;</dc:creator>",
        "Ada and Bo",
    ),
    written(
        "two addresses in one element",
        "<author>ada@example.com (Ada), bo@example.com (Bo)</author>",
        "Ada and Bo",
    ),
    written("a name within author", "<author><name>Ada Lark</name></author>", "Ada Lark"),
    written("the same name twice", "<author>Ada</author><dc:creator>Ada</dc:creator>", "Ada"),
    written("itunes:author", "<itunes:author>Ada Lark</itunes:author>", "Ada Lark"),
    written("no author", "", None),
    in_atom("two authors in Atom", person("Ada") + person("Bo"), "Ada and Bo"),
    in_atom("three authors", person("Ada") + person("Bo") + person("Cy"), "Ada, Bo and Cy"),
    in_atom("inherited from the feed", "", "Ada Lark", head=person("Ada Lark")),
    in_atom("the entry's own before the feed's", person("Bo"), "Bo", head=person("Ada Lark")),
    in_atom(
        "the source's before the feed's",
        f"<source><title>The wire</title><id>tag:w</id>{UPDATED}{person('Cy')}</source>",
        "Cy",
        head=person("Ada Lark"),
    ),
    in_atom(
        "an address beside the name",
        "<author><name>Ada</name><email>ada@example.com</email></author>",
        "Ada",
    ),
    in_atom("an address for a name", person("ada@example.com"), None),
    in_atom("contributors are no authors", "<contributor><name>Bo</name></contributor>", None),
    Sample(
        "JSON Feed 1.1's authors",
        POINT,
        json_feed(json_item(authors=[{"name": "Ada"}, {"name": "Bo"}])),
        (Wanted(byline="Ada and Bo"),),
    ),
    Sample(
        "JSON Feed 1.0's author",
        POINT,
        json_feed(json_item(author={"name": "Ada"}), version="https://jsonfeed.org/version/1"),
        (Wanted(byline="Ada"),),
    ),
    Sample(
        "JSON Feed's authors for all items",
        POINT,
        json_feed(json_item(), authors=[{"name": "Ada"}]),
        (Wanted(byline="Ada"),),
    ),
)
