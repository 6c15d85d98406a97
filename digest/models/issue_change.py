"""What was done to an issue, and who looks at it."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from digest.database.tables import Base
from digest.models.article import Article


class ChangedField(enum.StrEnum):
    """What of an issue, or of one of its stories, was changed."""

    SUBJECT = "subject"
    PREHEADER = "preheader"
    NOTE = "note"
    LAST_THING = "last_thing"
    HEADLINE = "headline"
    STANDFIRST = "standfirst"
    SECTION = "section"
    ROLE = "role"
    POSITION = "position"
    STORIES = "stories"
    APPROVAL = "approval"
    PICTURE = "picture"
    ALT = "alt"
    FOCUS = "focus"


# What a story has of its own before the freeze: an editor's words for it, and her picture.
STORYS_OWN = (
    *("title", "section", "image_alt", "blurb"),
    *("own_picture", "own_lead", "own_thumbnail", "own_whole", "own_focus"),
)
STORYS_MEDIA = ("own_lead", "own_thumbnail", "own_whole")


class IssueChange(Base):
    """What somebody did to an issue: the texts before and after, and in words.

    `version` is the one that it made. What was not `taken` changed nothing: somebody else had
    changed the same field first, and `after` keeps what was typed. `user_id` is NULL for a command
    and for the rule; `article_id` for what belongs to no story. `kept`: what a story that was
    dropped had of its own in the issue (`STORYS_OWN`).
    """

    __tablename__ = "issue_change"
    __table_args__ = (Index("ix_issue_change_issue_id", "issue_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"))
    version: Mapped[int]
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("desk_user.id"))
    by: Mapped[str] = mapped_column(String(100))
    field: Mapped[ChangedField]
    article_id: Mapped[int | None] = mapped_column(ForeignKey("article.id"))
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)
    words: Mapped[str] = mapped_column(String(500))
    taken: Mapped[bool] = mapped_column(default=True)
    kept: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    article: Mapped[Article | None] = relationship()


class IssuePresence(Base):
    """Somebody who is in an issue, from `since` on, and until `until` where no more is heard."""

    __tablename__ = "issue_presence"

    issue_id: Mapped[int] = mapped_column(
        ForeignKey("issue.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("desk_user.id"), primary_key=True)
    since: Mapped[datetime]
    until: Mapped[datetime]


class Correction(Base):
    """What was wrong with an issue that had gone out, in words for its readers.

    `edition` is that of the renderings that it made: the second, the third.
    """

    __tablename__ = "correction"

    issue_id: Mapped[int] = mapped_column(
        ForeignKey("issue.id"), primary_key=True, autoincrement=False
    )
    edition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("desk_user.id"))
    by: Mapped[str] = mapped_column(String(100))
    words: Mapped[str] = mapped_column(String(300))


class WaitingCorrection(Base):
    """A correction of an issue that has gone out, which waits for a second person to confirm it.

    `version`: of the issue that it corrects. `texts` are the issue's, `stories` those of stories by
    their article's id, which JSON has as text.
    """

    __tablename__ = "waiting_correction"

    issue_id: Mapped[int] = mapped_column(
        ForeignKey("issue.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("desk_user.id"))
    by: Mapped[str] = mapped_column(String(100))
    version: Mapped[int]
    words: Mapped[str] = mapped_column(String(300))
    texts: Mapped[dict[str, str]] = mapped_column(JSON)
    stories: Mapped[dict[str, dict[str, str]]] = mapped_column(JSON)
