"""Keeping pictures, called by the hash of their bytes, so that each is kept once."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.models import Article, Media
from digest.newsroom.intake.pictures import LEAD, THUMBNAIL, Encoded, crop_and_encode


@dataclass(frozen=True)
class ArticlePictures:
    """An article's picture in both of its shapes; None where it is too small for one."""

    lead: Encoded | None
    thumbnail: Encoded | None


def article_pictures(data: bytes) -> ArticlePictures:
    """Prepare an article's picture; call it outside of a transaction, for it takes its time.

    Raises:
        PictureError: not a picture that can be used.
    """
    return ArticlePictures(crop_and_encode(data, LEAD), crop_and_encode(data, THUMBNAIL))


def set_pictures(
    session: Session, article: Article, pictures: ArticlePictures, now: datetime
) -> None:
    """Give an article its pictures, or take away what it had."""
    lead, thumbnail = pictures.lead, pictures.thumbnail
    article.lead_image = store_media(session, lead, now) if lead else None
    article.thumbnail = store_media(session, thumbnail, now) if thumbnail else None
    session.flush()


def store_media(session: Session, picture: Encoded, now: datetime) -> str:
    """Keep a picture of ours, once; returns its hash, by which `/media/<hash>` serves it."""
    key = hashlib.sha256(picture.content).hexdigest()
    if session.get(Media, key) is not None:
        return key
    try:
        with session.begin_nested():
            session.add(
                Media(
                    hash=key,
                    content_type=picture.content_type,
                    width=picture.width,
                    height=picture.height,
                    content=picture.content,
                    created_at=now,
                )
            )
    except IntegrityError:
        pass  # another process stored the same bytes at the same moment
    return key
