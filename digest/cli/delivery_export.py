"""`digest delivery export`: who missed an issue."""

from pathlib import Path

import click

from digest.cli.issue_names import IssueArgument, IssueName, find_issue
from digest.cli.opening import runtime
from digest.cli.writing import watched, write_whole
from digest.delivery.controls.exporting import count_missed, csv_lines, list_missed
from digest.delivery.ledger.reporting import refuse_folded

issue_option = click.option(
    "--issue",
    "name",
    metavar="ISSUE",
    type=IssueArgument(),
    required=True,
    help="The issue; a newsletter's slug alone is the last one that went.",
)


@click.command()
@issue_option
@click.option(
    "--out",
    "file",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    default="-",
    help="The file to write, readable by you alone.  [standard output]",
)
def export(name: IssueName, file: Path) -> None:
    """Write who did not get an issue, each with the reason, as CSV.

    Those still to go are among them. Whoever was erased stands there without an address.
    """
    with runtime() as opened, opened.database.reading() as session:
        found = find_issue(session, name, opened.clock.now(), sent=True)
        refuse_folded(found)
        total = count_missed(session, found.id)
        rows = list_missed(session, found.id)
        if str(file) == "-":
            for line in csv_lines(rows):
                click.echo(line, nl=False)
            return
        write_whole(file, csv_lines(watched(rows, total)))
    click.echo(f"Wrote {file}: {total:,} did not get it.", err=True)
