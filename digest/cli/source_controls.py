"""`digest source edit|pause|resume|retire`: what a person changes of a feed."""

import click

from digest.cli.arguments import typed_wrongly
from digest.cli.issue_names import short_name
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.source_views import source_as_json
from digest.models import Source
from digest.newsroom.feeding import fed_by_nothing, remedy
from digest.newsroom.intake.sources import (
    SourceChange,
    edit_source,
    pause_source,
    resume_source,
    retire_source,
)
from digest.newsroom.issues.coming import waiting_with

id_argument = click.argument("source_id", type=int, metavar="ID")


@click.command()
@id_argument
@click.option("--url", help="The feed's address; it is fetched soon.")
@click.option("--name", help="What to call it; empty: its host.")
@click.option("--section", help="For its articles that name no section; empty: none.")
@click.option("--priority", type=int, help="Counts as days of freshness.")
@json_option
def edit(
    source_id: int,
    url: str | None,
    name: str | None,
    section: str | None,
    priority: int | None,
    as_json: bool,
) -> None:
    """Change the source with this ID: its address, name, section or priority."""
    change = SourceChange(url, name, section, priority)
    if change == SourceChange():
        raise click.UsageError("Say what to change: --url, --name, --section or --priority.")
    with runtime() as opened, typed_wrongly():
        now = opened.clock.now()
        with opened.database.transaction() as session:
            found = edit_source(session, source_id, change, now)
    soon = " It is fetched soon." if url is not None and found.next_fetch_at == now else ""
    _tell(found, f"Source {found.id}: {found.name}, {found.url}.{soon}", as_json)


@click.command()
@id_argument
@json_option
def pause(source_id: int, as_json: bool) -> None:
    """Fetch the source with this ID no more, until it is resumed.

    Its articles may be picked as before.
    """
    with runtime() as opened, opened.database.transaction() as session:
        found = pause_source(session, source_id, opened.clock.now())
    again = f"Fetch it again: digest source resume {found.id}"
    _tell(found, f"{found.name} is paused. {again}", as_json)


@click.command()
@id_argument
@json_option
def resume(source_id: int, as_json: bool) -> None:
    """Fetch the source with this ID again, from now on."""
    with runtime() as opened, opened.database.transaction() as session:
        found = resume_source(session, source_id, opened.clock.now())
    _tell(found, f"{found.name} is fetched again, and soon.", as_json)


@click.command()
@id_argument
@json_option
def retire(source_id: int, as_json: bool) -> None:
    """Give the source with this ID up: it is fetched no more, its articles are picked no more.

    Issues keep what they have of it. Its address may be added again.
    """
    with runtime() as opened, opened.database.transaction() as session:
        found = retire_source(session, source_id, opened.clock.now())
        waiting = [short_name(issue) for issue in waiting_with(session, found)]
        unfed = [
            newsletter
            for newsletter, _ in fed_by_nothing(session, opened.clock.now())
            if found.id in newsletter.source_ids
        ]
    if as_json:
        slugs = [newsletter.slug for newsletter in unfed]
        print_json({**source_as_json(found), "still_in": waiting, "fed_by_nothing": slugs})
        return
    click.echo(f"{found.name} is retired: it is fetched no more, its articles are picked no more.")
    if waiting:
        click.echo(f"What is picked stays. It is in {', '.join(waiting)}.")
    for newsletter in unfed:
        click.echo(f"Nothing feeds {newsletter.name} now. {remedy(newsletter)}")


def _tell(found: Source, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(source_as_json(found))
    else:
        click.echo(sentence)
