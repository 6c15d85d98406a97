"""An issue of a newsletter: its slot in the calendar, its stories, and what was left out of it."""

import enum
from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from digest.database.tables import Base, IndexOfSome
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
UNDER_WAY = (IssueState.FROZEN, IssueState.SENDING, IssueState.PAUSED, IssueState.PARKED)
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
    `folded_at` on its deliveries are told by totals (`IssueTotal`), which the tick counted last at
    `counted_at`; at `cleared_at` the last of its rows is gone. `version` counts the changes to its
    words and stories (`IssueChange`).
    """

    __tablename__ = "issue"
    __table_args__ = (
        UniqueConstraint("newsletter_id", "occurrence_on"),
        UniqueConstraint("newsletter_id", "number"),
        Index("ix_issue_state", "state"),
        # What the tick asks for each minute is found without a look at all that has gone out.
        Index("ix_issue_watched_until", "watched_until"),
        IndexOfSome(
            "ix_issue_uncounted",
            "frozen_at",
            rows="counted_at IS NULL AND folded_at IS NULL AND frozen_at IS NOT NULL",
        ),
        IndexOfSome("ix_issue_unfolded", "sent_at", rows="folded_at IS NULL"),
        IndexOfSome(
            "ix_issue_uncleared",
            "folded_at",
            rows="folded_at IS NOT NULL AND cleared_at IS NULL",
        ),
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
    version: Mapped[int] = mapped_column(default=0, server_default="0")

    frozen_at: Mapped[datetime | None]
    audience: Mapped[int | None]
    unaccounted: Mapped[int | None]
    sent_at: Mapped[datetime | None]
    parked_until: Mapped[datetime | None]
    lateness_judged_at: Mapped[datetime | None]
    watched_until: Mapped[datetime | None]
    counted_at: Mapped[datetime | None]
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

    But for three, which hold an editor's own words before that: `title` is her headline, `section`
    her label, `image_alt` what she says of the picture. `blurb` is her own standfirst. NULL: the
    article's. With `own_picture` the story shows `own_lead` or `own_thumbnail`, media of ours, or,
    where they are NULL, none. They are cropped out of `own_whole`, which is kept until the freeze,
    about `own_focus`: "30,70" is 30 % from the left and 70 % from the top, NULL the centre. `why`
    says how the story came to be picked, and `picked_by` by whom: NULL where the rule did.
    """

    __tablename__ = "story"
    __table_args__ = (
        UniqueConstraint("issue_id", "article_id"),
        Index("ix_story_article_id", "article_id"),
        # Who deletes a picture looks whether a story has it.
        IndexOfSome("ix_story_own_lead", "own_lead", rows="own_lead IS NOT NULL"),
        IndexOfSome("ix_story_own_thumbnail", "own_thumbnail", rows="own_thumbnail IS NOT NULL"),
        IndexOfSome("ix_story_own_whole", "own_whole", rows="own_whole IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"))
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"))
    position: Mapped[int]
    role: Mapped[StoryRole]
    blurb: Mapped[str | None] = mapped_column(Text)
    why: Mapped[str] = mapped_column(String(500), default="")
    picked_by: Mapped[str | None] = mapped_column(String(100))
    own_picture: Mapped[bool] = mapped_column(default=False, server_default=false())
    own_lead: Mapped[str | None] = mapped_column(String(64))
    own_thumbnail: Mapped[str | None] = mapped_column(String(64))
    own_whole: Mapped[str | None] = mapped_column(String(64))
    own_focus: Mapped[str | None] = mapped_column(String(7))

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

    @property
    def is_frozen(self) -> bool:
        """Whether the article's fields have been copied: every article has an address."""
        return self.url is not None

    @property
    def is_by_hand(self) -> bool:
        """Whether a person picked it, or has written in it, or chosen its picture."""
        words = (self.picked_by, self.title, self.blurb, self.section, self.image_alt)
        return self.own_picture or any(each is not None for each in words)

    @property
    def headline(self) -> str:
        """The headline that it has in the issue."""
        return self.title or self.article.title


class LeftOut(Base):
    """A story that was withdrawn while its issue waited, and what took its place, if anything.

    `by_hand`: a person had picked, written or approved it, so that nothing could. `hidden`: it was
    not withdrawn, but hidden before its issue was composed.
    """

    __tablename__ = "left_out"
    __table_args__ = (Index("ix_left_out_issue_id", "issue_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"))
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"))
    title: Mapped[str] = mapped_column(String(500))
    by_hand: Mapped[bool]
    hidden: Mapped[bool] = mapped_column(default=False, server_default=false())
    replacement_id: Mapped[int | None] = mapped_column(ForeignKey("article.id"))
    at: Mapped[datetime]

    replacement: Mapped[Article | None] = relationship(foreign_keys=[replacement_id])
