"""Where stories come from: sources and their articles."""

import unicodedata
from datetime import datetime

from sqlalchemy import (
    JSON,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    and_,
    exists,
    func,
    or_,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from digest.database.tables import Base, IndexOfSome
from digest.models.newsletter import Newsletter

SECTION_KEY_AT_MOST = 200

# Sorted by its bytes, so that a range means the same on both databases.
KEY = String(2000).with_variant(String(2000, collation="C"), "postgresql")


class Source(Base):
    """A feed. `priority` raises (or, negative, lowers) its articles when an issue is composed.

    One that is paused is not fetched. One that is retired is not fetched either, its articles are
    picked no more, and its address may be another source's.

    `content_hash` tells what was last read and stored in full, and how: the reader's version, our
    settings and the feed's bytes. NULL: it is read when it is next fetched, changed or not.
    """

    __tablename__ = "source"
    __table_args__ = (IndexOfSome("uq_source_url", "url", unique=True, rows="retired_at IS NULL"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(String(2000))
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
    paused_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class Article(Base):
    """A piece on the publisher's site, as text and checked links.

    `image_url` is where the picture came from, or will be looked for first; `image_alt` is what
    it shows. `lead_image` (16:9) and `thumbnail` (4:3) are media of ours, NULL where there is none
    or it is too small. `picture_candidates` are all that were given, each [address, alt], and the
    first `pictures_tried` of them have been tried. `image_due_at` is when the next is to be
    fetched, NULL once that is settled, well or badly.

    `minutes` is the reading time, NULL where we have no text to count. `published_at` is NULL
    where there is no certain date. `backlog`: it came undated with its source's first fetch, so
    it is no news, and no issue takes it by itself.

    `section_key` is its section as sections are compared, kept whenever `section` is set.

    `url` is the address as given; `key` and `guid_key` are what articles are compared by
    (`digest.newsroom.intake.known`), and mean nothing to anybody else.

    From `hidden_at` on no issue picks it. From `withdrawn_at` on no issue shows it either:
    `withdrawn_by` is the person who took it back, NULL where its page is gone. At `let_go_at` it
    was too old for any issue, and its body and pictures went; what tells that it is known stays,
    and so does a picture that a person gave: its `image_url` is NULL.
    """

    __tablename__ = "article"
    __table_args__ = (
        # The GUID first: it is also looked up across the sources of a site.
        Index("uq_article_guid_key_source_id", "guid_key", "source_id", unique=True),
        Index("ix_article_source_id", "source_id"),
        Index("ix_article_first_seen_at", "first_seen_at"),
        Index("ix_article_image_due_at", "image_due_at"),
        # Who deletes a picture looks whether an article has it.
        IndexOfSome("ix_article_lead_image", "lead_image", rows="lead_image IS NOT NULL"),
        IndexOfSome("ix_article_thumbnail", "thumbnail", rows="thumbnail IS NOT NULL"),
        IndexOfSome("ix_article_kept", "first_seen_at", rows="let_go_at IS NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int | None] = mapped_column(ForeignKey("source.id"))
    guid: Mapped[str | None] = mapped_column(String(2000))
    guid_key: Mapped[str | None] = mapped_column(KEY)
    url: Mapped[str] = mapped_column(String(2000))
    key: Mapped[str] = mapped_column(KEY, unique=True)
    title: Mapped[str] = mapped_column(String(500))
    standfirst: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text, default="")
    byline: Mapped[str | None] = mapped_column(String(200))
    section: Mapped[str | None] = mapped_column(String(60))
    section_key: Mapped[str | None] = mapped_column(String(SECTION_KEY_AT_MOST))
    topics: Mapped[list[str]] = mapped_column(JSON, default=list)
    image_url: Mapped[str | None] = mapped_column(String(2000))
    image_alt: Mapped[str] = mapped_column(String(300), default="")
    picture_candidates: Mapped[list[list[str]]] = mapped_column(JSON, default=list)
    pictures_tried: Mapped[int] = mapped_column(default=0)
    image_due_at: Mapped[datetime | None]
    image_failures: Mapped[int] = mapped_column(default=0)
    lead_image: Mapped[str | None] = mapped_column(ForeignKey("media.hash"))
    thumbnail: Mapped[str | None] = mapped_column(ForeignKey("media.hash"))
    minutes: Mapped[int | None]
    published_at: Mapped[datetime | None]
    first_seen_at: Mapped[datetime]
    backlog: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[datetime]
    hidden_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(100))
    let_go_at: Mapped[datetime | None]

    source: Mapped[Source | None] = relationship()

    @validates("section")
    def _keep_key(self, _: str, section: str | None) -> str | None:
        self.section_key = section_key(section)
        return section


# As fresh as an article is: as its date says, and without one as when it was first seen.
RECENT = func.coalesce(Article.published_at, Article.first_seen_at)


def section_key(section: str | None) -> str | None:
    """Return what sections are compared by: neither case nor spaces tell them apart.

    None where there is nothing to compare. Compatible characters are one (Unicode's NFKC).
    """
    folded = unicodedata.normalize("NFKC", section or "").casefold()
    # Twice, for folding takes characters apart, and without spaces some come together.
    unspaced = "".join(unicodedata.normalize("NFKC", folded).split())
    return unicodedata.normalize("NFKC", unspaced)[:SECTION_KEY_AT_MOST] or None


def may_be_picked(newsletter: Newsletter) -> ColumnElement[bool]:
    """Say which articles the rule may pick for a newsletter, however old.

    They come from what feeds it, are neither hidden nor withdrawn, and of no retired source.
    """
    available = Article.hidden_at.is_(None) & Article.withdrawn_at.is_(None)
    return available & of_no_retired_source() & fed_to(newsletter)


def of_no_retired_source() -> ColumnElement[bool]:
    """Say which articles are of a source in use, or of none."""
    return ~exists().where(Source.id == Article.source_id, Source.retired_at.is_not(None))


def fed_to(newsletter: Newsletter) -> ColumnElement[bool]:
    """Say which articles are of a source and of a section that a newsletter names.

    One that names no source takes all of them, and one that names no section likewise.
    """
    sections = sorted({key for each in newsletter.sections if (key := section_key(each))})
    of_a_section = Article.section_key.in_(sections) if newsletter.sections else true()
    return and_(of_its_sources(newsletter), of_a_section)


def of_its_sources(newsletter: Newsletter) -> ColumnElement[bool]:
    """Say which articles are of a source that a newsletter names, or of any where it names none."""
    if not newsletter.source_ids:
        return true()
    named = [source_id for source_id in newsletter.source_ids if source_id is not None]
    of_none = [Article.source_id.is_(None)] if None in newsletter.source_ids else []
    return or_(Article.source_id.in_(named), *of_none)
