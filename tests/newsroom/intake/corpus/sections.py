"""Sections and topics."""

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

POINT = "Sections"


def sample(name: str, within: str, section: str | None, *topics: str) -> Sample:
    """Return an RSS feed whose item has these elements."""
    return Sample(name, POINT, rss(item(within)), (Wanted(section=section, topics=topics),))


SAMPLES = (
    sample("one category", "<category>Port</category>", "Port"),
    sample(
        "several categories",
        "<category>Port</category><category>Ships</category>",
        "Port",
        "Ships",
    ),
    sample("an address is no section", "<category>https://halyard.example/c/port</category>", None),
    sample(
        "an address before a name",
        "<category>https://halyard.example/c/port</category><category>Port</category>",
        "Port",
    ),
    sample("a list with commas", "<category>Port, Ships, Sea</category>", "Port", "Ships", "Sea"),
    sample("media:category", "<media:category>Port</media:category>", "Port"),
    sample(
        "media:category that is a path of its scheme",
        '<media:category scheme="https://example.com/cats" label="Port">a/port</media:category>',
        "Port",
    ),
    sample(
        "a tag before the category",
        '<category domain="post_tag" nicename="storm">storm</category>'
        '<category domain="category" nicename="port">Port</category>',
        "Port",
        "storm",
    ),
    sample("dc:subject", "<dc:subject>Port</dc:subject>", "Port"),
    sample("WordPress's default", "<category>Uncategorized</category>", None),
    sample("markup in a category", "<category><![CDATA[R&amp;D]]></category>", "R&D"),
    Sample(
        "Atom's label before its term",
        POINT,
        atom(entry('<category term="port-1" label="Port &amp; ships"/>')),
        (Wanted(section="Port & ships"),),
    ),
    Sample(
        "Atom's term that is an address",
        POINT,
        atom(
            entry(
                '<category scheme="http://schemas.google.com/g/2005#kind"'
                ' term="http://schemas.google.com/blogger/2008/kind#post"/>'
                '<category scheme="http://www.blogger.com/atom/ns#" term="Port"/>'
            )
        ),
        (Wanted(section="Port"),),
    ),
    Sample(
        "JSON Feed's tags",
        POINT,
        json_feed(json_item(tags=["Port", "Ships"])),
        (Wanted(section="Port", topics=("Ships",)),),
    ),
    Sample(
        "JSON Feed's tags as one string",
        POINT,
        json_feed(json_item(tags="Port")),
        (Wanted(section="Port"),),
    ),
)
