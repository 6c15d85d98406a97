"""A newsletter: its promise, its editor, its look and its calendar."""

import enum
from datetime import datetime, time
from typing import Any

from sqlalchemy import JSON, CheckConstraint, String, Text, Time, false
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base


class Approval(enum.StrEnum):
    """Whether an issue goes out by itself, needs a person, or one who wrote nothing in it."""

    AUTOMATIC = "automatic"
    REQUIRED = "required"
    SECOND_PERSON = "second-person"

    @property
    def waits(self) -> bool:
        """Whether nothing goes out that nobody has approved."""
        return self is not Approval.AUTOMATIC


class InDoubtPolicy(enum.StrEnum):
    """What becomes of a message whose relay never answered."""

    HOLD = "hold"
    RESEND = "resend"


class Newsletter(Base):
    """A letter that readers ask for. `weekday` counts from Monday, 0; `local_time` is in `zone`.

    Its slots count from `calendar_since`, when they were last changed. `palette` holds the colours
    computed from `accent` when it was saved. `topics` are those that readers may choose from, name
    by slug; `languages` are those that it comes in beside `language`.

    `source_ids` and `sections` name what feeds it (`digest.models.article.fed_to`); none: all.
    Among the sources None stands for the articles that have none: from the API, or by hand.
    `count_clicks`: its mails' links to stories lead through us, and are counted.
    """

    __tablename__ = "newsletter"
    __table_args__ = (
        CheckConstraint("weekday between 0 and 6", name="weekday"),
        CheckConstraint("story_min between 1 and story_count", name="story_count"),
        CheckConstraint("compose_hours >= close_hours and close_hours >= 0", name="hours_ahead"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    promise: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(35), default="en")
    languages: Mapped[list[str]] = mapped_column(JSON, default=list)
    topics: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    accent: Mapped[str] = mapped_column(String(7))
    palette: Mapped[dict[str, Any]] = mapped_column(JSON)

    editor_name: Mapped[str] = mapped_column(String(100))
    editor_email: Mapped[str] = mapped_column(String(320))
    editor_portrait: Mapped[str | None] = mapped_column(String(64))
    from_name: Mapped[str] = mapped_column(String(100))
    from_address: Mapped[str] = mapped_column(String(320))
    reply_to: Mapped[str | None] = mapped_column(String(320))
    postal_address: Mapped[str] = mapped_column(String(300))

    weekday: Mapped[int]
    local_time: Mapped[time] = mapped_column(Time)
    zone: Mapped[str] = mapped_column(String(60))
    compose_hours: Mapped[int] = mapped_column(default=24)
    close_hours: Mapped[int] = mapped_column(default=1)
    approval: Mapped[Approval] = mapped_column(default=Approval.AUTOMATIC)
    story_count: Mapped[int] = mapped_column(default=8)
    story_min: Mapped[int] = mapped_column(default=3)
    story_max_age_days: Mapped[int] = mapped_column(default=14)
    source_ids: Mapped[list[int | None]] = mapped_column(JSON, default=list)
    sections: Mapped[list[str]] = mapped_column(JSON, default=list)
    briefs_heading: Mapped[str] = mapped_column(String(100), default="Also on my desk")
    in_doubt_policy: Mapped[InDoubtPolicy] = mapped_column(default=InDoubtPolicy.HOLD)
    count_clicks: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime]
    calendar_since: Mapped[datetime]
    retired_at: Mapped[datetime | None]
