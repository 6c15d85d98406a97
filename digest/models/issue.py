"""An issue of a newsletter: its slot in the calendar, its stories, its frozen bytes."""

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, deferred, mapped_column, relationship

from digest.database.tables import Base
from digest.models.article import Article, where
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
        Index(
            "ix_issue_uncounted",
            "frozen_at",
            **where("counted_at IS NULL AND folded_at IS NULL AND frozen_at IS NOT NULL"),
        ),
        Index("ix_issue_unfolded", "sent_at", **where("folded_at IS NULL")),
        Index(
            "ix_issue_uncleared",
            "folded_at",
            **where("folded_at IS NOT NULL AND cleared_at IS NULL"),
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
        Index("ix_story_own_lead", "own_lead", **where("own_lead IS NOT NULL")),
        Index("ix_story_own_thumbnail", "own_thumbnail", **where("own_thumbnail IS NOT NULL")),
        Index("ix_story_own_whole", "own_whole", **where("own_whole IS NOT NULL")),
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


class Rendering(Base):
    """The frozen bytes of one variant of an issue: the stencil that every message is made from.

    They never change. An issue that is corrected after its freeze gets another `edition` of them:
    `replaced_by` is then the newest, which is what goes out from there on. `accepted`: how many got
    this one, written down when the issue's deliveries are folded.
    """

    __tablename__ = "rendering"
    __table_args__ = (UniqueConstraint("issue_id", "variant", "edition"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id"))
    variant: Mapped[str] = mapped_column(String(100))
    edition: Mapped[int] = mapped_column(default=1, server_default="1")
    replaced_by: Mapped[int | None] = mapped_column(ForeignKey("rendering.id"))
    accepted: Mapped[int | None]
    topics: Mapped[list[str]] = mapped_column(JSON, default=list)
    language: Mapped[str] = mapped_column(String(35))
    subject: Mapped[str] = mapped_column(String(300))
    stencil: Mapped[bytes] = deferred(mapped_column(LargeBinary))
    created_at: Mapped[datetime]


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
