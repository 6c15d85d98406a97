"""Adding an article to an issue by its address: one that we have, or one that its page tells of."""

from datetime import datetime

from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.models import Issue
from digest.newsroom.intake.articles import NewArticle, add_article
from digest.newsroom.intake.fetching import Fetcher
from digest.newsroom.intake.fetching_pages import article_at, checked_address, known_article
from digest.newsroom.issues.history import Editor, Outcome
from digest.newsroom.issues.ordering import pick_article


def find_by_address(
    database: Database, fetcher: Fetcher, url: str, now: datetime
) -> int | NewArticle:
    """Return the id of the article at an address, or what its page says where we have none.

    It fetches: call it outside of a transaction.

    Raises:
        FieldError: `url`: it is no address, or nothing could be fetched or read; says why.
    """
    address = checked_address(url)
    known = _known(database, address)
    if known is not None:
        return known
    found, came_from = article_at(fetcher, address, now)
    # We may have it under where the address led, and the page call itself otherwise.
    known = _known(database, checked_address(came_from))
    return found if known is None else known


def _known(database: Database, address: str) -> int | None:
    with database.reading() as session:
        article = known_article(session, address)
        return article.id if article else None


def pick_by_address(
    session: Session, issue: Issue, found: int | NewArticle, by: Editor, now: datetime
) -> Outcome:
    """Put what `find_by_address` found into an issue, last.

    An article that we have under the address that the page gives as its own stays as it is.

    Raises:
        RefusedError: as `pick_article`.
    """
    if isinstance(found, NewArticle):
        # Before the issue's turn: feeds that come in take their lock first as well.
        article = known_article(session, checked_address(found.url))
        article = article or add_article(session, found, now)
        session.flush()
        found = article.id
    return pick_article(session, issue, found, by, now)
