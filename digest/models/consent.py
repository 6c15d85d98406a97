"""Evidence of what each reader agreed to, in which words, when: insert-only."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base


class ConsentKind(enum.StrEnum):
    """What happened."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    RESTORED = "restored"
    IMPORTED = "imported"
    ERASED = "erased"


class Consent(Base):
    """One event about one person (`subject`, random). A trigger refuses UPDATE and DELETE.

    `mac` is an HMAC-SHA256 of the personal fields under the salt in `consent_detail`.
    """

    __tablename__ = "consent"

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[bytes] = mapped_column(LargeBinary(16), index=True)
    kind: Mapped[ConsentKind]
    newsletter_id: Mapped[int | None] = mapped_column(ForeignKey("newsletter.id"))
    wording_id: Mapped[int | None] = mapped_column(ForeignKey("wording.id"))
    terms_id: Mapped[int | None] = mapped_column(ForeignKey("terms.id"))
    at: Mapped[datetime]
    mac: Mapped[bytes] = mapped_column(LargeBinary(32))


class ConsentDetail(Base):
    """The personal side of an event. Erasure deletes it, and the salt with it."""

    __tablename__ = "consent_detail"

    consent_id: Mapped[int] = mapped_column(ForeignKey("consent.id"), primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary(32))
    email: Mapped[str | None] = mapped_column(String(320))
    name: Mapped[str | None] = mapped_column(String(200))
    ip: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(500))
    page_url: Mapped[str | None] = mapped_column(Text)
    form: Mapped[str | None] = mapped_column(String(60))


class ConsentSeal(Base):
    """A link of the hash chain over consents, made by the tick. Insert-only as well."""

    __tablename__ = "consent_seal"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    consent_id: Mapped[int] = mapped_column(ForeignKey("consent.id"), unique=True)
    previous: Mapped[bytes] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    sealed_at: Mapped[datetime]
