"""An issue to be looked at, with its newsletter, its stories and their articles."""

from functools import lru_cache

from sqlalchemy import bindparam, exists, select
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from digest.database.looking import Row, Shape
from digest.database.prepared import Prepared
from digest.models import BEFORE_FREEZE, Article, Issue, LeftOut, Newsletter, Story

KEPT = 256

ISSUE, NEWSLETTER = Shape(Issue), Shape(Newsletter)
# Nobody reads whole articles there.
_STORY, _ARTICLE = Shape(Story), Shape(Article, without={"body"})
_LEFT_OUT = Shape(LeftOut)

_ID = bindparam("issue_id", type_=Issue.id.type)
_HEAD = Prepared(
    select(*ISSUE.selected, *NEWSLETTER.selected, exists().where(LeftOut.issue_id == Issue.id))
    .join_from(Issue, Newsletter, Newsletter.id == Issue.newsletter_id)
    .where(Issue.id == _ID)
)
_STORIES = Prepared(
    select(*_STORY.selected, *_ARTICLE.selected)
    .join_from(Story, Article, Article.id == Story.article_id)
    .where(Story.issue_id == _ID)
    .order_by(Story.position)
)
_GONE = Prepared(select(*_LEFT_OUT.selected).where(LeftOut.issue_id == _ID).order_by(LeftOut.id))


def look_at_head(session: Session, newsletter: Row, issue: Row) -> Issue:
    """Return an issue with its newsletter alone, of rows of `ISSUE` and `NEWSLETTER`, to look at.

    One whose stories were pinned to it, and that is to be composed yet, comes with them: they
    belong to how it stands.
    """
    head = _head(session.connection().dialect, newsletter, issue)
    if head.composed_at is not None or head.state not in BEFORE_FREEZE:
        return head
    return look_at_issue(session, head.id) or head


def look_at_issue(session: Session, issue_id: int) -> Issue | None:
    """Return an issue as it is now; None where there is none.

    It belongs to no session, and others look at the same: nobody may change it. Its articles come
    without their bodies, and what it does not have at hand is an error to ask for.
    """
    head = _HEAD.rows(session, issue_id=issue_id)
    if not head:
        return None
    *whole, has_gone = head[0]
    stories = _STORIES.rows(session, issue_id=issue_id)
    # Most have none.
    gone = _GONE.rows(session, issue_id=issue_id) if has_gone else ()
    dialect = session.connection().dialect
    return _assembled(dialect, tuple(whole), tuple(map(tuple, stories)), tuple(map(tuple, gone)))


@lru_cache(KEPT)
def _assembled(
    dialect: Dialect, head: Row, stories: tuple[Row, ...], gone: tuple[Row, ...]
) -> Issue:
    issue = _headed(dialect, head[len(ISSUE) :], head[: len(ISSUE)])
    set_committed_value(issue, "stories", [_story(dialect, issue, each) for each in stories])
    set_committed_value(issue, "left_out", [_LEFT_OUT.make(dialect, each) for each in gone])
    return issue


@lru_cache(KEPT)
def _head(dialect: Dialect, newsletter: Row, issue: Row) -> Issue:
    return _headed(dialect, newsletter, issue)


def _headed(dialect: Dialect, newsletter: Row, issue: Row) -> Issue:
    made = ISSUE.make(dialect, issue)
    set_committed_value(made, "newsletter", NEWSLETTER.make(dialect, newsletter))
    return made


def _story(dialect: Dialect, issue: Issue, row: Row) -> Story:
    story = _STORY.make(dialect, row[: len(_STORY)])
    set_committed_value(story, "issue", issue)
    set_committed_value(story, "article", _ARTICLE.make(dialect, row[len(_STORY) :]))
    return story
