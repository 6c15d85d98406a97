"""An article as somebody gives it, before any of it is checked.

Without a table in it: the reading child makes these, and is to start quickly.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# No site has older pages; what says so has lost its date.
EARLIEST = datetime(1991, 8, 6, tzinfo=UTC)
CLOCKS_MAY_DIFFER = timedelta(days=1)


@dataclass(frozen=True)
class GivenPicture:
    """Where a picture of an article may be had, and what it shows."""

    url: str
    alt: str = ""


@dataclass(frozen=True)
class NewArticle:
    """An article as a feed, the API or a command gives it: nothing in it is trusted.

    `other_pictures` may stand in for the one at `image_url`, the likeliest first. `minutes` is
    counted from `body` (HTML) where it is not given. `first_seen_at` is for a source's first
    fetch, which takes it from `published_at`.
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
    guid: str | None = None


def is_plausible(published_at: datetime, now: datetime) -> bool:
    """Tell whether a page can have been published then: not before the web, nor after tomorrow."""
    return EARLIEST <= published_at <= now + CLOCKS_MAY_DIFFER
