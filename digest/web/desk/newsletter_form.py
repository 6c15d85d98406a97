"""A newsletter's form: what stands in its fields, and what is meant by what was typed there."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from digest.errors import FieldError
from digest.models import Approval, InDoubtPolicy, Newsletter, Source
from digest.newsroom.feeding import API, NO_SOURCE, NamedSource, feeding_of, sections_there
from digest.newsroom.finding import NewsletterValues
from digest.newsroom.palette import DARK_PAPER, GROUND, PAPER, contrast, palette, sentences
from digest.web.desk.stale import stamp_of

TEXTS = (
    "name",
    "promise",
    "editor_name",
    "editor_email",
    "from_address",
    "from_name",
    "reply_to",
    "postal_address",
    "zone",
    "accent",
    "language",
    "languages",
    "topics",
    "local_time",
    "briefs_heading",
)
NUMBERS = (
    "weekday",
    "compose_hours",
    "close_hours",
    "story_count",
    "story_min",
    "story_max_age_days",
)
CHOICES = {"approval": Approval, "in_doubt_policy": InDoubtPolicy}
YES, NO = "yes", "no"
# Sources, and sections, that are there to be ticked, beside those that are.
OFFERED = 100
# Sources that are ticked one by one; a newsletter that names more is changed by the command.
TICKS_MOST = 1000
ONCE = ("slug", "publication", "site")
# Twenty topics with their names are the most that any field holds.
LONGEST = 5000
# What a new one has unless something else is typed: the defaults of `NewsletterValues`.
NEW = {
    "accent": "#006B5E",
    "language": "en",
    "weekday": "5",
    "local_time": "07:00",
    "compose_hours": "24",
    "close_hours": "1",
    "approval": Approval.AUTOMATIC.value,
    "story_count": "8",
    "story_min": "3",
    "story_max_age_days": "14",
    "briefs_heading": "Also on my desk",
    "in_doubt_policy": InDoubtPolicy.HOLD.value,
    "count_clicks": NO,
}


@dataclass(frozen=True)
class Typed:
    """What stands in the fields, as text, and the ticks: ids of sources ("api": none), sections."""

    texts: dict[str, str]
    sources: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.texts.get(name, "")

    @property
    def stamp(self) -> str:
        """Changes with every field: so a tab shows that is older than another's save."""
        return stamp_of([self.texts, self.sources, self.sections])


@dataclass
class Reading:
    """Reads typed words one by one, and remembers what was wrong with each."""

    typed: Typed
    errors: list[FieldError] = field(default_factory=list)

    def wrong(self, name: str, sentence: str) -> None:
        self.errors.append(FieldError(name, sentence))


def blank() -> Typed:
    """Return the form of a new newsletter."""
    return Typed(dict(NEW))


def typed_in(form: "MultiDict[str, str]") -> Typed:
    """Return what was typed, cut to what any field may hold."""
    names = (*ONCE, *TEXTS, *NUMBERS, *CHOICES, "count_clicks")
    texts = {name: form.get(name, "").replace("\r\n", "\n")[:LONGEST] for name in names}
    return Typed(texts, tuple(form.getlist("source_ids")), tuple(form.getlist("sections")))


def typed_of(newsletter: Newsletter) -> Typed:
    """Return a newsletter as its form shows it."""
    texts = {name: str(getattr(newsletter, name) or "") for name in TEXTS}
    texts |= {name: str(getattr(newsletter, name)) for name in NUMBERS}
    texts |= {name: getattr(newsletter, name).value for name in CHOICES}
    texts["count_clicks"] = YES if newsletter.count_clicks else NO
    texts["local_time"] = f"{newsletter.local_time:%H:%M}"
    texts["languages"] = ", ".join(newsletter.languages)
    texts["topics"] = "\n".join(f"{slug} = {name}" for slug, name in newsletter.topics.items())
    told = () if names_too_many(newsletter) else newsletter.source_ids
    ids = [API if each is None else str(each) for each in told]
    return Typed(texts, tuple(ids), tuple(newsletter.sections))


def names_too_many(newsletter: Newsletter) -> bool:
    """Say whether it names more sources than its form ticks: the form leaves them as they are."""
    return len(newsletter.source_ids) > TICKS_MOST


def values_in(typed: Typed, slug: str, portrait: str | None) -> NewsletterValues:
    """Return what is meant by what was typed.

    Raises:
        ExceptionGroup: of a FieldError for each field that cannot be read.
    """
    reading = Reading(typed)
    meant: dict[str, Any] = {name: typed[name].strip() for name in TEXTS}
    meant["reply_to"] = meant["reply_to"] or None
    meant |= {name: _number(reading, name) for name in NUMBERS}
    meant |= {name: _choice(reading, name) for name in CHOICES}
    meant["count_clicks"] = typed["count_clicks"] == YES
    meant["local_time"] = _time(reading)
    meant["languages"] = [tag.strip() for tag in typed["languages"].split(",") if tag.strip()]
    meant["topics"] = _topics(reading)
    meant["source_ids"] = _sources(reading)
    meant["sections"] = list(typed.sections)
    if reading.errors:
        raise ExceptionGroup("typed wrongly", reading.errors)
    return NewsletterValues(slug=slug, editor_portrait=portrait, **meant)


def _number(reading: Reading, name: str) -> int:
    text = reading.typed[name].strip()
    if text.isascii() and text.isdecimal() and len(text) < 6:
        return int(text)
    reading.wrong(name, "Give a number.")
    return 0


def _choice(reading: Reading, name: str) -> Any:
    try:
        return CHOICES[name](reading.typed[name])
    except ValueError:
        reading.wrong(name, "Choose one from the list.")
        return None


def _time(reading: Reading) -> time:
    # A browser may add seconds.
    text = reading.typed["local_time"].strip()[:5]
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a time, no moment
    except ValueError:
        reading.wrong("local_time", "Give a time of day, like 07:00.")
        return time()


def _topics(reading: Reading) -> dict[str, str]:
    topics = {}
    for line in filter(None, map(str.strip, reading.typed["topics"].split("\n"))):
        slug, equals, name = line.partition("=")
        if not equals:
            reading.wrong("topics", f"“{line[:60]}” has no name. Give one, like: sea = The sea")
            break
        topics[slug.strip()] = name.strip()
    return topics


def _sources(reading: Reading) -> list[int | None]:
    ids: list[int | None] = []
    if len(reading.typed.sources) > TICKS_MOST:
        at_most = f"Tick at most {TICKS_MOST:,} sources here, or none for all of them."
        reading.wrong("source_ids", f"{at_most} For more: digest newsletter edit with --source.")
        return ids
    for each in reading.typed.sources:
        if each != API and not (each.isascii() and each.isdecimal() and len(each) < 16):
            reading.wrong("source_ids", "Choose sources from the list.")
            break
        ids.append(None if each == API else int(each))
    return ids


@dataclass(frozen=True)
class FeedingChoices:
    """Sources and sections to choose from, and what is wrong with those chosen now.

    Those that are ticked are always among them. `more`: there are other sources, to be found by
    their names. `untold`: so many are named that none is to be ticked.
    """

    sources: list[tuple[str, str]]
    sections: list[str]
    troubles: tuple[str, ...]
    more: bool
    untold: int = 0


def feeding_choices(
    session: Session, newsletter: Newsletter | None, now: datetime, typed: Typed, words: str = ""
) -> FeedingChoices:
    """Return what may be chosen; `words`: sources whose names have these in them come first."""
    fed = feeding_of(session, newsletter, now) if newsletter else None
    ticked = [int(each) for each in typed.sources if each.isascii() and each.isdecimal()]
    in_use = select(Source).where(Source.retired_at.is_(None)).order_by(Source.name, Source.id)
    chosen = session.scalars(in_use.where(Source.id.in_(ticked))).all()
    others = in_use.where(Source.id.not_in([each.id for each in chosen]))
    if words:
        others = others.where(Source.name.icontains(words, autoescape=True))
    found = session.scalars(others.limit(OFFERED + 1)).all()
    offered = sorted((*chosen, *found[:OFFERED]), key=lambda each: (each.name, each.id))
    sources = {str(each.id): str(NamedSource(each.id, each.name)) for each in offered}
    untold = len(newsletter.source_ids) if newsletter and names_too_many(newsletter) else 0
    for named in fed.sources if fed and not untold else ():
        if named.id is not None:
            sources.setdefault(str(named.id), f"{named}, retired")
    sections = sections_there(session)
    kept = [*(fed.sections if fed else ()), *typed.sections]
    return FeedingChoices(
        sources=[*sources.items(), (API, NO_SOURCE.capitalize())],
        sections=list(dict.fromkeys([*sections[:OFFERED], *kept])),
        troubles=fed.troubles if fed else (),
        more=len(found) > OFFERED,
        untold=untold,
    )


@dataclass(frozen=True)
class Swatch:
    """A colour on its ground, and their contrast (WCAG 2.2), 1 to 21."""

    what: str
    colour: str
    ground: str

    @property
    def ratio(self) -> float:
        return contrast(self.colour, self.ground)


def swatches(accent: str) -> list[Swatch]:
    """Return what readers see of an accent; nothing where it is no colour."""
    try:
        colours = palette(accent)
    except ValueError:
        return []
    return list(_swatches(colours))


def accent_words(accent: str) -> list[str]:
    """Say what had to be changed of an accent, so that it can be read."""
    try:
        return sentences(palette(accent))
    except ValueError:
        return []


def _swatches(colours: dict[str, Any]) -> Iterable[Swatch]:
    dark = colours["dark"]
    yield Swatch("Links on paper", colours["text"], PAPER)
    yield Swatch("Links on the ground", colours["text"], GROUND)
    yield Swatch("Words on a button", colours["on_fill"], colours["fill"])
    yield Swatch("Links in the dark", dark["text"], DARK_PAPER)
    yield Swatch("Words on a button in the dark", dark["on_fill"], dark["fill"])
