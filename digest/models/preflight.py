"""What was found before an issue goes out: whether its links answer, and what a person accepted."""

import enum
from datetime import datetime

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base


class LinkAnswer(enum.StrEnum):
    """What came of asking a link. `unclear`: the site does not talk to programs like ours."""

    ANSWERS = "answers"
    BROKEN = "broken"
    UNCLEAR = "unclear"


class LinkCheck(Base):
    """What a link answered when it was last asked; known by the SHA-256 of its address.

    `final_url` is where it led in the end, NULL where it is longer than an address of ours may be;
    `words` say what is wrong with it, and are empty where nothing is. Kept for a day.
    """

    __tablename__ = "link_check"

    url_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    url: Mapped[str] = mapped_column(String(2000))
    answer: Mapped[LinkAnswer]
    final_url: Mapped[str | None] = mapped_column(String(2000))
    words: Mapped[str] = mapped_column(String(300), default="")
    checked_at: Mapped[datetime] = mapped_column(index=True)


class AcceptedFinding(Base):
    """A warning about an issue that a person let stand, as it was.

    `code` tells the finding from any other, and from the same one once it has changed. `user_id`
    is NULL for whoever typed a command.
    """

    __tablename__ = "accepted_finding"
    __table_args__ = (UniqueConstraint("issue_id", "code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issue.id", ondelete="CASCADE"))
    code: Mapped[str] = mapped_column(String(16))
    sentence: Mapped[str] = mapped_column(String(500))
    by: Mapped[str] = mapped_column(String(100))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("desk_user.id"))
    at: Mapped[datetime]


class PreflightReport(Base):
    """What was last found about an issue: `found` holds the findings' codes.

    `by_itself_at` is when it was last looked over just before its freeze, and `turned_bad` has
    the sentences on what had turned bad by then.
    """

    __tablename__ = "preflight_report"

    issue_id: Mapped[int] = mapped_column(
        ForeignKey("issue.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime]
    found: Mapped[list[str]] = mapped_column(JSON, default=list)
    by_itself_at: Mapped[datetime | None]
    turned_bad: Mapped[list[str]] = mapped_column(JSON, default=list)
