"""What is counted for reports: small tables, so that no page reads every reader or delivery.

The tick fills them. Nobody's name, address or id is in them.
"""

import enum
from datetime import date, datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base


class Counted(enum.StrEnum):
    """What happened on a day. `asked` and `confirmed` are sign-ups, the others periods."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    STARTED = "started"
    ENDED = "ended"


class DayCount(Base):
    """How often something happened to a newsletter on a day of UTC.

    `detail` is the form's name of a sign-up, '' where none was named, and the reason
    (`EndedReason`) of what ended.
    """

    __tablename__ = "day_count"

    newsletter_id: Mapped[int] = mapped_column(
        ForeignKey("newsletter.id"), primary_key=True, autoincrement=False
    )
    day: Mapped[date] = mapped_column(primary_key=True)
    what: Mapped[Counted] = mapped_column(primary_key=True)
    detail: Mapped[str] = mapped_column(String(60), primary_key=True, default="")
    readers: Mapped[int]


class AcceptedMinute(Base):
    """How many messages of an issue the relay accepted within the minute that begins at `minute`.

    By the database's clock, as deliveries are. It outlives them.
    """

    __tablename__ = "accepted_minute"

    issue_id: Mapped[int] = mapped_column(
        ForeignKey("issue.id"), primary_key=True, autoincrement=False
    )
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    readers: Mapped[int]


class StoryClicks(Base):
    """How often a story's link in the mail was followed: by readers, and by machines."""

    __tablename__ = "story_clicks"

    story_id: Mapped[int] = mapped_column(
        ForeignKey("story.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    clicks: Mapped[int]
    by_machines: Mapped[int]
