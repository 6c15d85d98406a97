"""Which sources and sections feed a newsletter: naming them, and telling what is left of them.

The rule itself stands beside its tables: `digest.models.article.fed_to`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from digest import prose
from digest.errors import FieldError
from digest.models import Article, Newsletter, Source
from digest.models.article import of_its_sources, of_no_retired_source, section_key

# What articles without a source are called: those of the API, and those added by hand.
API = "api"
NO_SOURCE = "what has no source"
NAMES_AT_MOST = 20
# Articles that are looked through for the sections that there are, the newest.
LOOKED_AT = 50_000
NAMES_IN_A_SENTENCE = 3
NAME_AT_MOST = 60


@dataclass(frozen=True)
class NamedSource:
    """A source as a newsletter names it.

    `id` is None for what has no source, `name` for a source that is no more.
    """

    id: int | None
    name: str | None

    def __str__(self) -> str:
        """Return "The Wire (source 1)": two sources may have one name."""
        if self.id is None:
            return NO_SOURCE
        if self.name is None:
            return f"source {self.id}"
        return f"{prose.cut(self.name, NAME_AT_MOST)} (source {self.id})"


@dataclass(frozen=True)
class Feeding:
    """What feeds a newsletter, by name; no source or no section named: all of them.

    `troubles` are sentences about what is named and is not there. With `nothing` there is nothing
    left that could feed it, and the first sentence says so.
    """

    sources: tuple[NamedSource, ...] = ()
    sections: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    nothing: bool = False

    @property
    def origin(self) -> str:
        """Return " from The Wire (source 1) in the section World", or "" where it takes all."""
        sources = f" from {_few(map(str, self.sources))}" if self.sources else ""
        sections = f" in the {_few_sections(self.sections)}" if self.sections else ""
        return sources + sections


def feeding_of_each(
    session: Session, newsletters: Sequence[Newsletter], now: datetime
) -> list[Feeding]:
    """Return what feeds each of several newsletters: their sources are read once for all."""
    known = {source.id: source for source in session.scalars(select(Source))}
    return [feeding_of(session, each, now, known=known) for each in newsletters]


def feeding_of(
    session: Session,
    newsletter: Newsletter,
    now: datetime,
    *,
    known: Mapping[int, Source] | None = None,
) -> Feeding:
    """Return what feeds a newsletter, and what of that is not there: two queries at most.

    `known`: all sources, where they have been read.

    A section counts as there while an article of a source that feeds the newsletter has it, and
    is not too old for its issues: a feed may call a section something else from one day to the
    next.
    """
    sources, lost = _sources_of(session, newsletter, known)
    unseen, written = _unseen_sections(session, newsletter, now)
    no_source = bool(lost) and len(lost) == len(newsletter.source_ids)
    no_section = bool(unseen) and len(unseen) == len(newsletter.sections)
    troubles = list(lost)
    # Without sources it goes without saying that none of them writes the section.
    if unseen and not no_source:
        troubles.append(_unseen_in_words(newsletter, unseen, written))
    nothing = no_source or no_section
    if nothing:
        troubles.insert(0, "Nothing feeds it.")
    return Feeding(sources, tuple(newsletter.sections), tuple(troubles), nothing)


def remedy(newsletter: Newsletter) -> str:
    """Return what to do for a newsletter that nothing feeds."""
    return (
        f"Choose what feeds it: digest newsletter edit {newsletter.slug} with --source NAME or "
        "--all-sources, --section NAME or --all-sections."
    )


def fed_by_nothing(session: Session, now: datetime) -> list[tuple[Newsletter, Feeding]]:
    """Return the newsletters in use that nothing feeds."""
    in_use = session.scalars(
        select(Newsletter).where(Newsletter.retired_at.is_(None)).order_by(Newsletter.slug)
    ).all()
    fed = zip(in_use, feeding_of_each(session, in_use, now), strict=True)
    return [(newsletter, feeding) for newsletter, feeding in fed if feeding.nothing]


def _sources_of(
    session: Session, newsletter: Newsletter, known: Mapping[int, Source] | None
) -> tuple[tuple[NamedSource, ...], list[str]]:
    """Return the sources that it names, and a sentence for each that is lost."""
    ids = [source_id for source_id in newsletter.source_ids if source_id is not None]
    found = known
    if found is None:
        query = select(Source).where(Source.id.in_(ids))
        found = {source.id: source for source in session.scalars(query)} if ids else {}
    sources: list[NamedSource] = []
    lost: list[str] = []
    for source_id in newsletter.source_ids:
        if source_id is None:
            sources.append(NamedSource(None, API))
            continue
        source = found.get(source_id)
        named = NamedSource(source_id, source.name if source else None)
        sources.append(named)
        if source is None:
            lost.append(f"There is no {named} any more.")
        elif source.retired_at is not None:
            lost.append(f"{named} is retired.")
    return tuple(sources), lost


def _unseen_sections(
    session: Session, newsletter: Newsletter, now: datetime
) -> tuple[list[str], list[str]]:
    """Return the named sections that no article has of late, and what its sources do write."""
    if not newsletter.sections:
        return [], []
    oldest = now - timedelta(days=newsletter.story_max_age_days)
    written = _spellings(
        session.execute(
            select(Article.section, func.count())
            .where(
                Article.section.is_not(None),
                Article.first_seen_at >= oldest,
                of_its_sources(newsletter),
                of_no_retired_source(),
            )
            .group_by(Article.section)
        ).all()
    )
    unseen = [each for each in newsletter.sections if section_key(each) not in written]
    return unseen, list(written.values())


def _unseen_in_words(newsletter: Newsletter, unseen: Sequence[str], written: list[str]) -> str:
    days = newsletter.story_max_age_days
    of_late = "the last day" if days == 1 else f"the last {days} days"
    of = " of its sources" if newsletter.source_ids else ""
    said = f"No article{of} in {of_late} is in the {_few_sections(unseen)}."
    return f"{said} Seen of late: {_listed(written)}." if written else said


def sources_named(session: Session, typed: Iterable[str]) -> list[int | None]:
    """Return the sources in use that are meant, by name or id; `api` is what has no source.

    Neither case nor spaces matter. A number is an id where there is such a source.

    Raises:
        FieldError: there is none of that name, or more than one; with those that there are.
    """
    query = select(Source).where(Source.retired_at.is_(None)).order_by(Source.name, Source.id)
    known = session.scalars(query).all()
    return list(dict.fromkeys(_source_meant(each, known) for each in typed))


def _source_meant(typed: str, known: Sequence[Source]) -> int | None:
    key = section_key(typed)
    if key == API:
        return None
    if any(key == str(source.id) for source in known):
        return int(key or "")
    meant = [source for source in known if key and section_key(source.name) == key]
    if len(meant) == 1:
        return meant[0].id
    if meant:
        ids = prose.all_of(str(source.id) for source in meant)
        raise FieldError(
            "source_ids", f"There are {len(meant)} called {meant[0].name}. Give an id: {ids}."
        )
    raise _unknown_source(typed, known)


def _unknown_source(typed: str, known: Iterable[Source]) -> FieldError:
    name = prose.cut(typed.strip(), NAME_AT_MOST)
    there = _listed(str(NamedSource(source.id, source.name)) for source in known)
    known_ones = f"There are: {there}." if there else "There are none yet."
    return FieldError(
        "source_ids",
        f"There is no source called {name}. {known_ones} For {NO_SOURCE}, say {API}.",
    )


def sources_kept(
    session: Session, source_ids: Iterable[int | None], before: Collection[int | None]
) -> list[int | None]:
    """Return ids of sources, each once, all of them in use or named before.

    Raises:
        FieldError: there is no such source, or it is retired.
    """
    wanted = list(dict.fromkeys(source_ids))
    new = [str(source_id) for source_id in wanted if source_id not in {None, *before}]
    if new:
        sources_named(session, new)
    return wanted


def sections_named(session: Session, typed: Iterable[str], before: Iterable[str] = ()) -> list[str]:
    """Return sections as the feeds write them most, each once; those named before stay as they are.

    Neither case nor spaces matter.

    Raises:
        FieldError: no article has that section and no source in use gives it; with those known.
    """
    wanted = {section_key(each): each for each in typed}
    kept = {section_key(each): each for each in before}
    if wanted.keys() <= kept.keys():
        return [kept[key] for key in wanted]
    known = _known_sections(session) | kept
    if unseen := {key for key in wanted if key is not None} - known.keys():
        known |= _sections_of_old(session, unseen)
    for key, each in wanted.items():
        if key is None or key not in known:
            raise _unknown_section(each, known.values())
    return [known[key] for key in wanted]


def sections_there(session: Session) -> list[str]:
    """Return the sections of the newest articles and of sources in use, the commonest first."""
    return list(_known_sections(session).values())


def _unknown_section(typed: str, known: Collection[str]) -> FieldError:
    name = prose.cut(typed.strip(), NAME_AT_MOST)
    there = f"There are: {_listed(known)}." if known else "No article has one yet."
    return FieldError("sections", f"There is no section called {name}. {there}")


def _known_sections(session: Session) -> dict[str | None, str]:
    # What an issue may be made of is among them, and a paper of many years has a million.
    newest = select(Article.section).order_by(Article.id.desc()).limit(LOOKED_AT).subquery()
    of_articles = session.execute(
        select(newest.c.section, func.count())
        .where(newest.c.section.is_not(None))
        .group_by(newest.c.section)
    ).all()
    of_sources = session.execute(
        select(Source.section, func.count())
        .where(Source.section.is_not(None), Source.retired_at.is_(None))
        .group_by(Source.section)
    ).all()
    return _spellings([*of_articles, *of_sources])


def _sections_of_old(session: Session, keys: Collection[str]) -> dict[str | None, str]:
    """Return those of these sections that any article has, however old it is.

    That looks through all of them: only whoever names a section that no young one has waits for it.
    """
    found = session.execute(
        select(Article.section, func.count())
        .where(Article.section_key.in_(sorted(keys)))
        .group_by(Article.section)
    )
    return _spellings(found.all())


def _spellings(counted: Iterable[tuple[str | None, int]]) -> dict[str | None, str]:
    """Return for each key the spelling that most have, the commonest section first."""
    totals: Counter[str | None] = Counter()
    spelt: dict[str | None, tuple[int, str]] = {}
    for section, count in counted:
        if section is None or (key := section_key(section)) is None:
            continue
        totals[key] += count
        spelt[key] = max(spelt.get(key, (0, "")), (count, section))
    commonest = sorted(totals, key=lambda key: (-totals[key], spelt[key][1]))
    return {key: spelt[key][1] for key in commonest}


def _few_sections(names: Sequence[str]) -> str:
    return f"{'section' if len(names) == 1 else 'sections'} {_few(names)}"


def _few(names: Iterable[str]) -> str:
    all_names = list(names)
    more = len(all_names) - NAMES_IN_A_SENTENCE
    shown = all_names[:NAMES_IN_A_SENTENCE]
    return prose.all_of([*shown, f"{more} more"] if more > 0 else shown)


def _listed(names: Iterable[str]) -> str:
    """Return what there is, not too much of it."""
    all_names = list(names)
    more = len(all_names) - NAMES_AT_MOST
    shown = ", ".join(all_names[:NAMES_AT_MOST])
    return f"{shown} and {more} more" if more > 0 else shown
