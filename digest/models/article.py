"""Where stories come from: sources and their articles."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from digest.database.tables import Base


class Source(Base):
    """A feed. `priority` raises (or, negative, lowers) its articles when an issue is composed.

    `content_hash` tells what was last read and stored in full, and how: the reader's version, our
    settings and the feed's bytes. NULL: it is read when it is next fetched, changed or not.
    """

    __tablename__ = "source"

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(String(2000), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    section: Mapped[str | None] = mapped_column(String(60))
    priority: Mapped[int] = mapped_column(default=0)
    etag: Mapped[str | None] = mapped_column(String(500))
    last_modified: Mapped[str | None] = mapped_column(String(100))
    content_hash: Mapped[str | None] = mapped_column(String(100))
    fetched_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    next_fetch_at: Mapped[datetime] = mapped_column(index=True)
    failures: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class Article(Base):
    """A piece on the publisher's site, as text and checked links.

    `image_url` is where the picture came from; `lead_image` (16:9) and `thumbnail` (4:3) are
    media of ours, NULL where there is none or it is too small. `image_due_at` is when the picture
    is to be fetched, NULL once that is settled, well or badly. `minutes` is the reading time.
    """

    __tablename__ = "article"
    __table_args__ = (
        Index("uq_article_source_id_guid", "source_id", "guid", unique=True),
        Index("ix_article_first_seen_at", "first_seen_at"),
        Index("ix_article_image_due_at", "image_due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int | None] = mapped_column(ForeignKey("source.id"))
    guid: Mapped[str | None] = mapped_column(String(2000))
    url: Mapped[str] = mapped_column(String(2000), unique=True)
    title: Mapped[str] = mapped_column(String(500))
    standfirst: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text, default="")
    byline: Mapped[str | None] = mapped_column(String(200))
    section: Mapped[str | None] = mapped_column(String(60))
    topics: Mapped[list[str]] = mapped_column(JSON, default=list)
    image_url: Mapped[str | None] = mapped_column(String(2000))
    image_alt: Mapped[str] = mapped_column(String(300), default="")
    image_due_at: Mapped[datetime | None]
    image_failures: Mapped[int] = mapped_column(default=0)
    lead_image: Mapped[str | None] = mapped_column(ForeignKey("media.hash"))
    thumbnail: Mapped[str | None] = mapped_column(ForeignKey("media.hash"))
    minutes: Mapped[int] = mapped_column(default=1)
    published_at: Mapped[datetime]
    first_seen_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    source: Mapped[Source | None] = relationship()
