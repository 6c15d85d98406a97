"""Reports on the command line: `digest newsletter report`, and the figures of `issue report`."""

from typing import Any

import click

from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, print_table
from digest.desk.reports.figures import Bar, Figure, Number, Point, csv_lines, summary_lines
from digest.desk.reports.newsletter import report_newsletter
from digest.newsroom.finding import find_newsletter

SUMMARY = "summary"
OF_NEWSLETTER = (SUMMARY, "audience", "sign-ups", "confirmations", "leavers", "bounces")
OF_ISSUE = (SUMMARY, "audience", "accepted", "clicks", "missed", "bounces", "reasons", "leavers")


@click.command()
@click.argument("slug")
@click.option("--csv", "key", type=click.Choice(OF_NEWSLETTER), help="Print one of them as CSV.")
@json_option
def report(slug: str, key: str | None, as_json: bool) -> None:
    """Say who came, who left and why, and what came back, since half a year ago.

    As the tick has counted it, at most a minute ago.
    """
    with runtime() as opened, opened.database.reading() as session:
        told = report_newsletter(session, find_newsletter(session, slug), opened.clock.now())
    if key is not None:
        print_csv(key, told.numbers, told.figures)
        return
    if as_json:
        print_json({"newsletter": slug, "since": told.since, **as_data(told.numbers, told.figures)})
        return
    click.echo(f"{told.title}.")
    table = Table("Readers", "", show_header=False)
    for number in told.numbers:
        table.add_row(number.words, f"{number.value:,}")
    print_table(table, "")
    for figure in told.figures:
        print_figure(figure)


def print_csv(key: str, numbers: tuple[Number, ...], figures: tuple[Figure, ...]) -> None:
    """Print a report's numbers, or one of its figures, as CSV.

    Raises:
        ClickException: the report has no such figure.
    """
    found = next((figure for figure in figures if figure.key == key), None)
    if found is None and key != SUMMARY:
        raise click.ClickException(
            "Its clicks are not counted. For the issues to come: digest newsletter edit SLUG "
            "--count-clicks"
        )
    for line in summary_lines(numbers) if found is None else csv_lines(found):
        click.echo(line, nl=False)


def print_figure(figure: Figure) -> None:
    """Print a finding, and below it its numbers."""
    click.echo(f"\n{figure.title}.")
    table = Table(*figure.columns)
    for label, said in figure.rows:
        table.add_row(label, said)
    if figure.rows:
        print_table(table, "")
    if figure.note:
        click.echo(figure.note)


def as_data(numbers: tuple[Number, ...], figures: tuple[Figure, ...]) -> dict[str, Any]:
    """Return the same for a script. A number that is not told is null: it is fewer than five."""
    return {
        "numbers": [{"what": each.words, "readers": each.value} for each in numbers],
        "figures": {
            figure.key: {"finding": figure.title, "rows": rows_as_data(figure)}
            for figure in figures
        },
    }


def rows_as_data(figure: Figure) -> list[dict[str, Any]]:
    """Return a figure's rows for a script."""
    rows: tuple[Point | Bar, ...] = (*figure.points, *figure.bars)
    return [{"label": row.label, "number": row.number} for row in rows]
