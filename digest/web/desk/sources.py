"""Sources: the feeds that articles come from. Nothing is fetched but where a button is pressed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Response, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.audit import Sought, list_events, record
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import Article, Role, Source
from digest.newsroom.feeding import fed_by_nothing
from digest.newsroom.intake.articles import minutes_of
from digest.newsroom.intake.checking import FeedCheck, check_feed
from digest.newsroom.intake.fetch_history import (
    fetch_in_words,
    list_fetches,
    when_in_words,
)
from digest.newsroom.intake.fetching_sources import open_fetcher
from digest.newsroom.intake.sources import (
    SourceChange,
    add_source,
    edit_source,
    find_source,
    pause_source,
    resume_source,
    retire_source,
)
from digest.newsroom.issues.coming import waiting_with
from digest.prose import at_start
from digest.runtime import FETCH_SOURCE
from digest.web.context import current_runtime
from digest.web.desk.signed_in import ID, actor, desk, desk_blueprint, moment_here, show
from digest.web.desk.stale import refuse_stale, stamp_of
from digest.web.desk.standing import called
from digest.web.paging import page_of

FIELDS = ("url", "name", "section", "priority")
LONGEST = 2000
WEEKS, NEWEST, EVENTS, FETCHES = 8, 10, 20, 20
WEEK = timedelta(days=7)
DONE = {
    "added": "It is added, and fetched soon.",
    "saved": "It is saved.",
    "paused": "It is paused: it is fetched no more, and its articles may be picked as before.",
    "resumed": "It is fetched again, and soon.",
    "retired": "It is retired: it is fetched no more, and its articles are picked no more.",
}
# What each button changes.
CHANGES = {
    "pause": ("paused", ("paused_at",)),
    "resume": ("resumed", ("paused_at", "next_fetch_at", "failures")),
    "retire": ("retired", ("retired_at",)),
}

A_PAGE = 100

source_pages = desk_blueprint("desk_sources", __name__, role=Role.OWNER)


@source_pages.get("/sources")
def show_all() -> Response:
    """Show the sources, and how the last fetch of each went."""
    return _list()


@source_pages.post("/sources")
def add() -> AnyResponse:
    """Add a source; or only try what would come in from it."""
    typed = _typed()
    if request.form.get("action") == "check":
        return _list(typed=typed, checked=_checked(typed["url"].strip()))
    runtime, now = current_runtime(), desk().now
    try:
        priority = _priority(typed["priority"])
        with runtime.database.transaction() as session:
            words = {"name": typed["name"], "section": typed["section"]}
            added = add_source(session, typed["url"].strip(), now, priority=priority, **words)
            source_id = added.id
            _record(session, "source add", source_id, FIELDS)
    except FieldError as error:
        return _list((error,), typed=typed)
    runtime.bell.ring(FETCH_SOURCE, source_id)
    return redirect(url_for("desk_sources.show_one", source_id=source_id, done="added"), 303)


@source_pages.get(f"/sources/<{ID}:source_id>")
def show_one(source_id: int) -> Response:
    """Show a source, what came in from it, and who changed what."""
    return _one(source_id)


@source_pages.post(f"/sources/<{ID}:source_id>")
def change(source_id: int) -> AnyResponse:
    """Change, pause, resume or retire a source; or only try what would come in from it."""
    what, typed = request.form.get("action", ""), _typed()
    if what == "check":
        return _one(source_id, typed=typed, checked=_checked(typed["url"].strip()))
    runtime = current_runtime()
    try:
        with runtime.database.transaction() as session:
            done, said = _change(session, source_id, what, typed)
    except FieldError as error:
        return _one(source_id, (error,), typed=typed)
    except RefusedError as error:
        return _one(source_id, (FieldError("url", str(error)),))
    if done in {"saved", "resumed"}:
        runtime.bell.ring(FETCH_SOURCE, source_id)
    if said:
        return _one(source_id, said=[DONE[done], *said])
    return redirect(url_for("desk_sources.show_one", source_id=source_id, done=done), 303)


def _change(
    session: Session, source_id: int, what: str, typed: dict[str, str]
) -> tuple[str, list[str]]:
    """Do it; return what was done, and what follows from it."""
    now = desk().now
    if what not in CHANGES:
        source = find_source(session, source_id)
        refuse_stale("this source", stamp_of(_stands(source)))
        before = {name: getattr(source, name) for name in FIELDS}
        wanted = SourceChange(
            typed["url"].strip(), typed["name"], typed["section"], _priority(typed["priority"])
        )
        edited = edit_source(session, source_id, wanted, now)
        fields = [name for name in FIELDS if getattr(edited, name) != before[name]]
        if fields:
            _record(session, "source edit", source_id, fields)
        return "saved", []
    verbs = {"pause": pause_source, "resume": resume_source, "retire": retire_source}
    done, columns = CHANGES[what]
    found = verbs[what](session, source_id, now)
    _record(session, f"source {what}", source_id, columns)
    return done, list(_after_retiring(session, found, now)) if what == "retire" else []


def _after_retiring(session: Session, found: Source, now: datetime) -> Iterator[str]:
    for issue in waiting_with(session, found):
        yield f"{issue.newsletter.name}, {called(issue)}, keeps the stories that it has of it."
    for newsletter, _ in fed_by_nothing(session, now):
        if found.id in newsletter.source_ids:
            yield f"Nothing feeds {newsletter.name} now. Choose on its page what does."


def _stands(source: Source) -> dict[str, str]:
    texts = {name: str(getattr(source, name) or "") for name in FIELDS}
    return texts | {"priority": str(source.priority)}


def _record(
    session: Session, verb: str, source_id: int, fields: tuple[str, ...] | list[str]
) -> None:
    table = Source.__tablename__
    record(session, actor(session), verb, table, source_id, now=desk().now, fields=fields)


def _typed() -> dict[str, str]:
    return {name: request.form.get(name, "")[:LONGEST] for name in FIELDS}


def _priority(text: str) -> int:
    try:
        return int(text.strip() or "0") if len(text) < 6 else 99
    except ValueError:
        raise FieldError("priority", "Give a number of days, like 2 or -1.") from None


def _checked(url: str) -> FeedCheck:
    runtime = current_runtime()
    if not url:
        return FeedCheck(url, error="Give the feed's address.")
    return check_feed(open_fetcher(runtime.database, runtime.settings), url, desk().now)


def _list(
    errors: tuple[FieldError, ...] = (),
    *,
    typed: dict[str, str] | None = None,
    checked: FeedCheck | None = None,
) -> Response:
    retired = request.args.get("all") == "1"
    query = select(Source).order_by(Source.name, Source.id)
    with current_runtime().database.reading() as session:
        query = query if retired else query.where(Source.retired_at.is_(None))
        found = page_of(
            lambda most, first: session.scalars(query.offset(first).limit(most)).all(), A_PAGE
        )
    return show(
        "sources.html",
        422 if errors or (checked and checked.error) else 200,
        errors=errors,
        rows=[(each, *_standing(each)) for each in found.rows],
        page=found,
        typed=typed or dict.fromkeys(FIELDS, "") | {"priority": "0"},
        checked=checked,
        retired=retired,
        minutes_of=minutes_of,
        at=moment_here,
    )


def _standing(source: Source) -> tuple[str, bool]:
    """Return how a source stands, in words, and whether that is trouble."""
    if source.retired_at is not None:
        return f"Retired on {moment_here(source.retired_at)}.", False
    answered = (
        f"Answered on {moment_here(source.succeeded_at)}."
        if source.succeeded_at
        else "It has not answered yet."
    )
    if source.paused_at is not None:
        return f"Paused on {moment_here(source.paused_at)}. {answered}", False
    following = f"Next fetch on {moment_here(source.next_fetch_at)}."
    if source.last_error:
        return f"{source.last_error} {answered} {following}", True
    return f"{answered} {following}", False


@dataclass(frozen=True)
class Past:
    """What came in of late: how many articles a week, this week first, and the newest of them."""

    weeks: list[int]
    newest: list[Article]


def _past(session: Session, source_id: int, now: datetime) -> Past:
    theirs = Article.source_id == source_id
    since = now - WEEKS * WEEK
    seen = session.scalars(
        select(Article.first_seen_at).where(theirs, Article.first_seen_at > since)
    )
    weeks = Counter((now - at) // WEEK for at in seen)
    newest = select(Article).where(theirs).order_by(Article.first_seen_at.desc(), Article.id.desc())
    return Past([weeks[ago] for ago in range(WEEKS)], list(session.scalars(newest.limit(NEWEST))))


def _one(
    source_id: int,
    errors: tuple[FieldError, ...] = (),
    *,
    typed: dict[str, str] | None = None,
    checked: FeedCheck | None = None,
    said: list[str] | None = None,
) -> Response:
    with current_runtime().database.reading() as session:
        source = session.get(Source, source_id)
        if source is None:
            raise NotFoundError("There is no such source.")
        past = _past(session, source_id, desk().now)
        fetches = [
            (when_in_words(each, moment_here), at_start(fetch_in_words(each)), each.took_ms / 1000)
            for each in list_fetches(session, source_id, FETCHES)
        ]
        events = list_events(
            session, Sought(table=Source.__tablename__, row=source_id), at_most=EVENTS
        )
    stands = _stands(source)
    standing, trouble = _standing(source)
    done = DONE.get(request.args.get("done", ""), "")
    return show(
        "source.html",
        422 if errors or (checked and checked.error) else 200,
        errors=errors,
        source=source,
        standing=standing,
        trouble=trouble,
        typed=typed or stands,
        # Whoever only tries has not been told what somebody else has saved.
        stamp=request.form.get("stamp", "") if checked else stamp_of(stands),
        checked=checked,
        past=past,
        fetches=fetches,
        events=events,
        said=said or ([done] if done else []),
        minutes_of=minutes_of,
        at=moment_here,
    )
