"""Creating and editing newsletters, and the publication that they belong to."""

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from digest import zones
from digest.addresses import AddressError, beyond_ascii, parse_address
from digest.database.adding import add_unless_there
from digest.errors import FieldError, RefusedError
from digest.models import Newsletter, Publication
from digest.newsroom.feeding import sections_named, sources_kept
from digest.newsroom.finding import NewsletterValues, values_of
from digest.newsroom.intake.sanitising import one_line
from digest.newsroom.issues.approving import keep_to_policy
from digest.newsroom.issues.calendar import HOURS_AHEAD_AT_MOST
from digest.newsroom.issues.rescheduling import Followed, follow
from digest.newsroom.palette import palette, parse_hex
from digest.prose import ended
from digest.reserved_names import ANY_NAME, ReservedNames

STORIES_AT_MOST = 30
MAX_AGE_DAYS_AT_MOST = 366
PROMISE_AT_MOST = 500
TOPICS_AT_MOST = 20
# What an issue's times are computed from.
CALENDAR = ("weekday", "local_time", "zone", "compose_hours", "close_hours")


def create_newsletter(
    session: Session,
    values: NewsletterValues,
    now: datetime,
    *,
    reserved: ReservedNames = ANY_NAME,
) -> Newsletter:
    """Create a newsletter of the publication, with its palette.

    `reserved`: which names that no mail reaches may stand in its addresses.

    Raises:
        FieldError: a value cannot be used; the error names its field.
        RefusedError: there is no publication yet.
    """
    newsletter = Newsletter(created_at=now, calendar_since=now)
    _set(session, newsletter, values, reserved)
    if not add_unless_there(session, newsletter):
        raise FieldError("slug", f"There is a newsletter called {values.slug} already.")
    return newsletter


def edit_newsletter(
    session: Session,
    newsletter: Newsletter,
    values: NewsletterValues,
    now: datetime,
    *,
    reserved: ReservedNames = ANY_NAME,
) -> list[Followed]:
    """Change a newsletter. Return what became of its issues where its calendar changed.

    An approval that stricter rules would not have allowed is void. Issues that no person has
    touched move with the calendar. New slots count from `now` on: a slot of the past is not made
    up for.

    Raises:
        FieldError: a value cannot be used; the slug cannot change, for readers have links with it.
        RefusedError: somebody else changed one of its issues at the same moment.
    """
    if values.slug != newsletter.slug:
        raise FieldError("slug", "It stands in links that readers have, so it cannot change.")
    before = values_of(newsletter)
    _set(session, newsletter, values, reserved)
    if (newsletter.weekday, newsletter.local_time, newsletter.zone) != (
        before.weekday,
        before.local_time,
        before.zone,
    ):
        newsletter.calendar_since = now
    session.flush()
    if newsletter.approval is not before.approval:
        keep_to_policy(session, newsletter, now)
    if all(getattr(newsletter, name) == getattr(before, name) for name in CALENDAR):
        return []
    return follow(session, newsletter, before, now)


def ensure_publication(
    session: Session,
    name: str | None = None,
    site_url: str | None = None,
    mark: str | None = None,
    language: str | None = None,
    privacy: str | None = None,
    privacy_url: str | None = None,
) -> Publication:
    """Return the one publication, made or changed by what is given; None leaves a value alone.

    Raises:
        FieldError: a value cannot be used, or one is missing for the first time.
    """
    publication = session.get(Publication, 1)
    if publication is None:
        publication = _new_publication(name, site_url)
    if name is not None:
        publication.name = _text("publication", name, 100)
    if site_url is not None:
        publication.site_url = _web_address("site", site_url)
    if language is not None:
        publication.language = _language(language)
    if privacy_url is not None:
        publication.privacy_url = _web_address("privacy_url", privacy_url)
    publication.mark = mark or publication.mark
    publication.privacy = privacy or publication.privacy
    session.add(publication)
    session.flush()
    return publication


def _new_publication(name: str | None, site_url: str | None) -> Publication:
    if name is None:
        raise FieldError("publication", "Give the paper's name: this is its first newsletter.")
    if site_url is None:
        raise FieldError("site", "Give the paper's web address: this is its first newsletter.")
    return Publication(id=1)


def _set(
    session: Session, newsletter: Newsletter, values: NewsletterValues, reserved: ReservedNames
) -> None:
    publication = session.get(Publication, 1)
    if publication is None:
        raise RefusedError("There is no publication yet. Give its name and its web address first.")
    newsletter.slug = _slug(values.slug)
    newsletter.name = _text("name", values.name, 100)
    newsletter.promise = _text("promise", values.promise, PROMISE_AT_MOST)
    newsletter.language = _language(values.language)
    newsletter.languages = [_language(tag, "languages") for tag in values.languages]
    newsletter.topics = _topics(values.topics)
    newsletter.accent = _accent(values.accent)
    newsletter.palette = palette(newsletter.accent)
    newsletter.editor_name = _text("editor_name", values.editor_name, 100)
    newsletter.editor_portrait = values.editor_portrait
    newsletter.from_name = (
        _text("from_name", values.from_name, 100, empty=True)
        or (f"{newsletter.editor_name.split()[0]} at {publication.name}"[:100])
    )
    _set_addresses(newsletter, values, reserved)
    newsletter.postal_address = _text("postal_address", values.postal_address, 300)
    newsletter.briefs_heading = _text("briefs_heading", values.briefs_heading, 100)
    newsletter.approval = values.approval
    newsletter.in_doubt_policy = values.in_doubt_policy
    newsletter.count_clicks = values.count_clicks
    _set_calendar(newsletter, values)
    _set_stories(newsletter, values)
    newsletter.source_ids = sources_kept(session, values.source_ids, newsletter.source_ids or ())
    newsletter.sections = sections_named(session, values.sections, newsletter.sections or ())


def _set_addresses(
    newsletter: Newsletter, values: NewsletterValues, reserved: ReservedNames
) -> None:
    for field in ("editor_email", "from_address", "reply_to"):
        text = getattr(values, field)
        # What stood there before is no mistake of whoever changes something else.
        if text != getattr(newsletter, field) or not text:
            optional = field == "reply_to" and not text
            setattr(newsletter, field, None if optional else _address(field, text, reserved))


def _set_calendar(newsletter: Newsletter, values: NewsletterValues) -> None:
    if not 0 <= values.weekday <= 6:
        raise FieldError("weekday", "A weekday is 0 for Monday to 6 for Sunday.")
    compose, close = values.compose_hours, values.close_hours
    if not 0 <= compose <= HOURS_AHEAD_AT_MOST:
        raise FieldError(
            "compose_hours", f"Compose from 0 to {HOURS_AHEAD_AT_MOST} hours ahead of sending."
        )
    if not 0 <= close <= compose:
        raise FieldError(
            "close_hours", f"Close from 0 to {compose} hours ahead: after the issue is composed."
        )
    newsletter.weekday = values.weekday
    newsletter.local_time = values.local_time.replace(second=0, microsecond=0, tzinfo=None)
    newsletter.zone = _zone(values.zone)
    newsletter.compose_hours, newsletter.close_hours = compose, close


def _set_stories(newsletter: Newsletter, values: NewsletterValues) -> None:
    if not 1 <= values.story_count <= STORIES_AT_MOST:
        raise FieldError("story_count", f"An issue has from 1 to {STORIES_AT_MOST} stories.")
    if not 1 <= values.story_min <= values.story_count:
        raise FieldError(
            "story_min", f"The fewest stories to send is from 1 to {values.story_count}."
        )
    if not 1 <= values.story_max_age_days <= MAX_AGE_DAYS_AT_MOST:
        raise FieldError("story_max_age_days", f"Choose from 1 to {MAX_AGE_DAYS_AT_MOST} days.")
    newsletter.story_count = values.story_count
    newsletter.story_min = values.story_min
    newsletter.story_max_age_days = values.story_max_age_days


def _text(field: str, text: str, at_most: int, *, empty: bool = False) -> str:
    cleaned = one_line(text)
    if not cleaned and not empty:
        raise FieldError(field, "This cannot be empty.")
    if len(cleaned) > at_most:
        raise FieldError(field, f"This is at most {at_most} characters.")
    return cleaned


def _slug(text: str, field: str = "slug") -> str:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", text) or len(text) > 60:
        raise FieldError(
            field, "Use a-z, 0-9 and single hyphens, beginning with a letter: editors-digest."
        )
    return text


def _accent(text: str) -> str:
    try:
        return parse_hex(text)
    except ValueError as error:
        raise FieldError("accent", f"This {error}.") from None


def _address(field: str, text: str, reserved: ReservedNames) -> str:
    try:
        address = parse_address(text, reserved)
    except AddressError as error:
        raise FieldError(field, ended(str(error)), error.suggestion) from None
    if not address.local.isascii():
        # It stands in every message, and most mail servers would refuse all of them.
        raise FieldError(
            field,
            f"Use an address without letters such as {beyond_ascii(address.local)} before the @: "
            "few mail servers take them yet.",
        )
    return address.email


def _zone(text: str) -> str:
    # An offset zone knows no daylight saving, and a path is not a zone.
    if text not in zones.names():
        raise FieldError("zone", "Give an IANA time zone, like Europe/London.")
    zones.named(text)
    return text


def _topics(topics: Mapping[str, str]) -> dict[str, str]:
    if len(topics) > TOPICS_AT_MOST:
        raise FieldError("topics", f"A newsletter has at most {TOPICS_AT_MOST} topics.")
    return {_slug(slug, "topics"): _text("topics", name, 60) for slug, name in topics.items()}


def _language(text: str, field: str = "language") -> str:
    if not re.fullmatch(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*", text) or len(text) > 35:
        raise FieldError(field, "Give a language tag, like en or pt-BR.")
    return text


def _web_address(field: str, text: str) -> str:
    parts = urlsplit(text.strip())
    bad = re.search(r"[\s\x00-\x1f\"'<>\\]", text.strip()) or len(text) > 500
    if bad or parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise FieldError(field, "Give a whole address, like https://halyard.example.")
    return text.strip().rstrip("/")
