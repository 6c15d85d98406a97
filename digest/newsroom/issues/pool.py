"""The articles that an editor may choose from, and where this newsletter has them already."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    bindparam,
    cast,
    false,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from digest.database.prepared import Prepared
from digest.models import (
    AFTER_FREEZE,
    BEFORE_FREEZE,
    Article,
    Issue,
    IssueState,
    Newsletter,
    Source,
    Story,
)
from digest.models.article import RECENT, fed_to
from digest.newsroom.issues.moving import name_of

MOST_SHOWN = 60
# Sources to choose from, by name; what another one published is found by a word of its name.
MOST_SOURCES = 200
LONGEST_WORDS = 100
# Statements: one for each search, and for what feeds a newsletter.
KEPT = 64
EVER = datetime(9999, 1, 1, tzinfo=UTC)

TOLD = (
    Article.id,
    Article.title,
    Article.section,
    Article.thumbnail,
    Article.published_at,
    Article.first_seen_at,
    Article.withdrawn_at,
    Article.source_id,
)


class Told(NamedTuple):
    """As much of an article as whoever chooses reads."""

    id: int
    title: str
    section: str | None
    thumbnail: str | None
    published_at: datetime | None
    first_seen_at: datetime
    withdrawn_at: datetime | None
    source_id: int | None


class Offered(NamedTuple):
    """An article of the pool. `elsewhere`: "No. 41", or the day of an issue that waits too.

    `source`: its source's name.
    """

    article: Told
    is_in: bool = False
    elsewhere: str = ""
    source: str | None = None

    @property
    def is_withdrawn(self) -> bool:
        return self.article.withdrawn_at is not None


class Feed(NamedTuple):
    """A source; one that is retired may not be asked for any more."""

    id: int
    name: str
    retired: bool = False


@dataclass(frozen=True)
class Pool:
    """What was found, the newest first, and what may be asked for; `more`: not all is shown.

    `more_sources`: there are others than `sources`.
    """

    offered: tuple[Offered, ...]
    sections: tuple[str, ...]
    sources: tuple[Feed, ...]
    more: bool = False
    more_sources: bool = False


class Asked(NamedTuple):
    """What is asked for, by its words; and what feeds the newsletter."""

    words: tuple[str, ...]
    section: str
    source_id: int | None
    feeds: "Feeds"


class Feeds(NamedTuple):
    """The sources and the sections that a newsletter names."""

    sources: tuple[int | None, ...]
    sections: tuple[str, ...]

    @property
    def articles(self) -> ColumnElement[bool]:
        """Say which articles are of them."""
        return fed_to(Newsletter(source_ids=list(self.sources), sections=list(self.sections)))


_OLDEST = bindparam("oldest", type_=Article.first_seen_at.type)
# Between two moments, PostgreSQL expects few rows whatever they are, and plans once for all.
_YOUNG = (Article.first_seen_at.between(_OLDEST, literal(EVER, _OLDEST.type)), RECENT >= _OLDEST)
_HERE = (Article.hidden_at.is_(None), Article.let_go_at.is_(None))
_ISSUES_WITH = Prepared(
    select(Story.article_id, Issue.number, Issue.dateline)
    .join(Issue, Issue.id == Story.issue_id)
    .where(
        Story.article_id.in_(bindparam("articles", expanding=True)),
        Issue.newsletter_id == bindparam("newsletter_id"),
        Issue.id != bindparam("issue_id"),
        Issue.state.in_(bindparam("states", expanding=True)),
    )
    .order_by(Issue.send_at)
)


def pool_of(
    session: Session,
    issue: Issue,
    now: datetime,
    *,
    words: str = "",
    section: str = "",
    source_id: int | None = None,
) -> Pool:
    """Return the articles that are as young as the newsletter's stories may be.

    With `words` also older ones: those that have each word in their title, in their standfirst or
    in their source's name.
    """
    newsletter = issue.newsletter
    feeds = Feeds(tuple(newsletter.source_ids), tuple(newsletter.sections))
    asked = Asked(tuple(words[:LONGEST_WORDS].split()), section, source_id, feeds)
    oldest = now - timedelta(days=newsletter.story_max_age_days)
    found = [Told(*row) for row in _finding(asked).rows(session, oldest=oldest)]
    states = (*AFTER_FREEZE, *BEFORE_FREEZE)
    elsewhere = issues_with(session, issue, [each.id for each in found], states)
    mine = {story.article_id for story in issue.stories}
    choice = _choosing(feeds).rows(session, oldest=oldest)
    feeds_there = [Feed(*row) for row in choice if row[0] is not None]
    in_use_first = sorted(feeds_there, key=lambda each: each.retired)
    sources = {each.id: each for each in in_use_first[:MOST_SOURCES]}
    if len(feeds_there) > MOST_SOURCES:
        sources |= _named_besides(session, {source_id, *(each.source_id for each in found)})
    names: dict[int | None, str] = {each.id: each.name for each in sources.values()}
    return Pool(
        tuple(
            Offered(each, each.id in mine, elsewhere.get(each.id, ""), names.get(each.source_id))
            for each in found[:MOST_SHOWN]
        ),
        tuple(name for source_id, name, _ in choice if source_id is None and name),
        tuple(each for each in sources.values() if not each.retired),
        more=len(found) > MOST_SHOWN,
        more_sources=len(feeds_there) > MOST_SOURCES,
    )


@lru_cache(KEPT)
def _finding(asked: Asked) -> Prepared:
    query = select(*TOLD).where(*_HERE, asked.feeds.articles)
    if not asked.words:
        query = query.where(*_YOUNG)
    for word in asked.words:
        query = query.where(
            or_(
                Article.title.icontains(word, autoescape=True),
                Article.standfirst.icontains(word, autoescape=True),
                Article.source_id.in_(
                    select(Source.id).where(Source.name.icontains(word, autoescape=True))
                ),
            )
        )
    if asked.section:
        query = query.where(Article.section == asked.section)
    if asked.source_id is not None:
        query = query.where(Article.source_id == asked.source_id)
    newest = query.order_by(RECENT.desc(), Article.id.desc())
    return Prepared(newest.limit(literal(MOST_SHOWN + 1, Integer)))


@lru_cache(KEPT)
def _choosing(feeds: Feeds) -> Prepared:
    """Say in one statement which sections there are, whose ids are NULL, and which sources."""
    nobodys = cast(null(), Source.id.type).label("id")
    sections = (
        select(nobodys, Article.section.label("name"), false().label("retired"))
        .where(*_HERE, *_YOUNG, feeds.articles, Article.section.is_not(None))
        .distinct()
    )
    sources = select(Source.id, Source.name, Source.retired_at.is_not(None))
    # Nothing of another one is ever found.
    if feeds.sources:
        sources = sources.where(Source.id.in_([each for each in feeds.sources if each is not None]))
    listed = sources.order_by(Source.retired_at.is_not(None), Source.name, Source.id).limit(
        literal(MOST_SOURCES + 1, Integer)
    )
    return Prepared(union_all(sections, select(listed.subquery())).order_by("name"))


def _named_besides(session: Session, ids: set[int | None]) -> dict[int, Feed]:
    """Return the sources of these ids, which the list of the first ones may lack."""
    wanted = [each for each in ids if each is not None]
    rows = session.execute(
        select(Source.id, Source.name, Source.retired_at.is_not(None)).where(Source.id.in_(wanted))
    )
    return {row[0]: Feed(*row) for row in rows}


def issues_with(
    session: Session, issue: Issue, articles: Sequence[int], states: Sequence[IssueState]
) -> dict[int, str]:
    """Return which other issue of the newsletter, in these states, has an article: the last one."""
    rows = _ISSUES_WITH.rows(
        session,
        articles=articles,
        newsletter_id=issue.newsletter_id,
        issue_id=issue.id,
        states=states,
    )
    return {article_id: name_of(number, dateline) for article_id, number, dateline in rows}
