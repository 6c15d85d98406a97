"""`digest newsletter`: creating and editing newsletters."""

import dataclasses
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.cli import reports
from digest.cli.arguments import (
    WEEKDAYS,
    Tags,
    TimeOfDay,
    Topics,
    Weekday,
    read_bytes,
    short_name,
    typed_wrongly,
    when,
)
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.reading_files import GivenFile
from digest.cli.tables import print_table
from digest.models import BEFORE_FREEZE, Approval, InDoubtPolicy, Issue, Newsletter
from digest.newsroom.feeding import Feeding, feeding_of, remedy, sources_named
from digest.newsroom.intake.media import store_media
from digest.newsroom.intake.pictures import (
    BYTES_AT_MOST,
    MARK,
    PORTRAIT,
    Encoded,
    Shape,
    crop_and_encode,
)
from digest.newsroom.issues.calendar import next_occurrence, odd_slots
from digest.newsroom.issues.rescheduling import Followed
from digest.newsroom.newsletters import (
    NewsletterValues,
    create_newsletter,
    edit_newsletter,
    ensure_publication,
    find_newsletter,
    values_of,
)
from digest.newsroom.palette import sentences
from digest.readers.preferences.choosing import topics_asked_for
from digest.readers.preferences.farewells import reasons_told

FILE = GivenFile()

OPTIONS = (
    click.option("--name", help="What readers call it: Editor's Digest."),
    click.option("--promise", help="What readers get, in a sentence or two."),
    click.option("--editor-name", help="Who picks and signs it."),
    click.option("--editor-email", help="Where drafts and warnings go."),
    click.option("--portrait", type=FILE, help="The editor's portrait, a picture."),
    click.option("--from-address", help="The address in From."),
    click.option("--from-name", help="The name in From.  [FIRST NAME at PUBLICATION]"),
    click.option("--reply-to", help="Where answers go, if not to the address in From."),
    click.option("--postal-address", help="The publisher's, for the foot of every mail."),
    click.option("--weekday", type=Weekday(), help="The day it comes: Saturday."),
    click.option("--time", "local_time", type=TimeOfDay(), help="When, in its zone: 07:00."),
    click.option("--zone", help="IANA time zone: Europe/London."),
    click.option("--accent", help="The one colour, as hex: #006B5E."),
    click.option("--language", help="A language tag: en."),
    click.option(
        "--also-in", "languages", type=Tags(), help="Other languages it comes in: de, fr.  [none]"
    ),
    click.option(
        "--topics", type=Topics(), help="What readers may choose: economy=The economy, sea=The sea."
    ),
    click.option("--compose-hours", type=int, help="Compose so many hours ahead.  [24]"),
    click.option("--close-hours", type=int, help="Close so many hours ahead.  [1]"),
    click.option("--approval", type=click.Choice([word.value for word in Approval])),
    click.option("--story-count", type=int, help="At most so many stories.  [8]"),
    click.option("--story-min", type=int, help="With fewer it is skipped.  [3]"),
    click.option("--story-max-age-days", type=int, help="No older stories.  [14]"),
    click.option(
        "--source",
        "source_ids",
        multiple=True,
        metavar="NAME",
        help="Only articles of this source (a name or an id; `api`: those without one). "
        "Give it once for each source.  [all]",
    ),
    click.option("--all-sources", is_flag=True, help="Articles of every source again."),
    click.option(
        "--section",
        "sections",
        multiple=True,
        metavar="NAME",
        help="Only articles in this section. Give it once for each.  [all]",
    ),
    click.option("--all-sections", is_flag=True, help="Articles in every section again."),
    click.option("--briefs-heading", help="Above the briefs.  [Also on my desk]"),
    click.option(
        "--in-doubt-policy",
        type=click.Choice([word.value for word in InDoubtPolicy]),
        help="Where the relay never answered: hold it for a person, or resend it later.  [hold]",
    ),
    click.option(
        "--count-clicks/--no-count-clicks",
        default=None,
        help="Count how often each story is followed from the mail, and by nobody's name.  [no]",
    ),
    click.option("--publication", help="The paper's name; once is enough."),
    click.option("--site", help="The paper's web address; once is enough."),
    click.option("--privacy-url", help="The paper's privacy notice."),
    click.option("--mark", type=FILE, help="The paper's mark, a square picture."),
)


def newsletter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command every option that says something about a newsletter."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.group()
def newsletter() -> None:
    """Create and edit newsletters."""


@newsletter.command()
@click.argument("slug")
@newsletter_options
@json_option
def create(slug: str, as_json: bool, **given: Any) -> None:
    """Create a newsletter. SLUG is its name in links: editors-digest."""
    changes = _changes(given)
    missing = [option for option in _required() if option not in changes and option != "slug"]
    if missing:
        raise click.UsageError(f"Missing: {', '.join(map(_option, missing))}.")
    pictures = _pictures(given)
    with runtime() as opened, typed_wrongly():
        now = opened.clock.now()
        with opened.database.transaction() as session:
            _save_publication(session, given, pictures, now)
            changes |= _portrait(session, pictures, now) | _fed(session, given)
            values = NewsletterValues(slug=slug, **changes)
            made = create_newsletter(session, values, now, reserved=opened.settings.reserved_names)
            fed = feeding_of(session, made, now)
        _tell(made, fed, now, as_json)


@newsletter.command()
@click.argument("slug")
@newsletter_options
@json_option
def edit(slug: str, as_json: bool, **given: Any) -> None:
    """Change what the options name.

    Where its day, time or zone changes, issues that nobody has touched yet move with it. The
    others keep their times, and are named.

    The sources that are named are all that feed it from then on, and so are the sections. Stories
    that are picked already stay.
    """
    changes = _changes(given)
    if not changes and not any(given.values()):
        raise click.UsageError("Say what to change; see: digest newsletter edit --help")
    pictures = _pictures(given)
    with runtime() as opened, typed_wrongly():
        now = opened.clock.now()
        with opened.database.transaction() as session:
            found = find_newsletter(session, slug)
            _save_publication(session, given, pictures, now)
            chosen = _fed(session, given)
            changes |= _portrait(session, pictures, now) | chosen
            values = dataclasses.replace(values_of(found), **changes)
            followed = _followed(
                edit_newsletter(
                    session, found, values, now, reserved=opened.settings.reserved_names
                )
            )
            fed = feeding_of(session, found, now)
            composed = _composed(session, found) if chosen else []
        _tell(found, fed, now, as_json, followed)
        for name in [] if as_json else composed:
            click.echo(
                f"{name} keeps its stories. To pick anew: digest issue compose {name} --again"
            )


@newsletter.command("list")
@json_option
def list_newsletters(as_json: bool) -> None:
    """List the newsletters."""
    with runtime() as opened:
        now = opened.clock.now()
        with opened.database.reading() as session:
            found = session.scalars(select(Newsletter).order_by(Newsletter.slug)).all()
            fed = [feeding_of(session, one, now) for one in found]
    if as_json:
        print_json([_as_json(one, its, now) for one, its in zip(found, fed, strict=True)])
        return
    table = Table("Newsletter", "Name", "Editor", "Comes", "Next", "Takes")
    for one, its in zip(found, fed, strict=True):
        comes = f"{WEEKDAYS[one.weekday]} {one.local_time:%H:%M} {one.zone}"
        coming = str(next_occurrence(one, now))
        takes = "nothing" if its.nothing else its.origin.strip() or "all"
        table.add_row(one.slug, one.name, one.editor_name, comes, coming, takes)
    print_table(table, "There are no newsletters yet. Make one: digest newsletter create --help")


@newsletter.command()
@click.argument("slug")
@json_option
def show(slug: str, as_json: bool) -> None:
    """Show all that is known of a newsletter."""
    with runtime() as opened:
        now = opened.clock.now()
        with opened.database.reading() as session:
            found = find_newsletter(session, slug)
            fed = feeding_of(session, found, now)
            shown = _as_json(found, fed, now)
            shown["readers_by_topic"] = topics_asked_for(session, found.id)
            shown["reasons_for_leaving"] = reasons_told(session, found.id)
    if as_json:
        print_json(shown)
        return
    shown["sources"] = list(map(str, fed.sources)) or "all"
    shown["sections"] = fed.sections or "all"
    shown["troubles"] = _troubles(found, fed) if fed.troubles else None
    table = Table(show_header=False, box=None)
    for key, value in shown.items():
        if key != "palette":
            table.add_row(key.replace("_", " "), _in_words(value))
    print_table(table, "")


newsletter.add_command(reports.report)


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        nested = any(isinstance(each, dict) for each in value.values())
        lines = (f"{key}: {_in_words(each)}" for key, each in value.items())
        return ("\n" if nested else ", ").join(lines)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _required() -> list[str]:
    return [
        field.name
        for field in dataclasses.fields(NewsletterValues)
        if field.default is field.default_factory is dataclasses.MISSING
    ]


def _option(field: str) -> str:
    return "--time" if field == "local_time" else "--" + field.replace("_", "-")


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, as the newsletter's fields."""
    known = {field.name for field in dataclasses.fields(NewsletterValues)}
    # What feeds it is named as a person names it: see `_fed`.
    known -= {"source_ids", "sections"}
    changes = {name: value for name, value in given.items() if name in known and value is not None}
    if "approval" in changes:
        changes["approval"] = Approval(changes["approval"])
    if "in_doubt_policy" in changes:
        changes["in_doubt_policy"] = InDoubtPolicy(changes["in_doubt_policy"])
    return changes


def _fed(session: Session, given: dict[str, Any]) -> dict[str, Any]:
    """Return what is to feed it, where that was given.

    Raises:
        FieldError: there is no such source or section.
    """
    for option, every in (("source_ids", "all_sources"), ("sections", "all_sections")):
        if given[option] and given[every]:
            one = "--section" if option == "sections" else "--source"
            raise click.UsageError(f"Give either {one} or {_option(every)}.")
    fed: dict[str, Any] = {}
    if given["source_ids"] or given["all_sources"]:
        fed["source_ids"] = sources_named(session, given["source_ids"])
    if given["sections"] or given["all_sections"]:
        fed["sections"] = given["sections"]
    return fed


def _composed(session: Session, found: Newsletter) -> list[str]:
    """Return the names of the issues that wait, and have their stories."""
    issues = session.scalars(
        select(Issue)
        .where(
            Issue.newsletter_id == found.id,
            Issue.state.in_(BEFORE_FREEZE),
            Issue.composed_at.is_not(None),
        )
        .order_by(Issue.send_at, Issue.id)
    )
    return [short_name(issue) for issue in issues]


def _pictures(given: dict[str, Any]) -> dict[str, Encoded]:
    """Return the pictures that were given, encoded: before a transaction is open."""
    shapes: dict[str, Shape] = {"portrait": PORTRAIT, "mark": MARK}
    pictures = {}
    for option, shape in shapes.items():
        file: Path | None = given[option]
        if file is None:
            continue
        picture = crop_and_encode(read_bytes(file, BYTES_AT_MOST), shape)
        if picture is None:
            raise click.UsageError(
                f"--{option}: the picture needs at least {shape.at_least} pixels each way."
            )
        pictures[option] = picture
    return pictures


def _save_publication(
    session: Session, given: dict[str, Any], pictures: dict[str, Encoded], now: datetime
) -> None:
    mark = None
    if "mark" in pictures:
        mark = store_media(session, pictures["mark"], now, lasting=True)
    ensure_publication(
        session,
        name=given["publication"],
        site_url=given["site"],
        privacy_url=given["privacy_url"],
        mark=mark,
    )


def _portrait(session: Session, pictures: dict[str, Encoded], now: datetime) -> dict[str, str]:
    if "portrait" not in pictures:
        return {}
    return {"editor_portrait": store_media(session, pictures["portrait"], now, lasting=True)}


def _followed(issues: list[Followed]) -> list[dict[str, str]]:
    """Return what became of the issues that there are, as a script and `_sentence` read it."""
    return [
        {
            "issue": short_name(followed.issue),
            "goes_out": when(followed.issue),
            "kept_because": followed.kept_because,
        }
        for followed in issues
    ]


def _sentence(followed: dict[str, str]) -> str:
    name, goes_out = followed["issue"], followed["goes_out"]
    if not followed["kept_because"]:
        return f"{name} moves with it: it goes out on {goes_out}."
    return (
        f"{name} keeps its time, {goes_out}, because {followed['kept_because']}. To move it: "
        f"digest issue schedule {name} --at WHEN"
    )


def _tell(
    saved: Newsletter,
    fed: Feeding,
    now: datetime,
    as_json: bool,
    followed: list[dict[str, str]] | None = None,
) -> None:
    if as_json:
        print_json(_as_json(saved, fed, now) | ({} if followed is None else {"issues": followed}))
        return
    comes = f"{WEEKDAYS[saved.weekday]}s at {saved.local_time:%H:%M} ({saved.zone})"
    click.echo(f"{saved.name} comes on {comes}; next on {next_occurrence(saved, now)}.")
    if fed.origin:
        click.echo(f"It takes articles{fed.origin}.")
    if fed.troubles:
        click.echo(_troubles(saved, fed))
    if saved.count_clicks:
        click.echo("Clicks in its mails are counted: your privacy notice has to say so.")
    for each in followed or ():
        click.echo(_sentence(each))
    for odd in islice(odd_slots(saved, now), 1):
        click.echo(odd)
    for sentence in sentences(saved.palette):
        click.echo(sentence)


def _troubles(found: Newsletter, fed: Feeding) -> str:
    return " ".join((*fed.troubles, remedy(found)))


def _as_json(found: Newsletter, fed: Feeding, now: datetime) -> dict[str, Any]:
    shown = dataclasses.asdict(values_of(found))
    del shown["source_ids"]
    shown["sources"] = [dataclasses.asdict(each) for each in fed.sources]
    shown["sections"] = shown.pop("sections")
    shown["troubles"] = list(fed.troubles)
    shown["local_time"] = f"{found.local_time:%H:%M}"
    shown["weekday"] = WEEKDAYS[found.weekday]
    return {
        **shown,
        "palette": found.palette,
        "next_occurrence": next_occurrence(found, now),
    }
