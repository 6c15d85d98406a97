"""`digest subscriber list|export`: who gets what."""

from dataclasses import asdict
from pathlib import Path

import click

from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, print_table
from digest.cli.writing import watched, write_whole
from digest.newsroom.finding import find_newsletter
from digest.readers.data.listing import count_readers, csv_lines, list_readers

slug_argument = click.argument("slug", metavar="[NEWSLETTER]", required=False)


ended_option = click.option("--ended", is_flag=True, help="Those who left as well.")


@click.command("list")
@slug_argument
@ended_option
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@json_option
def list_subscribers(slug: str | None, ended: bool, limit: int, as_json: bool) -> None:
    """List readers, of one newsletter or of all."""
    with runtime() as opened, opened.database.reading() as session:
        if slug is not None:
            find_newsletter(session, slug)
        rows = list(list_readers(session, slug, ended=ended, at_most=limit))
        count = count_readers(session, slug)
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    table = Table("Address", "Name", "Newsletter", "Since", "Until")
    for row in rows:
        until = f"{row.ended_at:%Y-%m-%d} ({row.ended_reason})" if row.ended_at else ""
        since = f"{row.started_at:%Y-%m-%d}"
        table.add_row(row.email, row.name or "", row.newsletter, since, until)
    print_table(table, "Nobody yet.")
    if count > len(rows):
        click.echo(f"{count:,} in all. A file of them: digest subscriber export", err=True)


@click.command()
@slug_argument
@ended_option
@click.option(
    "--to",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write, readable by you alone.  [standard output]",
)
def export(slug: str | None, ended: bool, file: Path | None) -> None:
    """Write readers as CSV, of one newsletter or of all."""
    with runtime() as opened, opened.database.reading() as session:
        if slug is not None:
            find_newsletter(session, slug)
        total = count_readers(session, slug)
        rows = list_readers(session, slug, ended=ended)
        if file is None:
            for line in csv_lines(rows):
                click.echo(line, nl=False)
            return
        write_whole(file, csv_lines(watched(rows, total)))
    click.echo(f"Wrote {file}", err=True)
