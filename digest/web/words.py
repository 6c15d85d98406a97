"""Names, days and links as the pages write them."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from flask import Flask
from markdown_it import MarkdownIt
from markupsafe import Markup

from digest import prose, zones
from digest.delivery.rendering.issue import RIGHT_TO_LEFT
from digest.marked import marked
from digest.models import Newsletter
from digest.prose import at_start, curly

# No raw HTML, no links but to web and mail addresses.
MARKDOWN = MarkdownIt("js-default", {"linkify": False, "typographer": False})

# As their readers write them. A newsletter may come in others: those are called by their tag.
LANGUAGES = {
    "ar": "العربية",
    "da": "Dansk",
    "de": "Deutsch",
    "en": "English",
    "es": "Español",
    "fr": "Français",
    "he": "עברית",
    "it": "Italiano",
    "nl": "Nederlands",
    "pl": "Polski",
    "pt": "Português",
    "sv": "Svenska",
    "zh": "中文",
}

WHOSE = re.compile(r"^the \w+(?:’s|s’) (?=\w+$)", re.IGNORECASE)


def add_words(app: Flask) -> None:
    """Give the templates these filters."""
    for word in (
        curly,
        direction,
        the,
        short_name,
        all_the,
        slot,
        at_start,
        bare,
        next_weekday,
        day_ago,
        local_date,
        local_day,
        local_hour,
        coming_day,
        hour_of_day,
        language_name,
        markdown,
        marked,
        consent_parts,
    ):
        app.jinja_env.filters[word.__name__] = word
    app.jinja_env.globals["prose"] = prose


def direction(language: str) -> str:
    """Return "ltr" or "rtl", for HTML's attribute."""
    return "rtl" if language.partition("-")[0].lower() in RIGHT_TO_LEFT else "ltr"


class Named(Protocol):
    """A newsletter, or as much of it as is needed to speak of it."""

    @property
    def name(self) -> str: ...


def the(newsletter: Named) -> str:
    """Return "the Editor’s Digest", and "The Brief" as it is."""
    return prose.the(curly(newsletter.name))


def bare(newsletter: Named) -> str:
    """Return "Editor’s Digest", and "Climate Letter" for The Climate Letter: after another word."""
    return re.sub(r"^the (?=\S)", "", curly(newsletter.name), flags=re.IGNORECASE)


def short_name(newsletter: Newsletter) -> str:
    """Return "the Digest" for the Editor’s Digest: on a button, with the whole name above it."""
    return WHOSE.sub("the ", the(newsletter))


def all_the(newsletters: Sequence[Named]) -> str:
    """Return "the Editor’s Digest, The Brief and the Climate Letter"."""
    return prose.all_of(the(newsletter) for newsletter in newsletters)


def slot(newsletter: Newsletter) -> str:
    """Return "Saturdays at seven"."""
    return prose.slot_in_words(newsletter.weekday, newsletter.local_time)


def next_weekday(newsletter: Newsletter) -> str:
    """Return "Saturday": the day that the newsletter comes on."""
    return prose.WEEKDAYS[newsletter.weekday]


def arrival(at: datetime, newsletter: Newsletter) -> str:
    """Return "Saturday 21 November at seven", by the newsletter's own calendar and clock."""
    local = at.astimezone(zones.named(newsletter.zone))
    return f"{prose.short_day(local.date())} at {prose.hour_in_words(local.time())}"


def day_ago(day: date, newsletter: Newsletter, now: datetime) -> str:
    """Return "Today", "Yesterday", "Last Saturday", or the date of what is older than a week."""
    days = (now.astimezone(zones.named(newsletter.zone)).date() - day).days
    if days in {0, 1}:
        return "Yesterday" if days else "Today"
    return f"Last {prose.WEEKDAYS[day.weekday()]}" if 1 < days <= 7 else prose.long_date(day)


def local_date(at: datetime, newsletter: Newsletter) -> str:
    """Return "12 December 2026", by the newsletter's own calendar."""
    return prose.long_date(at.astimezone(zones.named(newsletter.zone)).date())


def local_day(at: datetime, newsletter: Newsletter) -> str:
    """Return "Saturday 12 December", by the newsletter's own calendar."""
    return prose.short_day(at.astimezone(zones.named(newsletter.zone)).date())


def local_hour(at: datetime, newsletter: Newsletter) -> str:
    """Return "10:42", by the newsletter's own clock."""
    return f"{at.astimezone(zones.named(newsletter.zone)):%H:%M}"


def hour_of_day(at: datetime, newsletter: Newsletter | None) -> str:
    """Return "10:42 on Tuesday 17 November", where the newsletter is at home, or in UTC."""
    local = at.astimezone(zones.named(newsletter.zone) if newsletter else UTC)
    return f"{local:%H:%M} on {prose.short_day(local.date())}"


def coming_day(now: datetime, newsletter: Newsletter, days: int) -> str:
    """Return the date so many days from today as a date field takes it, where it is at home."""
    today = now.astimezone(zones.named(newsletter.zone)).date()
    return (today + timedelta(days=days)).isoformat()


def language_name(tag: str) -> str:
    """Return "English" for en, and the tag itself where its name is not known."""
    return LANGUAGES.get(tag.partition("-")[0].lower(), tag)


def markdown(text: str, title: str) -> Markup:
    """Return the publisher's Markdown as HTML; what is HTML in it stays text.

    `title` stands above what does not begin with one of its own.
    """
    if not text.lstrip().startswith("# "):
        text = f"# {title}\n\n{text}"
    return Markup(MARKDOWN.render(text))  # noqa: S704 - the renderer escapes


def consent_parts(label: str) -> tuple[str, str, str]:
    """Return a wording's sentence before, in and after its link."""
    before, _, rest = label.partition("[")
    link, _, after = rest.partition("]")
    return before, link, after
