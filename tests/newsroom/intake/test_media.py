import hashlib
import io
from datetime import timedelta

from PIL import Image
from sqlalchemy import func, select

from digest.database.transactions import Database
from digest.models import Media
from digest.newsroom.intake.media import article_pictures, set_pictures, store_media
from digest.newsroom.intake.pictures import Encoded
from tests.factories import NOW, make_article

PICTURE = Encoded(b"a picture", "image/jpeg", 10, 10)


def photograph(width: int) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, 900)).save(file, "JPEG")
    return file.getvalue()


def test_the_same_bytes_are_kept_once(database: Database) -> None:
    with database.transaction() as session:
        one = store_media(session, PICTURE, NOW)
    with database.transaction() as session:
        other = store_media(session, PICTURE, NOW + timedelta(days=1))

    assert one == other == hashlib.sha256(b"a picture").hexdigest()
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Media)) == 1
        assert session.get_one(Media, one).content == b"a picture"


def test_an_article_gets_its_picture_in_both_shapes(database: Database) -> None:
    pictures = article_pictures(photograph(1200))
    with database.transaction() as session:
        article = make_article(session, "port")
        set_pictures(session, article, pictures, NOW)

    with database.reading() as session:
        lead = session.get_one(Media, article.lead_image)
        thumbnail = session.get_one(Media, article.thumbnail)
    assert (lead.width, lead.height) == (1072, 603)
    assert (thumbnail.width, thumbnail.height) == (332, 249)


def test_an_article_whose_picture_is_too_small_for_a_lead_has_a_thumbnail(
    database: Database,
) -> None:
    with database.transaction() as session:
        article = make_article(session, "port")
        set_pictures(session, article, article_pictures(photograph(400)), NOW)

    assert article.lead_image is None
    assert article.thumbnail is not None
