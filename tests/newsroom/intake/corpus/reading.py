"""What a checkout of Digest makes of feeds: a program for the checkout's own Python.

It reads a JSON list of feeds on standard input and writes what came in of each, as an editor
would see it: through the reader and into a database. It knows where modules stood before the
newsroom had wings, so that an old commit can be asked the same.
"""

import base64
import importlib
import json
import sys
from contextlib import suppress
from datetime import datetime
from typing import Any

NEWSROOM = ("digest.newsroom.intake", "digest.newsroom")


def main() -> None:
    """Answer the feeds on standard input; the arguments are the checkout and the moment."""
    checkout, now = sys.argv[1], datetime.fromisoformat(sys.argv[2])
    sys.path.insert(0, checkout)
    json.dump(Newsroom().seen(json.load(sys.stdin), now), sys.stdout)


class Newsroom:
    """The checkout's own reader, and a database in memory that no feed leaves a trace in."""

    def __init__(self) -> None:
        self._feeds = _module(*(f"{package}.feeds" for package in NEWSROOM))
        self._articles = _module(*(f"{package}.articles" for package in NEWSROOM))
        self._sources = _module(*(f"{package}.sources" for package in NEWSROOM))
        self._database_module = _module("digest.database.transactions", "digest.database")

    def seen(self, asked: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
        """Return what comes in of each feed, or why it was refused."""
        database = self._database_module.Database("sqlite://")
        models = importlib.import_module("digest.models")
        if hasattr(models, "load_all"):
            # Earlier versions load all of them at once.
            models.load_all()
        models.Article.metadata.create_all(database.engine)
        try:
            return [self._seen(database, feed, now) for feed in asked]
        finally:
            database.dispose()

    def _seen(self, database: Any, feed: dict[str, Any], now: datetime) -> dict[str, Any]:
        content = base64.b64decode(feed["content"])
        try:
            read = self._feeds.read_feed(content, feed["url"], now, feed["charset"])
        except self._feeds.FeedError as error:
            return {"refused": str(error), "articles": []}
        rows: dict[int, dict[str, Any]] = {}
        with suppress(_UndoneError), database.transaction() as session:
            source = self._sources.add_source(session, "https://halyard.example/f.xml", now)
            for new in read.articles:
                article, _ = self._articles.bring_in(session, new, now, source)
                rows[article.id] = _row(article)
            raise _UndoneError
        return {"refused": None, "articles": list(rows.values())}


class _UndoneError(Exception):
    """Rolls back what a feed brought in."""


def _module(*names: str) -> Any:
    """Return the first of these modules that the checkout has."""
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
    raise ModuleNotFoundError(names[0])


def _row(article: Any) -> dict[str, Any]:
    published = article.published_at
    return {
        "title": article.title,
        "link": article.url,
        "published": published.replace(microsecond=0).isoformat() if published else None,
        "byline": article.byline,
        "section": article.section,
        "topics": list(article.topics),
        "picture": article.image_url,
        "alt": article.image_alt,
        "standfirst": article.standfirst,
        "minutes": article.minutes,
    }


if __name__ == "__main__":
    main()
