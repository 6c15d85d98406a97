"""Entries of one feed that have one page: the same entry twice, or several on a page they share."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from digest.newsroom.intake.articles import NewArticle
from digest.newsroom.intake.links import fragment_key, guid_key, page_key


def distinct(articles: Sequence[NewArticle]) -> list[NewArticle]:
    """Return the entries of a feed without those that come twice, in their order.

    Entries of one page that differ in their GUIDs, or where they have none in their fragments,
    or else in their titles, stay, marked `shares_page`. A GUID that several pages have tells
    nothing: it is left out.
    """
    pages = [page_key(article.url) for article in articles]
    guids = [guid_key(article.guid) if article.guid else None for article in articles]
    # A constant GUID is that of the feed, as it were.
    having: dict[str | None, set[str]] = {}
    for page, guid in zip(pages, guids, strict=True):
        having.setdefault(guid, set()).add(page)
    entries: dict[tuple[str, str], NewArticle] = {}
    for article, page, guid in zip(articles, pages, guids, strict=True):
        if guid is not None and len(having[guid]) > 1:
            article, guid = replace(article, guid=None), None
        entries.setdefault((page, _own(article, page, guid)), article)
    sharing = Counter(page for page, _ in entries)
    return [
        replace(article, shares_page=True) if sharing[page] > 1 else article
        for (page, _), article in entries.items()
    ]


def _own(article: NewArticle, page: str, guid: str | None) -> str:
    if guid is not None and guid != page:
        return guid
    return fragment_key(article.url) or f"title:{article.title}"
