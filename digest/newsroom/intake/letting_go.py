"""Letting go of old articles' bodies and pictures, never of what tells that they are known.

A picture takes about 130 KB, and no issue shows one that it could not take any more. The row of an
article stays, with its addresses and dates, so that nothing old comes back as new; and so does a
picture that a person gave. What an issue has shown stays too: its stories have copies of their own,
and refer to their pictures.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, case, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.models import (
    BEFORE_FREEZE,
    STORYS_MEDIA,
    Article,
    Issue,
    IssueChange,
    Media,
    Newsletter,
    Publication,
    Story,
)
from digest.newsroom.intake.media import is_by_hand

# Beyond the age at which the rule picks a story: a person may still.
MARGIN = timedelta(days=30)
OLDEST_STORY_DAYS = 14
# A newsletter may have set an age that no calendar goes back to.
FOR_EVER_DAYS = 36_500
# What nothing refers to may be referred to by a transaction that is under way.
UNUSED = timedelta(days=1)
SLICE = 200


def let_go(database: Database, *, now: datetime, go_on: Callable[[], bool]) -> bool:
    """Let go of what is too old, for as long as `go_on` says; return whether that is all.

    Works in short transactions; safe in any number of processes at once, and at any time.
    """
    with database.reading() as session:
        before = too_old_before(session, now)
    # A picture is seen to be unused when its article has let go of it, and deleted a day later.
    for step in (_let_go_of_articles, _mark_unused, _delete_unused):
        while True:
            if not go_on():
                return False
            with database.transaction() as session:
                done = step(session, now, before)
            if done < SLICE:
                break
    return True


def has_something_to_let_go(session: Session, now: datetime) -> bool:
    """Say whether `let_go` may find work: something old, or a picture at all."""
    too_old = Article.let_go_at.is_(None) & (Article.first_seen_at < too_old_before(session, now))
    found = or_(exists().where(too_old), exists().where(Media.lasting.is_(False)))
    return session.execute(select(found)).scalar_one()


def too_old_before(session: Session, now: datetime) -> datetime:
    """Return when what came in before is too old for an issue of any newsletter."""
    oldest = session.scalar(
        select(func.max(Newsletter.story_max_age_days)).where(Newsletter.retired_at.is_(None))
    )
    days = min(oldest or OLDEST_STORY_DAYS, FOR_EVER_DAYS)
    return now - timedelta(days=days) - MARGIN


def _let_go_of_articles(session: Session, now: datetime, before: datetime) -> int:
    held = exists().where(
        Story.article_id == Article.id,
        Story.issue_id == Issue.id,
        Issue.state.in_(BEFORE_FREEZE),
    )
    too_old = (Article.let_go_at.is_(None), Article.first_seen_at < before, ~held)
    some = select(Article.id).where(*too_old).order_by(Article.first_seen_at).limit(SLICE)
    return _changed(
        session,
        update(Article)
        # Asked again, for a draft may have taken it meanwhile.
        .where(Article.id.in_(session.scalars(some).all()), *too_old)
        .values(
            body="",
            lead_image=case((is_by_hand(), Article.lead_image)),
            thumbnail=case((is_by_hand(), Article.thumbnail)),
            image_due_at=None,
            picture_candidates=[],
            let_go_at=now,
        ),
    )


def _mark_unused(session: Session, now: datetime, _: datetime) -> int:
    unused = (Media.unused_since.is_(None), *_is_unused())
    some = select(Media.hash).where(*unused).limit(SLICE)
    hashes = session.scalars(some).all()
    return _changed(
        session, update(Media).where(Media.hash.in_(hashes), *unused).values(unused_since=now)
    )


def _delete_unused(session: Session, now: datetime, _: datetime) -> int:
    # `store_media` takes the mark away: of the two who are at the same picture, the second waits
    # for the first, and then sees what it did.
    unused = (Media.unused_since <= now - UNUSED, *_is_unused())
    some = select(Media.hash).where(*unused).limit(SLICE)
    hashes = session.scalars(some).all()
    return _changed(session, delete(Media).where(Media.hash.in_(hashes), *unused))


def _is_unused() -> tuple[ColumnElement[bool], ...]:
    # Not by `exists`: SQLite would look through all articles for each picture.
    shown = (
        Article.lead_image,
        Article.thumbnail,
        Story.image,
        Story.own_lead,
        Story.own_thumbnail,
        Newsletter.editor_portrait,
        Publication.mark,
    )
    used = [Media.hash.in_(select(column).where(column.is_not(None))) for column in shown]
    # After the freeze nothing is cropped out of it any more.
    waits = (Story.own_whole.is_not(None), Story.url.is_(None))
    used.append(Media.hash.in_(select(Story.own_whole).where(*waits)))
    # A story that was dropped may be brought back for as long.
    dropped = (
        IssueChange.kept.is_not(None),
        IssueChange.issue_id == Issue.id,
        Issue.state.in_(BEFORE_FREEZE),
    )
    for name in STORYS_MEDIA:
        kept = IssueChange.kept[name].as_string()
        used.append(Media.hash.in_(select(kept).where(*dropped, kept.is_not(None))))
    return Media.lasting.is_(False), ~or_(*used)


def _changed(session: Session, statement: Any) -> int:
    done = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", done).rowcount
