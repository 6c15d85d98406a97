"""What came of asking: a source for its feed, and an article's page whether it is there."""

from datetime import datetime

from sqlalchemy import (
    ForeignKey,
    Index,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from digest.database.tables import Base


class SourceFetch(Base):
    """What came of fetching a source: once, or so many `times` on end with nothing else to tell.

    `began_at` is when it was fetched, or first was, `last_at` when it last was; `took_ms` is how
    long the longest of them took. `unusable` entries had no title or no page; `moved_to` is where
    the feed has moved for good. `error`: why nothing came of it, in words.
    """

    __tablename__ = "source_fetch"
    __table_args__ = (Index(None, "source_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id", ondelete="CASCADE"))
    began_at: Mapped[datetime]
    last_at: Mapped[datetime]
    times: Mapped[int] = mapped_column(default=1)
    took_ms: Mapped[int]
    unchanged: Mapped[bool] = mapped_column(default=False)
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unusable: Mapped[int] = mapped_column(default=0)
    moved_to: Mapped[str | None] = mapped_column(String(2000))
    error: Mapped[str | None] = mapped_column(String(500))


class PageCheck(Base):
    """Whether an article's page is still there. `due_at`: when it is to be asked, NULL if never.

    `gone_since` is when the page at `url` first answered that it is gone, and nothing else since;
    `status` is its last answer, NULL where there was none. `failures` counts how often in a row
    that was no answer to the question. `missing_since`: its feed no longer has it, though it
    reaches back further.
    """

    __tablename__ = "page_check"

    article_id: Mapped[int] = mapped_column(
        ForeignKey("article.id"), primary_key=True, autoincrement=False
    )
    url: Mapped[str | None] = mapped_column(String(2000))
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    asked_at: Mapped[datetime | None]
    status: Mapped[int | None]
    gone_since: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    missing_since: Mapped[datetime | None]
