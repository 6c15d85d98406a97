"""What is the same article: which of those that we have a given one is.

The page tells, by `page_key`. Where it does not, the GUID does, within a source and across the
sources of a site (the host of the article's page); never across sites, for GUIDs such as "1"
collide. On a page that several entries of a feed share, the GUID alone tells.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from digest.models import Article, Source
from digest.newsroom.intake.links import fragment_key, guid_key, page_key, site_of

# One so long, or with letters, is hardly given to two articles of a site.
TELLING_GUID = 8
OWN_AT_MOST = 500
# No page's key has a blank. `!` comes next, so that a range holds all that share a page.
SHARED, AFTER_SHARED = " ", "!"


@dataclass(frozen=True)
class Identity:
    """By what an article is compared: its page, its GUID, and whether others have that page."""

    page: str
    guid: str | None
    title: str
    published_at: datetime | None
    own: str
    shares_page: bool

    @property
    def key(self) -> str:
        """What is unique: the page, and where it is shared what tells the article from others."""
        return self.page + SHARED + self.own if self.shares_page else self.page

    def alone(self, key: str) -> str:
        """Return the key for an article that has `key`: a page once shared stays that."""
        return key if key.startswith(self.page + SHARED) else self.key


def identify(
    url: str,
    title: str,
    guid: str | None,
    published_at: datetime | None,
    *,
    shares_page: bool,
    from_feed: bool,
) -> Identity:
    """Return by what an article is compared; `url` is one that `canonical_url` gave.

    A site's home page is no article's own: in a feed, what links to it shares it. Without a GUID
    the fragment tells those that share a page, and without that the title: dates of such feeds
    are often those of the day on which the feed was made.
    """
    page = page_key(url)
    told_by = guid_key(guid) if guid else None
    own = told_by if told_by != page else None
    own = own or fragment_key(url) or "title:" + sha256(title.encode()).hexdigest()
    is_home = page == site_of(page)
    return Identity(
        page=page,
        guid=told_by,
        title=title,
        published_at=published_at,
        own=own if len(own) <= OWN_AT_MOST else sha256(own.encode()).hexdigest(),
        shares_page=from_feed and (shares_page or is_home),
    )


class Known:
    """The articles that some given ones may be, found by one indexed query for all of them.

    `beside` are the keys of whatever else is in the feed: an article that is there under an
    address of its own is not another one whose GUID it once had.
    """

    def __init__(
        self,
        session: Session,
        identities: Sequence[Identity],
        source: Source | None,
        beside: Collection[str] = (),
    ) -> None:
        self._session = session
        self._source_id = source.id if source else None
        self._beside = {identity.key for identity in identities} | set(beside)
        self._by_key: dict[str, Article] = {}
        self._by_guid: dict[str, list[Article]] = {}
        for article in self._found(identities):
            self.note(article)

    def note(self, article: Article) -> None:
        """Remember one that was added or changed since."""
        self._by_key[article.key] = article
        if article.guid_key is not None:
            had = self._by_guid.setdefault(article.guid_key, [])
            if article not in had:
                had.append(article)

    def find(self, identity: Identity) -> tuple[Article | None, str]:
        """Return the article that it is, or None, and the key that it has from now on."""
        by_guid = self._having(identity.guid)
        for article in by_guid:
            if self._is_ours(article) and page_of(article.key) == identity.page:
                return article, identity.alone(article.key)
        by_page = self._by_key.get(identity.key)
        if by_page is not None:
            if not self._shows_others_too(by_page, identity):
                return by_page, identity.key
            identity = replace(identity, shares_page=True)
        for article in by_guid:
            if article.key not in self._beside and self._moved(article, identity):
                return article, identity.key
        return None, identity.key

    def may_have_guid(self, article: Article | None, guid: str | None) -> bool:
        """Tell whether no other article of the source has that GUID."""
        return not any(self._is_ours(had) and had is not article for had in self._having(guid))

    def _having(self, guid: str | None) -> list[Article]:
        # One that has another by now, or none, may still be in the list.
        return [had for had in self._by_guid.get(guid or "", []) if had.guid_key == guid]

    def _found(self, identities: Sequence[Identity]) -> Sequence[Article]:
        tests: list[ColumnElement[bool]] = [
            Article.key.in_({identity.key for identity in identities})
        ]
        guids = {identity.guid for identity in identities if identity.guid is not None}
        if guids and self._source_id is not None:
            telling = {guid for guid in guids if _tells(guid)}
            short = guids - telling
            titles = {identity.title for identity in identities if identity.guid in short}
            alike = or_(Article.source_id == self._source_id, Article.title.in_(titles))
            tests += [Article.guid_key.in_(telling)] if telling else []
            tests += [and_(Article.guid_key.in_(short), alike)] if short else []
        return self._session.scalars(select(Article).where(or_(*tests)).order_by(Article.id)).all()

    def _is_ours(self, article: Article) -> bool:
        return self._source_id is not None and article.source_id == self._source_id

    def _shows_others_too(self, article: Article, identity: Identity) -> bool:
        """Tell whether the GUID says that this is another article on a page that many share."""
        both = identity.guid is not None and article.guid_key is not None
        if not both or article.guid_key == identity.guid or not self._is_ours(article):
            return False
        if identity.shares_page:
            return False
        shared = select(Article.id).where(
            Article.source_id == self._source_id,
            Article.key >= identity.page + SHARED,
            Article.key < identity.page + AFTER_SHARED,
        )
        with self._session.no_autoflush:
            return self._session.scalar(shared.limit(1)) is not None

    def _moved(self, article: Article, identity: Identity) -> bool:
        """Tell whether this is the article, at an address that it did not have before."""
        if _tells(identity.guid or "") or article.title == identity.title:
            return self._is_ours(article) or site_of(article.key) == site_of(identity.page)
        # A short one may be a place in the feed, which the next article takes.
        dated = identity.published_at
        return self._is_ours(article) and dated in {None, article.published_at}


def page_of(key: str) -> str:
    """Return the page in an article's key."""
    return key.partition(SHARED)[0]


def _tells(guid: str) -> bool:
    return len(guid) >= TELLING_GUID and not guid.isdigit()
