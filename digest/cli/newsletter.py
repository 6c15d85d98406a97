"""`digest newsletter`: creating and editing newsletters."""

import dataclasses
from typing import Any

import click
from rich.table import Table
from sqlalchemy import select

from digest.cli import reports
from digest.cli.arguments import WEEKDAYS, typed_wrongly
from digest.cli.newsletter_options import (
    changes_given,
    fed_given,
    newsletter_options,
    option_of,
    pictures_given,
    portrait_of,
    required_options,
    save_publication,
)
from digest.cli.newsletter_telling import (
    as_json_of,
    composed_of,
    followed_as_json,
    tell,
    troubles_of,
)
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import count_of, limit_option, print_table, tell_of_more
from digest.models import Newsletter
from digest.newsroom.feeding import feeding_of, feeding_of_each
from digest.newsroom.issues.calendar import next_occurrence
from digest.newsroom.newsletters import (
    NewsletterValues,
    create_newsletter,
    edit_newsletter,
    find_newsletter,
    values_of,
)
from digest.readers.preferences.choosing import topics_asked_for
from digest.readers.preferences.farewells import reasons_told


@click.group()
def newsletter() -> None:
    """Create and edit newsletters."""


@newsletter.command()
@click.argument("slug")
@newsletter_options
@json_option
def create(slug: str, as_json: bool, **given: Any) -> None:
    """Create a newsletter. SLUG is its name in links: editors-digest."""
    changes = changes_given(given)
    missing = [
        option for option in required_options() if option not in changes and option != "slug"
    ]
    if missing:
        raise click.UsageError(f"Missing: {', '.join(map(option_of, missing))}.")
    pictures = pictures_given(given)
    with runtime() as opened, typed_wrongly():
        now = opened.clock.now()
        with opened.database.transaction() as session:
            save_publication(session, given, pictures, now)
            changes |= portrait_of(session, pictures, now) | fed_given(session, given)
            values = NewsletterValues(slug=slug, **changes)
            made = create_newsletter(session, values, now, reserved=opened.settings.reserved_names)
            fed = feeding_of(session, made, now)
        tell(made, fed, now, as_json)


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
    changes = changes_given(given)
    if not changes and not any(given.values()):
        raise click.UsageError("Say what to change; see: digest newsletter edit --help")
    pictures = pictures_given(given)
    with runtime() as opened, typed_wrongly():
        now = opened.clock.now()
        with opened.database.transaction() as session:
            found = find_newsletter(session, slug)
            save_publication(session, given, pictures, now)
            chosen = fed_given(session, given)
            changes |= portrait_of(session, pictures, now) | chosen
            values = dataclasses.replace(values_of(found), **changes)
            followed = followed_as_json(
                edit_newsletter(
                    session, found, values, now, reserved=opened.settings.reserved_names
                )
            )
            fed = feeding_of(session, found, now)
            composed = composed_of(session, found) if chosen else []
        tell(found, fed, now, as_json, followed)
        for name in [] if as_json else composed:
            click.echo(
                f"{name} keeps its stories. To pick anew: digest issue compose {name} --again"
            )


@newsletter.command("list")
@limit_option
@json_option
def list_newsletters(limit: int, as_json: bool) -> None:
    """List the newsletters."""
    with runtime() as opened:
        now = opened.clock.now()
        with opened.database.reading() as session:
            query = select(Newsletter).order_by(Newsletter.slug)
            found = session.scalars(query.limit(limit)).all()
            tell_of_more(len(found), count_of(session, query))
            fed = feeding_of_each(session, found, now)
    if as_json:
        print_json([as_json_of(one, its, now) for one, its in zip(found, fed, strict=True)])
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
            shown = as_json_of(found, fed, now)
            shown["readers_by_topic"] = topics_asked_for(session, found.id)
            shown["reasons_for_leaving"] = reasons_told(session, found.id)
    if as_json:
        print_json(shown)
        return
    shown["sources"] = list(map(str, fed.sources)) or "all"
    shown["sections"] = fed.sections or "all"
    shown["troubles"] = troubles_of(found, fed) if fed.troubles else None
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
