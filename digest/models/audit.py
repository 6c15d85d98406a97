"""Who did what at the desk, and the chain of it."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from digest.database.tables import Base
from digest.models.desk import User


class AuditEvent(Base):
    """Who did what to which row of a table, and the names of the columns that it changed.

    Insert-only, as a trigger holds. `user_id` is None where the server's operator did it by a
    command, or somebody who did not show who they are: then there is an `origin_mac`. Of what is
    personal it holds HMACs alone: see `AuditDetail`.
    """

    __tablename__ = "audit_event"
    __table_args__ = (Index("ix_audit_event_row", "of_table", "row_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("desk_user.id"))
    verb: Mapped[str] = mapped_column(String(60))
    of_table: Mapped[str] = mapped_column(String(60))
    row_id: Mapped[int | None]
    newsletter_id: Mapped[int | None] = mapped_column(ForeignKey("newsletter.id"))
    fields: Mapped[list[str]] = mapped_column(JSON, default=list)
    origin_mac: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    values_mac: Mapped[bytes | None] = mapped_column(LargeBinary(32))

    user: Mapped[User | None] = relationship()


class AuditPart(enum.StrEnum):
    """What of an event is personal: where it was done from, and what stood in the row."""

    ORIGIN = "origin"
    VALUES = "values"


class AuditDetail(Base):
    """A personal part of an event, under a salt of its own; erasure and retention delete it.

    The event's HMAC is made over `content` as canonical JSON (RFC 8785).
    """

    __tablename__ = "audit_detail"

    event_id: Mapped[int] = mapped_column(ForeignKey("audit_event.id"), primary_key=True)
    part: Mapped[AuditPart] = mapped_column(primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary(32))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)


class AuditSeal(Base):
    """A link of the hash chain over audit events, made by the tick. Insert-only as well."""

    __tablename__ = "audit_seal"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(ForeignKey("audit_event.id"), unique=True)
    previous: Mapped[bytes] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    sealed_at: Mapped[datetime]
