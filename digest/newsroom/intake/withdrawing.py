"""Articles that their publisher took back: asked of the page, before an issue shows them.

A page is gone where it answers 404 or 410 (RFC 9110, sections 15.5.5 and 15.5.11) twice, ten
minutes apart. What else it answers, or does not, says nothing, and holds nothing up. The pages of
an issue's stories are asked 20 minutes before it goes out; another reason to ask is that a feed no
longer has an article, though it reaches back further.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, true, update
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.database.transactions import Database
from digest.logs import get_logger
from digest.models import Article, Issue, IssueState, PageCheck, Story
from digest.newsroom.intake.fetching import Fetcher, FetchError

GONE = frozenset({404, 410})
AHEAD = timedelta(minutes=20)
APART = timedelta(minutes=10)
# Longer than asking a page takes: whoever claimed it and died gives it back after this.
CLAIM = timedelta(minutes=2)
TRIES = 3
TRY_AGAIN = timedelta(minutes=5)
MISSING_AT_ONCE = 50
# More than are asked in the minute until the tick finds the others.
PAGES_AT_ONCE = 1000

log = get_logger(__name__)


def forget_answers(session: Session, article: Article) -> None:
    """Start anew, as the article's address changes: what the old one answered says nothing of it.

    One that a person took back stays so.
    """
    session.execute(
        update(PageCheck)
        .where(PageCheck.article_id == article.id)
        .values(gone_since=None, asked_at=None, status=None, failures=0)
        .execution_options(synchronize_session=False)
    )
    if article.withdrawn_by is None:
        article.withdrawn_at = None


def show_again(session: Session, article: Article) -> None:
    """Let issues pick an article again that was hidden or withdrawn, whoever did that."""
    article.hidden_at = article.withdrawn_at = article.withdrawn_by = None
    forget_answers(session, article)


def note_missing(database: Database, source_id: int, present: set[int], now: datetime) -> None:
    """Note which articles a feed no longer has, though it reaches back further: ask their pages.

    `present` are the articles that it has. Each is asked once for that reason, until it is back.
    """
    if not present:
        return
    with database.reading() as session:
        back = session.scalars(
            select(PageCheck.article_id).where(
                PageCheck.missing_since.is_not(None), PageCheck.article_id.in_(present)
            )
        ).all()
        missing = _missing(session, source_id, present)
    if not back and not missing:
        return
    with database.transaction() as session:
        session.execute(
            update(PageCheck)
            .where(PageCheck.article_id.in_(back))
            .values(missing_since=None)
            .execution_options(synchronize_session=False)
        )
        for article_id in missing:
            _ask_soon(session, article_id, now)


def _missing(session: Session, source_id: int, present: set[int]) -> list[int]:
    reaches = session.scalar(select(func.min(Article.published_at)).where(Article.id.in_(present)))
    if reaches is None:
        return []
    missing = (
        select(Article.id)
        .outerjoin(PageCheck, PageCheck.article_id == Article.id)
        .where(
            Article.source_id == source_id,
            Article.published_at > reaches,
            Article.let_go_at.is_(None),
            Article.withdrawn_at.is_(None),
            Article.id.not_in(present),
            PageCheck.missing_since.is_(None),
        )
        .order_by(Article.published_at.desc())
        .limit(MISSING_AT_ONCE)
    )
    return list(session.scalars(missing))


def _ask_soon(session: Session, article_id: int, now: datetime) -> None:
    check = session.get(PageCheck, article_id)
    if check is not None:
        check.missing_since, check.due_at, check.failures = now, check.due_at or now, 0
        session.flush()
        return
    # Unless it is being asked for another reason at the same moment.
    add_unless_there(session, PageCheck(article_id=article_id, due_at=now, missing_since=now))


def pages_to_ask(session: Session, now: datetime, only: int | None = None) -> list[int]:
    """Return the articles whose pages are to be asked by now, those of the next issue first.

    `only`: that article alone, if it is one of them.
    """
    which = Article.id == only if only is not None else true()
    due = session.scalars(
        select(PageCheck.article_id)
        .join(Article, Article.id == PageCheck.article_id)
        .where(PageCheck.due_at <= now, Article.withdrawn_at.is_(None), which)
        .order_by(PageCheck.due_at, PageCheck.article_id)
        .limit(PAGES_AT_ONCE)
    )
    return list(dict.fromkeys((*_of_issues(session, now, which), *due)))


def _of_issues(session: Session, now: datetime, which: ColumnElement[bool]) -> list[int]:
    """Return those that an issue shows, and that were not asked in the minutes before it."""
    states = (IssueState.DRAFT, IssueState.SCHEDULED)
    shown = session.execute(
        select(Story.article_id, Issue.send_at, PageCheck.asked_at)
        .join(Issue, Issue.id == Story.issue_id)
        .join(Article, Article.id == Story.article_id)
        .outerjoin(PageCheck, PageCheck.article_id == Story.article_id)
        .where(
            Issue.state.in_(states),
            Issue.send_at > now,
            Issue.send_at <= now + AHEAD,
            Article.withdrawn_at.is_(None),
            PageCheck.due_at.is_(None),
            which,
        )
        .order_by(Issue.send_at, Story.position)
    )
    return [row.article_id for row in shown if not _asked_since(row.asked_at, row.send_at - AHEAD)]


def _asked_since(asked_at: datetime | None, since: datetime) -> bool:
    return asked_at is not None and asked_at >= since


def ask_pages(
    database: Database,
    *,
    fetcher: Fetcher,
    clock: Callable[[], datetime],
    go_on: Callable[[], bool],
) -> bool:
    """Ask the pages whose turn it is, for as long as `go_on` says; return whether that is all.

    What turns out to be gone is withdrawn; the tick takes it out of the issues that wait.
    """
    with database.reading() as session:
        due = pages_to_ask(session, clock())
    for article_id in due:
        if not go_on():
            return False
        ask_page(database, article_id, fetcher=fetcher, clock=clock)
    return True


def ask_page(
    database: Database, article_id: int, *, fetcher: Fetcher, clock: Callable[[], datetime]
) -> bool:
    """Ask an article's page, if it is its turn; return whether the article is withdrawn by it.

    Of several who ask at once one does.
    """
    claim = _claim(database, article_id, clock())
    if claim is None:
        return False
    try:
        status = fetcher.status(claim.url)
    except FetchError as error:
        status = None
        log.info("page could not be checked", article=article_id, error=str(error))
    with database.transaction() as session:
        return _note(session, claim, status, clock())


@dataclass(frozen=True)
class _Claim:
    """A page that is ours to ask."""

    article_id: int
    url: str
    until: datetime


def _claim(database: Database, article_id: int, now: datetime) -> _Claim | None:
    with database.transaction() as session:
        check = session.get(PageCheck, article_id)
        # Asked again: another worker may have done it since. In this order, for what is in the
        # condition below must have been seen before.
        if not pages_to_ask(session, now, article_id):
            return None
        url = session.scalars(select(Article.url).where(Article.id == article_id)).one()
        claim = _Claim(article_id, url, now + CLAIM)
        if check is None:
            first = PageCheck(article_id=article_id, due_at=claim.until)
            return claim if add_unless_there(session, first) else None
        # What was seen is in the condition: of two who saw it, one gets it.
        won = session.execute(
            update(PageCheck)
            .where(
                PageCheck.article_id == article_id,
                PageCheck.due_at.is_not_distinct_from(check.due_at),
                PageCheck.asked_at.is_not_distinct_from(check.asked_at),
            )
            .values(due_at=claim.until)
            .returning(PageCheck.article_id)
            .execution_options(synchronize_session=False)
        ).first()
        return None if won is None else claim


def _note(session: Session, claim: _Claim, status: int | None, now: datetime) -> bool:
    check = session.scalar(
        select(PageCheck)
        .where(PageCheck.article_id == claim.article_id, PageCheck.due_at == claim.until)
        .with_for_update()
    )
    article = session.get_one(Article, claim.article_id)
    if check is None or article.url != claim.url:
        # Whoever has claimed it since knows better; and a new address is another question.
        return False
    since = check.gone_since if check.url == claim.url else None
    check.asked_at, check.status, check.url, check.due_at = now, status, claim.url, None
    if status in GONE:
        check.gone_since, check.failures = since or now, 0
        if since is None or now - since < APART:
            check.due_at = check.gone_since + APART
            return False
        return _withdraw(session, article, now)
    if status is not None and status < 400:
        check.gone_since, check.failures = None, 0
        return False
    check.failures += 1
    if check.failures < TRIES:
        check.due_at = now + TRY_AGAIN
    return False


def _withdraw(session: Session, article: Article, now: datetime) -> bool:
    log.info("article withdrawn, its page is gone", article=article.id)
    article.withdrawn_at = article.withdrawn_at or now
    session.flush()
    return True
