"""The delivery ledger, and the notices: what is to be handed to the relay, and what it said."""

import enum
from datetime import datetime

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from digest.database.tables import Base, IndexOfSome, PartitionedTable, database_now
from digest.models.issue import Issue
from digest.models.newsletter import Newsletter
from digest.models.sign_up import SignUp
from digest.models.subscriber import Subscriber


class DeliveryState(enum.StrEnum):
    """The life of a delivery; DESIGN: the delivery ledger."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    ACCEPTED = "accepted"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    FAILED = "failed"
    EXCLUDED = "excluded"
    CANCELLED = "cancelled"
    IN_DOUBT = "in_doubt"


OPEN = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.SENDING)
DID_NOT_GET_IT = (DeliveryState.FAILED, DeliveryState.EXCLUDED, DeliveryState.CANCELLED)
# What the relay accepted, whatever came back of it later.
ONCE_ACCEPTED = (DeliveryState.ACCEPTED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED)
MAY_HAVE_ARRIVED = (
    *ONCE_ACCEPTED,
    DeliveryState.SENDING,
    DeliveryState.IN_DOUBT,
)


class Delivery(Base):
    """One row per (issue, subscriber): ids only, never an address.

    `next_attempt_at` and `lease_until` are by the database's clock; `released_at` is when the row
    was first queued, from which giving up is reckoned. `claim` is the token of the worker that
    holds the row, or held it last. On PostgreSQL each issue has a partition of its own, made at
    freeze, so that old issues can be dropped whole; hence no foreign key points here. That a
    delivery has its issue is seen to by a foreign key on SQLite, and by the partition on
    PostgreSQL (docs/decisions/0015-partitions.md).
    """

    __table_cls__ = PartitionedTable
    __tablename__ = "delivery"
    __table_args__ = (
        ForeignKeyConstraint(["issue_id"], ["issue.id"]).ddl_if(dialect="sqlite"),
        IndexOfSome(
            "ix_delivery_queued",
            "issue_id",
            "next_attempt_at",
            rows="state = 'queued'",
        ),
        IndexOfSome(
            "ix_delivery_held",
            "issue_id",
            "lease_until",
            rows="state IN ('claimed', 'sending', 'in_doubt')",
        ),
        IndexOfSome(
            "ix_delivery_claim",
            "claim",
            rows="state IN ('claimed', 'sending', 'in_doubt')",
        ),
        {"info": {"partition_by": "LIST (issue_id)"}},
    )

    issue_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    subscriber_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rendering_id: Mapped[int]
    state: Mapped[DeliveryState] = mapped_column(default=DeliveryState.QUEUED)
    reason: Mapped[str | None] = mapped_column(String(40))
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    released_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    claim: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    lease_until: Mapped[datetime | None]
    final_at: Mapped[datetime | None]
    code: Mapped[int | None] = mapped_column(SmallInteger)
    enhanced: Mapped[str | None] = mapped_column(String(12))
    reply: Mapped[str | None] = mapped_column(String(500))


class Attempt(Base):
    """What came of a try that was not simply accepted. `stage` is the SMTP command it ended at."""

    __tablename__ = "attempt"
    __table_args__ = (Index("ix_attempt_issue_id_subscriber_id", "issue_id", "subscriber_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int]
    subscriber_id: Mapped[int]
    at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(20))
    stage: Mapped[str] = mapped_column(String(20))
    code: Mapped[int | None] = mapped_column(SmallInteger)
    enhanced: Mapped[str | None] = mapped_column(String(12))
    reply: Mapped[str | None] = mapped_column(String(500))


class IssueTotal(Base):
    """How many deliveries of an issue ended alike. `reason` is '' and `code` 0 for none.

    Of a folded issue they are all that is left; of another they are as of `Issue.counted_at`. There
    are always rows for accepted and for bounced, so that a late bounce has where to go.
    """

    __tablename__ = "issue_total"

    issue_id: Mapped[int] = mapped_column(
        ForeignKey("issue.id"), primary_key=True, autoincrement=False
    )
    state: Mapped[DeliveryState] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(String(40), primary_key=True, default="")
    code: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, autoincrement=False, default=0
    )
    readers: Mapped[int]


class BounceKind(enum.StrEnum):
    """What a report about a mail that came back says of it."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"


class BounceReason(enum.StrEnum):
    """Why a mail came back. Only `address` says that nobody is there."""

    ADDRESS = "address"
    FULL = "full"
    CONTENT = "content"
    REPUTATION = "reputation"
    AUTHENTICATION = "authentication"
    SENDER = "sender"
    SIZE = "size"
    NETWORK = "network"
    UNKNOWN = "unknown"


class Bounce(Base):
    """What came back of a delivery: a report of each kind counts once. No address is kept.

    `reason` is None where it came before reasons were decided.

    These rows outlive the deliveries, so that a report that comes twice is known for ever.
    """

    __tablename__ = "bounce"
    __table_args__ = (Index("ix_bounce_at", "at"),)

    issue_id: Mapped[int] = mapped_column(
        ForeignKey("issue.id"), primary_key=True, autoincrement=False
    )
    subscriber_id: Mapped[int] = mapped_column(
        ForeignKey("subscriber.id"), primary_key=True, autoincrement=False
    )
    kind: Mapped[BounceKind] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    enhanced: Mapped[str | None] = mapped_column(String(12))
    text: Mapped[str | None] = mapped_column(String(500))
    reason: Mapped[BounceReason | None]


class NoticeKind(enum.StrEnum):
    """What a notice is for."""

    CONFIRMATION = "confirmation"
    ALREADY_SIGNED_UP = "already_signed_up"
    DRAFT_READY = "draft_ready"
    REMINDER = "reminder"
    HELD = "held"
    STORY_WITHDRAWN = "story_withdrawn"
    FRESH_LINK = "fresh_link"
    ADDRESS_CHANGED = "address_changed"
    USER_LINK = "user_link"
    TURNED_BAD = "turned_bad"
    CORRECTION_WAITS = "correction_waits"


class NoticeState(enum.StrEnum):
    """The life of a notice: as a delivery's, but no one can leave it."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Notice(Base):
    """One mail to one person. `to_address` is deleted when the state is final.

    `once` is unique where it is set: it keeps a notice from being queued twice. `created_at` is
    the calendar's time; the other moments are by the database's clock.
    """

    __tablename__ = "notice"
    __table_args__ = (
        IndexOfSome(
            "ix_notice_open",
            "next_attempt_at",
            rows="state IN ('queued', 'sending')",
        ),
        # Whoever looks at one reader reads no other's; most notices are to those who are none yet.
        IndexOfSome(
            "ix_notice_subscriber_id",
            "subscriber_id",
            rows="subscriber_id IS NOT NULL",
        ),
        # The tick asks what was told of an issue, and most notices are of none.
        IndexOfSome("ix_notice_issue_id", "issue_id", rows="issue_id IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token_id: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    kind: Mapped[NoticeKind]
    to_address: Mapped[str | None] = mapped_column(String(320))
    once: Mapped[str | None] = mapped_column(String(120), unique=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletter.id"))
    sign_up_id: Mapped[int | None] = mapped_column(ForeignKey("sign_up.id", ondelete="SET NULL"))
    subscriber_id: Mapped[int | None] = mapped_column(ForeignKey("subscriber.id"))
    issue_id: Mapped[int | None] = mapped_column(ForeignKey("issue.id"))
    state: Mapped[NoticeState] = mapped_column(default=NoticeState.QUEUED)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    created_at: Mapped[datetime]
    released_at: Mapped[datetime] = mapped_column(default=database_now())
    next_attempt_at: Mapped[datetime] = mapped_column(default=database_now())
    claim: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    lease_until: Mapped[datetime | None]
    final_at: Mapped[datetime | None]
    code: Mapped[int | None] = mapped_column(SmallInteger)
    enhanced: Mapped[str | None] = mapped_column(String(12))
    reply: Mapped[str | None] = mapped_column(String(500))

    newsletter: Mapped[Newsletter] = relationship()
    sign_up: Mapped[SignUp | None] = relationship()
    subscriber: Mapped[Subscriber | None] = relationship()
    issue: Mapped[Issue | None] = relationship()
