"""Keeping pictures, called by the hash of their bytes, so that each is kept once."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.models import Article, Media
from digest.newsroom.intake.pictures import CENTRE, LEAD, THUMBNAIL, Encoded, crop_and_encode


@dataclass(frozen=True)
class ArticlePictures:
    """An article's picture in both of its shapes; None where it is too small for one."""

    lead: Encoded | None
    thumbnail: Encoded | None


def article_pictures(data: bytes, about: tuple[float, float] = CENTRE) -> ArticlePictures:
    """Prepare an article's picture; call it outside of a transaction, for it takes its time.

    `about`: the focal point of `crop_and_encode`.

    Raises:
        PictureError: not a picture that can be used.
    """
    return ArticlePictures(
        crop_and_encode(data, LEAD, about), crop_and_encode(data, THUMBNAIL, about)
    )


def set_pictures(
    session: Session, article: Article, pictures: ArticlePictures, now: datetime
) -> None:
    """Give an article its pictures, or take away what it had."""
    lead, thumbnail = pictures.lead, pictures.thumbnail
    article.lead_image = store_media(session, lead, now) if lead else None
    article.thumbnail = store_media(session, thumbnail, now) if thumbnail else None
    session.flush()


def set_by_hand(
    session: Session, article: Article, pictures: ArticlePictures, now: datetime
) -> None:
    """Give an article the pictures that a person chose: no feed and no old age takes them away."""
    article.image_url, article.image_due_at = None, None
    article.picture_candidates = []
    set_pictures(session, article, pictures, now)


def is_by_hand() -> ColumnElement[bool]:
    """Say which articles have a picture that a person chose: one of no address."""
    return Article.image_url.is_(None) & Article.thumbnail.is_not(None)


def store_media(session: Session, picture: Encoded, now: datetime, *, lasting: bool = False) -> str:
    """Keep a picture of ours, once; returns its hash, by which `/media/<hash>` serves it.

    `lasting`: for ever, as mails will show it when nothing here refers to it any more.
    """
    key = hashlib.sha256(picture.content).hexdigest()
    if _is_kept(session, key, lasting):
        return key
    media = Media(
        hash=key,
        content_type=picture.content_type,
        width=picture.width,
        height=picture.height,
        content=picture.content,
        lasting=lasting,
        created_at=now,
    )
    if not add_unless_there(session, media):
        # Another process stored the same bytes at the same moment.
        _is_kept(session, key, lasting)
    return key


def _is_kept(session: Session, key: str, lasting: bool) -> bool:
    """Say whether we have it; if so, it is in use from now on.

    Written, not only read: who deletes what is unused waits for us, and then sees it used.
    """
    values: dict[str, object] = {"unused_since": None}
    if lasting:
        values["lasting"] = True
    kept = session.execute(
        update(Media)
        .where(Media.hash == key)
        .values(**values)
        .returning(Media.hash)
        .execution_options(synchronize_session=False)
    )
    return kept.first() is not None
