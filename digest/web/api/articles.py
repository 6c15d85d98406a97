"""`POST /api/v1/articles`: pieces of sites that have no feed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from digest.errors import FieldError
from digest.models import Article, Scope
from digest.newsroom.intake.articles import (
    ALT_AT_MOST,
    BYLINE_AT_MOST,
    MINUTES_AT_MOST,
    SECTION_AT_MOST,
    STANDFIRST_AT_MOST,
    TITLE_AT_MOST,
    TOPICS_AT_MOST,
    Change,
    NewArticle,
    bring_in,
    is_plausible,
)
from digest.newsroom.intake.links import URL_AT_MOST, canonical_url
from digest.runtime import FETCH_PICTURES
from digest.web.api import bearer
from digest.web.api.reading import REQUIRED, json_object, no_such_field, unusable
from digest.web.context import current_runtime

LARGEST_BODY = 256 * 1024
BODY_AT_MOST = 250_000
UNKNOWN_AT_MOST = 20

article_api = Blueprint("article_api", __name__, url_prefix="/api/v1")


@article_api.post("/articles")
def post_article() -> Response:
    """Add an article, or change the one with that URL: 201 or 200, with the article."""
    request.max_content_length = LARGEST_BODY
    # Read in full before the transaction: a slow client must hold no lock.
    sent = request.get_data()
    runtime = current_runtime()
    now = runtime.clock.now()
    with runtime.database.transaction() as session:
        bearer(session, Scope.ARTICLES, now=now)
        read = _read(sent, now)
        if isinstance(read, Response):
            return read
        article, change = bring_in(session, read, now)
    if article.image_due_at is not None:
        runtime.bell.ring(FETCH_PICTURES)
    response = jsonify(as_json(article))
    response.status_code = 201 if change is Change.ADDED else 200
    return response


def as_json(article: Article) -> dict[str, Any]:
    """Return an article as the API shows it."""
    return {
        "id": article.id,
        "url": article.url,
        "title": article.title,
        "standfirst": article.standfirst,
        "byline": article.byline,
        "section": article.section,
        "topics": article.topics,
        "image_url": article.image_url,
        "image_alt": article.image_alt,
        "minutes": article.minutes,
        "published_at": article.published_at and article.published_at.isoformat(),
        "first_seen_at": article.first_seen_at.isoformat(),
        "updated_at": article.updated_at.isoformat(),
    }


def _read(sent: bytes, now: datetime) -> NewArticle | Response:
    """Return the article that was sent, or the problem with it, which names each field."""
    given = json_object(sent)
    if isinstance(given, Response):
        return given
    values, errors = _checked(given, now)
    return unusable("That article cannot be used", errors) if errors else NewArticle(**values)


def _checked(given: Mapping[str, Any], now: datetime) -> tuple[dict[str, Any], list[FieldError]]:
    values: dict[str, Any] = {}
    unknown = [name for name in given if name not in FIELDS]
    errors = [no_such_field(name, FIELDS) for name in unknown[:UNKNOWN_AT_MOST]]
    for name, field in FIELDS.items():
        value = given.get(name)
        if value is None:
            if field.required:
                errors.append(FieldError(name, REQUIRED))
            continue
        try:
            values[name] = field.read(value, now)
        except ValueError as error:
            errors.append(FieldError(name, str(error)))
    return values, errors


@dataclass(frozen=True)
class Field:
    """A field of the body. `read` raises ValueError with a sentence."""

    read: Callable[[Any, datetime], Any]
    required: bool = False


def _text(at_most: int) -> Callable[[Any, datetime], str]:
    def read(value: Any, _: datetime) -> str:
        if not isinstance(value, str) or len(value) > at_most:
            raise ValueError(f"Give text of at most {at_most:,} characters.")
        return value

    return read


def _title(value: Any, now: datetime) -> str:
    text = _text(TITLE_AT_MOST)(value, now)
    if not text.strip():
        raise ValueError("Give the article a title.")
    return text


def _url(value: Any, now: datetime) -> str:
    return canonical_url(_text(URL_AT_MOST)(value, now))


def _topics(value: Any, _: datetime) -> tuple[str, ...]:
    is_list = isinstance(value, list) and len(value) <= TOPICS_AT_MOST
    if not is_list or not all(isinstance(t, str) and len(t) <= SECTION_AT_MOST for t in value):
        raise ValueError(
            f"Give a list of at most {TOPICS_AT_MOST} texts, each of at most {SECTION_AT_MOST} "
            "characters."
        )
    return tuple(value)


def _minutes(value: Any, _: datetime) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MINUTES_AT_MOST:
        raise ValueError(f"Give a whole number from 1 to {MINUTES_AT_MOST}.")
    return value


def _moment(value: Any, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        raise ValueError("Give a moment as in 2026-11-14T07:00:00Z.") from None
    if not is_plausible(moment, now):
        raise ValueError("That is not when a page can have come out.")
    return moment


FIELDS: Mapping[str, Field] = {
    "url": Field(_url, required=True),
    "title": Field(_title, required=True),
    "standfirst": Field(_text(STANDFIRST_AT_MOST)),
    "body": Field(_text(BODY_AT_MOST)),
    "byline": Field(_text(BYLINE_AT_MOST)),
    "section": Field(_text(SECTION_AT_MOST)),
    "topics": Field(_topics),
    "image_url": Field(_url),
    "image_alt": Field(_text(ALT_AT_MOST)),
    "minutes": Field(_minutes),
    "published_at": Field(_moment),
}
