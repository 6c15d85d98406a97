"""`digest newsletter show`."""

from typing import Any

import click

from digest.cli.newsletter_views import as_json_of, troubles_of
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, print_table
from digest.newsroom.feeding import feeding_of
from digest.newsroom.finding import find_newsletter
from digest.readers.preferences.told import reasons_told, topics_asked_for


@click.command()
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
    table = Table(show_header=False, framed=False)
    for key, value in shown.items():
        if key != "palette":
            table.add_row(key.replace("_", " "), _in_words(value))
    print_table(table, "")


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        nested = any(isinstance(each, dict) for each in value.values())
        lines = (f"{key}: {_in_words(each)}" for key, each in value.items())
        return ("\n" if nested else ", ").join(lines)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
