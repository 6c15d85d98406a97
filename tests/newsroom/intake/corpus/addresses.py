"""Addresses as the feed gives them, and entries that share a page (section 2 of the issue)."""

from tests.newsroom.intake.corpus.samples import DATE, PAGE, Sample, Wanted, item, rss

POINT, SHARED = "Addresses", "Several items share a page"
HOME = "https://halyard.example/"


def linked(name: str, written: str, link: str) -> Sample:
    """Return an RSS feed whose item has this link, as XML."""
    feed = rss(f"<item><title>The bridge</title><link>{written}</link>{DATE}</item>")
    return Sample(name, POINT, feed, (Wanted(link=link),))


def episode(number: int, link: str) -> str:
    return (
        f"<item><title>Episode {number}</title><link>{link}</link>{DATE}"
        f'<guid isPermaLink="false">episode-{number}</guid></item>'
    )


def kept(name: str, link: str) -> Sample:
    return linked(name, link.replace("&", "&amp;"), link)


SAMPLES = (
    kept("two slashes in a path", "https://halyard.example/a//1"),
    kept("an address within a path", "https://halyard.example/go/https://example.com/x"),
    kept("a hashbang", "https://halyard.example/#!/a/1"),
    kept("a query without a value", "https://halyard.example/?story17"),
    kept("the order of a query", "https://halyard.example/?b=2&a=1&a=0"),
    kept("a plus and a percent in a query", "https://halyard.example/?q=a+b%2Fc"),
    kept("http stays http", "http://halyard.example/a/1"),
    kept("a slash at the end", "https://halyard.example/a/1/"),
    linked(
        "a tracking key beside a query without a value",
        "https://halyard.example/?story17&amp;utm_source=x",
        "https://halyard.example/?story17",
    ),
    linked("a tracking key alone", f"{PAGE}1?utm_source=feed&amp;utm_medium=rss", f"{PAGE}1"),
    linked("a blank in the link", f"{PAGE}the bridge", f"{PAGE}the%20bridge"),
    linked("an umlaut in the link", f"{PAGE}brücke", f"{PAGE}br%C3%BCcke"),
    linked("the host in upper case", "HTTPS://Halyard.Example/a/1", f"{PAGE}1"),
    linked("the port that goes without saying", "https://halyard.example:443/a/1", f"{PAGE}1"),
    linked("dots in a path", "https://halyard.example/b/../a/./1", f"{PAGE}1"),
    Sample(
        "a podcast that links to its home page",
        SHARED,
        rss(*(episode(number, HOME) for number in (3, 2, 1))),
        tuple(Wanted(f"Episode {number}", HOME) for number in (3, 2, 1)),
    ),
    Sample(
        "fragments of one page",
        SHARED,
        rss(*(episode(number, f"{HOME}notes#n{number}") for number in (2, 1))),
        tuple(Wanted(f"Episode {number}", f"{HOME}notes#n{number}") for number in (2, 1)),
    ),
    Sample(
        "an item that comes twice",
        SHARED,
        rss(item("<guid>b-1</guid>"), item("<guid>b-1</guid>")),
        (Wanted(),),
        others=1,
    ),
)
