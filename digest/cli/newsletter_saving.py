"""`digest newsletter create|edit`."""

import dataclasses
from typing import Any

import click

from digest.cli.arguments import typed_wrongly
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
    composed_of,
    followed_as_json,
    tell,
)
from digest.cli.opening import json_option, runtime
from digest.newsroom.feeding import feeding_of
from digest.newsroom.finding import NewsletterValues, find_newsletter, values_of
from digest.newsroom.newsletters import create_newsletter, edit_newsletter


@click.command()
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


@click.command()
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
