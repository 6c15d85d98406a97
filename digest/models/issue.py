"""An issue of a newsletter: its slot in the calendar, its stories, its frozen bytes."""

import enum
from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, deferred, mapped_column, relationship

from digest.database.tables import Base
from digest.models.article import Article
from digest.models.newsletter import Newsletter


class IssueState(enum.StrEnum):
    """The life of an issue; see docs/explanation/ledger.md for who moves it."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    FROZEN = "frozen"
    SENDING = "sending"
    PAUSED = "paused"
    PARKED = "parked"
    SENT = "sent"
    SKIPPED = "skipped"
    HELD = "held"
    CANCELLED = "cancelled"


BEFORE_FREEZE = (IssueState.DRAFT, IssueState.SCHEDULED, IssueState.HELD)
AFTER_FREEZE = (
    IssueState.FROZEN,
    IssueState.SENDING,
    IssueState.PAUSED,
    IssueState.PARKED,
    IssueState.SENT,
)


class Issue(Base):
    """Known by (newsletter, `occurrence_on`): the local date of its slot, NULL for a special.

    `number` is given at freeze. `reason` says in words why it is parked, skipped, held or
    cancelled. `dateline` is the local date that the issue shows. `unaccounted`: how many of the
    audience had no delivery when it was closed, which should be none. `watched_until`, by the
    database's clock, is when the tick stops looking for rows of an issue that is over.
    `lateness_judged_at` is when it was paused for being late, or resumed by a person. From
    `folded_at` on its deliveries are told by totals (`IssueTotal`); at `cleared_at` the last of
    its rows is gone.
    """

    __tablename__ = "issue"
    __table_args__ = (
        UniqueConstraint("newsletter_id", "occurrence_on"),
        UniqueConstraint("newsletter_id", "number"),
        Index("ix_issue_state", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletter.id"))
    occurrence_on: Mapped[date | None]
    dateline: Mapped[date]
    number: Mapped[int | None]
    state: Mapped[IssueState] = mapped_column(default=IssueState.DRAFT)
    reason: Mapped[str | None] = mapped_column(String(500))
    compose_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    send_at: Mapped[datetime]
    composed_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None] = mapped_column(String(100))

    subject: Mapped[str | None] = mapped_column(String(300))
    preheader: Mapped[str | None] = mapped_column(String(300))
    note: Mapped[str | None] = mapped_column(Text)
    last_thing: Mapped[str | None] = mapped_column(Text)

    frozen_at: Mapped[datetime | None]
    audience: Mapped[int | None]
    unaccounted: Mapped[int | None]
    sent_at: Mapped[datetime | None]
    parked_until: Mapped[datetime | None]
    lateness_judged_at: Mapped[datetime | None]
    watched_until: Mapped[datetime | None]
    folded_at: Mapped[datetime | None]
    cleared_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    newsletter: Mapped[Newsletter] = relationship()
    stories: Mapped[list["Story"]] = relationship(
        order_by="Story.position", cascade="all, delete-orphan", back_populates="issue"
    )
    left_out: Mapped[list["LeftOut"]] = relationship(
        order_by="LeftOut.id", cascade="all, delete-orphan"
    )


class StoryRole(enum.StrEnum):
    """How a story is set."""

    LEAD = "lead"
    STORY = "story"
    BRIEF = "brief"


class Story(Base):
    """An article's place in an issue. The copied fields are NULL until the issue is frozen.

    `blurb` is the editor's own standfirst; `why` says how the story came to be picked, and
    `picked_by` by whom: NULL where the rule did.
    """

    __tablename__ = "story"
    __table_args__ = (
        UniqueConstraint("issue_id", "article_id"),
        Index("ix_story_article_id", "article_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"))
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"))
    position: Mapped[int]
    role: Mapped[StoryRole]
    blurb: Mapped[str | None] = mapped_column(Text)
    why: Mapped[str] = mapped_column(String(500), default="")
    picked_by: Mapped[str | None] = mapped_column(String(100))

    title: Mapped[str | None] = mapped_column(String(500))
    standfirst: Mapped[str | None] = mapped_column(Text)
    byline: Mapped[str | None] = mapped_column(String(200))
    section: Mapped[str | None] = mapped_column(String(60))
    url: Mapped[str | None] = mapped_column(String(2000))
    minutes: Mapped[int | None]
    image: Mapped[str | None] = mapped_column(String(64))
    image_alt: Mapped[str | None] = mapped_column(String(300))

    issue: Mapped[Issue] = relationship(back_populates="stories")
    article: Mapped[Article] = relationship()


class LeftOut(Base):
    """A story that was withdrawn while its issue waited, and what took its place, if anything.

    `by_hand`: a person had picked, written or approved it, so that nothing could.
    """

    __tablename__ = "left_out"
    __table_args__ = (Index("ix_left_out_issue_id", "issue_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"))
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"))
    title: Mapped[str] = mapped_column(String(500))
    by_hand: Mapped[bool]
    replacement_id: Mapped[int | None] = mapped_column(ForeignKey("article.id"))
    at: Mapped[datetime]

    replacement: Mapped[Article | None] = relationship(foreign_keys=[replacement_id])


class Rendering(Base):
    """The frozen bytes of one variant of an issue: the stencil that every message is made from."""

    __tablename__ = "rendering"
    __table_args__ = (UniqueConstraint("issue_id", "variant"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    variant: Mapped[str] = mapped_column(String(100))
    topics: Mapped[list[str]] = mapped_column(JSON, default=list)
    language: Mapped[str] = mapped_column(String(35))
    subject: Mapped[str] = mapped_column(String(300))
    stencil: Mapped[bytes] = deferred(mapped_column(LargeBinary))
    created_at: Mapped[datetime]
