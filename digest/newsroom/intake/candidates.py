"""The pictures that an article may have, in order, and what becomes of them when a feed changes.

A candidate is an address and what is seen there. They are fetched by `fetching_pictures`, one after
the other, until one does as a lead.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import takewhile

from digest.models import Article
from digest.newsroom.intake.links import canonical_url

PICTURES_AT_MOST = 5
# What is looked through for them: nobody means a hundred pictures.
LOOKED_THROUGH_AT_MOST = 50

Candidate = tuple[str, str]


def usable_pictures(given: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return the first few whose address can be used, each once, with what is said of it."""
    usable: dict[str, str] = {}
    for url, alt in list(given)[:LOOKED_THROUGH_AT_MOST]:
        try:
            found = canonical_url(url)
        except ValueError:
            # An article whose picture cannot be used goes without; the article itself is fine.
            continue
        if found in usable or len(usable) < PICTURES_AT_MOST:
            usable[found] = usable.get(found) or alt
    return tuple(usable.items())


def give_pictures(article: Article, given: tuple[Candidate, ...], now: datetime) -> None:
    """Have an article's pictures tried, the first of them first; the one that it has goes."""
    article.picture_candidates = [list(candidate) for candidate in given]
    article.pictures_tried = 0
    article.lead_image = article.thumbnail = None
    article.image_url, article.image_alt = given[0]
    article.image_due_at, article.image_failures = now, 0


def update_pictures(article: Article, given: tuple[Candidate, ...], now: datetime) -> None:
    """Take over what a feed gives now; what has been tried already is not tried again.

    Where one that has been tried is another now, all begins anew, and the old picture goes at
    once: there may have been a reason to change it.
    """
    by_hand = article.image_url is None and article.thumbnail is not None
    if not given or by_hand:
        return
    known = [url for url, _ in article.picture_candidates]
    urls = [url for url, _ in given]
    alike = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(known, urls, strict=False))))
    tried = article.pictures_tried
    if alike < tried:
        give_pictures(article, given, now)
        return
    article.picture_candidates = [list(candidate) for candidate in given]
    if article.thumbnail is None and article.image_url != urls[0]:
        article.image_url, article.image_alt = given[0]
    else:
        article.image_alt = dict(given).get(article.image_url or "") or article.image_alt
    if urls != known and alike <= tried and article.lead_image is None:
        # The next one to try is another than before, or there is one now, or there is none.
        article.image_due_at = now if tried < len(urls) else None
        article.image_failures = 0
