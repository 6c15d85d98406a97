"""An article as somebody gives it, before any of it is checked.

Without a table in it: the reading child makes these, and is to start quickly.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# No site has older pages; what says so has lost its date.
EARLIEST = datetime(1991, 8, 6, tzinfo=UTC)
CLOCKS_MAY_DIFFER = timedelta(days=1)
ALT_AT_MOST = 300


@dataclass(frozen=True)
class GivenPicture:
    """Where a picture of an article may be had, and what it shows."""

    url: str
    alt: str = ""


@dataclass(frozen=True)
class NewArticle:
    """An article as a feed, the API or a command gives it: nothing in it is trusted.

    All but `body` (HTML) is plain text, in which nothing is taken for markup. `other_pictures`
    may stand in for the one at `image_url`, the likeliest first. `body` is "" where there is only a
    summary. `minutes` is counted from it where it is not given; with neither nobody knows.
    `published_at` is None where there is no certain date. `first_seen_at` and `backlog` are for a
    source's first fetch: what is dated was there since then, and what is not is no news.
    `shares_page`: others in the feed have that page too, so the GUID tells them apart.
    """

    url: str
    title: str
    standfirst: str = ""
    body: str = ""
    byline: str | None = None
    section: str | None = None
    topics: tuple[str, ...] = ()
    image_url: str | None = None
    image_alt: str = ""
    other_pictures: tuple[GivenPicture, ...] = ()
    minutes: int | None = None
    published_at: datetime | None = None
    first_seen_at: datetime | None = None
    backlog: bool = False
    guid: str | None = None
    shares_page: bool = False


def is_plausible(published_at: datetime, now: datetime) -> bool:
    """Tell whether a page can have been published then: not before the web, nor after tomorrow."""
    return EARLIEST <= published_at <= now + CLOCKS_MAY_DIFFER
