"""Names, days and links as the pages write them."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask
from markdown_it import MarkdownIt
from markupsafe import Markup

from digest import prose
from digest.models import Newsletter
from digest.newsroom.calendar import moment, next_occurrence
from digest.prose import curly

# No raw HTML, no links but to web and mail addresses.
MARKDOWN = MarkdownIt("js-default", {"linkify": False, "typographer": False})


def add_words(app: Flask) -> None:
    """Give the templates these filters."""
    for word in (
        curly,
        the,
        all_the,
        slot,
        next_issue,
        next_weekday,
        local_day,
        markdown,
        consent_parts,
    ):
        app.jinja_env.filters[word.__name__] = word
    app.jinja_env.globals["prose"] = prose


def the(newsletter: Newsletter) -> str:
    """Return "the Editor’s Digest", and "The Brief" as it is."""
    return prose.the(curly(newsletter.name))


def all_the(newsletters: Sequence[Newsletter]) -> str:
    """Return "the Editor’s Digest, The Brief and the Climate Letter"."""
    names = [the(newsletter) for newsletter in newsletters]
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def slot(newsletter: Newsletter) -> str:
    """Return "Saturdays at seven"."""
    return prose.slot_in_words(newsletter.weekday, newsletter.local_time)


def next_weekday(newsletter: Newsletter) -> str:
    """Return "Saturday": the day that the newsletter comes on."""
    return prose.WEEKDAYS[newsletter.weekday]


def next_issue(newsletter: Newsletter, now: datetime) -> str:
    """Return "Saturday 21 November at seven": the next slot in the calendar."""
    day = next_occurrence(newsletter, now)
    local = moment(day, newsletter.local_time, newsletter.zone).astimezone(
        ZoneInfo(newsletter.zone)
    )
    return f"{prose.short_day(local.date())} at {prose.hour_in_words(local.time())}"


def local_day(at: datetime, newsletter: Newsletter) -> str:
    """Return "Saturday 12 December", by the newsletter's own calendar."""
    return prose.short_day(at.astimezone(ZoneInfo(newsletter.zone)).date())


def markdown(text: str) -> Markup:
    """Return the publisher's Markdown as HTML; what is HTML in it stays text."""
    return Markup(MARKDOWN.render(text))  # noqa: S704 - the renderer escapes


def consent_parts(label: str) -> tuple[str, str, str]:
    """Return a wording's sentence before, in and after its link."""
    before, _, rest = label.partition("[")
    link, _, after = rest.partition("]")
    return before, link, after
