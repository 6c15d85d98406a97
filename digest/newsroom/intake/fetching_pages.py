"""Fetching one page by its address, to learn what article it shows."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from digest.errors import FieldError
from digest.models import Article
from digest.newsroom.intake.articles import NewArticle
from digest.newsroom.intake.feeds import Feed, FeedError
from digest.newsroom.intake.fetching import Bounds, Fetcher, FetchError
from digest.newsroom.intake.known import Known, identify
from digest.newsroom.intake.links import canonical_url
from digest.newsroom.intake.reading_child.asking import read_page_apart
from digest.newsroom.intake.web_pages import NO_TITLE

# Somebody waits for it.
ARTICLE_PAGE = Bounds(
    "page", "text/html, application/xhtml+xml;q=0.9, */*;q=0.1", 3_000_000, seconds=10.0
)
HOW_ELSE = "Add it with its headline instead: digest article add"
UNREADABLE = "That page is too large for us, or built in a way that we do not stand."

ReadPage = Callable[[bytes, str, datetime, str | None], Feed]


def checked_address(url: str) -> str:
    """Return an address as an article's.

    Raises:
        FieldError: `url`: it is none.
    """
    try:
        return canonical_url(url)
    except ValueError as error:
        raise FieldError("url", str(error)) from None


def known_article(session: Session, url: str) -> Article | None:
    """Return the article that is at an address of `checked_address`, if we have it."""
    identity = identify(url, "", None, None, shares_page=False, from_feed=False)
    return Known(session, [identity], None).find(identity)[0]


def article_at(
    fetcher: Fetcher, url: str, now: datetime, read: ReadPage = read_page_apart
) -> tuple[NewArticle, str]:
    """Fetch a page; return the article that it tells of, and where the page was in the end.

    Call it outside of a transaction.

    Raises:
        FieldError: `url`: nothing could be fetched or read; says why.
    """
    try:
        fetched = fetcher.fetch(url, ARTICLE_PAGE)
        page = read(fetched.content or b"", fetched.url, now, fetched.charset)
    except FetchError as error:
        raise FieldError("url", f"{error} {HOW_ELSE}") from None
    except FeedError as error:
        why = NO_TITLE if str(error) == NO_TITLE else UNREADABLE
        raise FieldError("url", f"{why} {HOW_ELSE}") from None
    return page.articles[0], fetched.url
