"""The words that readers agree to: versioned, and kept for ever."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from digest.database.tables import Base


class Terms(Base):
    """One version of the terms & conditions, as Markdown. `version` is public: /terms/<version>."""

    __tablename__ = "terms"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(unique=True)
    body: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime]


class Wording(Base):
    """The sentence beside the checkbox, with the terms that it linked to.

    `label` holds the sentence, its link's words between square brackets. `number` is public: a
    form sends it back, and the evidence is what was shown. The words on the buttons of the
    preferences are kept as wordings too: their numbers are negative, which no form can send.
    """

    __tablename__ = "wording"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    label: Mapped[str] = mapped_column(String(300))
    language: Mapped[str] = mapped_column(String(35), default="en")
    terms_id: Mapped[int] = mapped_column(ForeignKey("terms.id"))
    created_at: Mapped[datetime]

    terms: Mapped[Terms] = relationship(lazy="joined", innerjoin=True)
