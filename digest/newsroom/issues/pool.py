"""The articles that an editor may choose from, and where this newsletter has them already."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from digest.models import AFTER_FREEZE, BEFORE_FREEZE, Article, Issue, Source, Story
from digest.models.article import fed_to
from digest.newsroom.issues.moving import name_of

MOST_SHOWN = 60
LONGEST_WORDS = 100

TOLD = (
    Article.id,
    Article.title,
    Article.section,
    Article.thumbnail,
    Article.published_at,
    Article.first_seen_at,
    Article.withdrawn_at,
    Source.name,
)


@dataclass(frozen=True)
class Told:
    """As much of an article as whoever chooses reads; `source`: its source's name."""

    id: int
    title: str
    section: str | None
    thumbnail: str | None
    published_at: datetime | None
    first_seen_at: datetime
    withdrawn_at: datetime | None
    source: str | None


@dataclass(frozen=True)
class Offered:
    """An article of the pool. `elsewhere`: "No. 41", or the day of an issue that waits too."""

    article: Told
    is_in: bool = False
    elsewhere: str = ""

    @property
    def is_withdrawn(self) -> bool:
        return self.article.withdrawn_at is not None


@dataclass(frozen=True)
class Pool:
    """What was found, the newest first, and what may be asked for; `more`: not all is shown."""

    offered: tuple[Offered, ...]
    sections: tuple[str, ...]
    sources: tuple[Source, ...]
    more: bool = False


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

    With `words` also older ones: those that have each word in their title or standfirst.
    """
    recent = func.coalesce(Article.published_at, Article.first_seen_at)
    oldest = now - timedelta(days=issue.newsletter.story_max_age_days)
    here = [Article.hidden_at.is_(None), Article.let_go_at.is_(None), fed_to(issue.newsletter)]
    young = [Article.first_seen_at >= oldest, recent >= oldest]
    query = select(*TOLD).outerjoin(Article.source).where(*here)
    wanted = words[:LONGEST_WORDS].split()
    if not wanted:
        query = query.where(*young)
    for word in wanted:
        query = query.where(
            or_(
                Article.title.icontains(word, autoescape=True),
                Article.standfirst.icontains(word, autoescape=True),
            )
        )
    if section:
        query = query.where(Article.section == section)
    if source_id is not None:
        query = query.where(Article.source_id == source_id)
    query = query.order_by(recent.desc(), Article.id.desc()).limit(MOST_SHOWN + 1)
    found = [Told(*row) for row in session.execute(query)]
    shown, elsewhere = found[:MOST_SHOWN], _elsewhere(session, issue, found)
    mine = {story.article_id for story in issue.stories}
    sections = select(Article.section).where(*here, *young, Article.section.is_not(None))
    sources = select(Source).where(Source.retired_at.is_(None)).order_by(Source.name)
    return Pool(
        tuple(Offered(each, each.id in mine, elsewhere.get(each.id, "")) for each in shown),
        tuple(filter(None, session.scalars(sections.distinct().order_by(Article.section)))),
        tuple(session.scalars(sources)),
        more=len(found) > MOST_SHOWN,
    )


def _elsewhere(session: Session, issue: Issue, articles: Iterable[Told]) -> dict[int, str]:
    rows = session.execute(
        select(Story.article_id, Issue.number, Issue.dateline)
        .join(Issue, Issue.id == Story.issue_id)
        .where(
            Story.article_id.in_([article.id for article in articles]),
            Issue.newsletter_id == issue.newsletter_id,
            Issue.id != issue.id,
            Issue.state.in_((*AFTER_FREEZE, *BEFORE_FREEZE)),
        )
        .order_by(Issue.send_at)
    )
    return {article_id: name_of(number, dateline) for article_id, number, dateline in rows}
