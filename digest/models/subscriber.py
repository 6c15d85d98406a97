"""The reader: subscriber, subscriptions, suppression, and who may be mailed."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, LargeBinary, String, and_, case
from sqlalchemy.orm import Mapped, mapped_column, relationship

from digest.database.tables import Base, IndexOfSome
from digest.models.newsletter import Newsletter

# Sorted by its bytes, so that the beginning of an address is a range of it on both databases.
EMAIL_KEY = String(320).with_variant(String(320, collation="C"), "postgresql")


class Subscriber(Base):
    """A person. After erasure the row stays, without anything personal in it.

    `suppression_mac` is the HMAC of `email_key`: suppressions are found by it in SQL.
    """

    __tablename__ = "subscriber"

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    email: Mapped[str | None] = mapped_column(String(320))
    email_key: Mapped[str | None] = mapped_column(EMAIL_KEY, unique=True)
    suppression_mac: Mapped[str | None] = mapped_column(String(64), index=True)
    name: Mapped[str | None] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(35), default="en")
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]

    subscriptions: Mapped[list["Subscription"]] = relationship(back_populates="subscriber")


class EndedReason(enum.StrEnum):
    """Why a period ended."""

    LEFT = "left"
    ERASED = "erased"
    COMPLAINED = "complained"
    BOUNCED = "bounced"
    REMOVED = "removed"


class Subscription(Base):
    """A period in which a subscriber gets a newsletter; at most one of them is active.

    `token_id` stands in every link that the reader is mailed during the period. `reason_told_at`:
    the reader said why they left; what they said is counted elsewhere, apart from them.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        IndexOfSome(
            "uq_subscription_active",
            "newsletter_id",
            "subscriber_id",
            unique=True,
            rows="ended_at IS NULL",
        ),
        Index("ix_subscription_subscriber_id", "subscriber_id"),
        Index("ix_subscription_started_at", "started_at"),
        IndexOfSome(
            "ix_subscription_ended_at",
            "ended_at",
            rows="ended_at IS NOT NULL",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token_id: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletter.id"))
    topics: Mapped[list[str]] = mapped_column(JSON, default=list)
    site: Mapped[str] = mapped_column(String(253))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[EndedReason | None]
    paused_until: Mapped[datetime | None]
    reason_told_at: Mapped[datetime | None]

    subscriber: Mapped[Subscriber] = relationship(back_populates="subscriptions")
    newsletter: Mapped[Newsletter] = relationship()


class SuppressionReason(enum.StrEnum):
    """Why an address must not be mailed. `erased` blocks imports only."""

    ERASED = "erased"
    COMPLAINED = "complained"
    BOUNCED = "bounced"
    MANUAL = "manual"


class Suppression(Base):
    """An address that must not be mailed, as an HMAC: the address itself is not kept."""

    __tablename__ = "suppression"
    __table_args__ = (Index("ix_suppression_mac", "mac"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    mac: Mapped[str] = mapped_column(String(64))
    reason: Mapped[SuppressionReason]
    created_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None] = mapped_column(String(100))


def blocks_mail() -> ColumnElement[bool]:
    """Say which suppressions stop a mail to a confirmed reader: all in force but `erased`."""
    return and_(Suppression.lifted_at.is_(None), Suppression.reason != SuppressionReason.ERASED)


def reason_not_to_mail(now: datetime | ColumnElement[datetime]) -> ColumnElement[Any]:
    """Return SQL for why a reader may not be mailed, NULL where they may.

    For a statement that outer-joins `Subscription` (the active period) and `Suppression`
    (one that `blocks_mail`) to the reader's row; `now` is the calendar's time.
    """
    return case(
        (Suppression.id.is_not(None), "suppressed"),
        (Subscription.id.is_(None), "left"),
        (Subscription.paused_until > now, "paused"),
        else_=None,
    )
