"""Why readers leave, counted: a number for each month and reason, and nobody's name."""

import enum
from datetime import date

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base


class LeavingReason(enum.StrEnum):
    """What a reader may tick after having left."""

    TOO_OFTEN = "too_often"
    NOT_FOR_ME = "not_for_me"
    NO_TIME = "no_time"
    ELSEWHERE = "elsewhere"
    NEVER_ASKED = "never_asked"


class Farewell(Base):
    """How many readers of a newsletter gave a reason in a month (`month` is its first day)."""

    __tablename__ = "farewell"

    newsletter_id: Mapped[int] = mapped_column(
        ForeignKey("newsletter.id"), primary_key=True, autoincrement=False
    )
    month: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[LeavingReason] = mapped_column(primary_key=True)
    readers: Mapped[int]
