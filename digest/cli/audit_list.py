"""`digest audit list`."""

from dataclasses import asdict
from datetime import UTC, date, datetime, time

import click

from digest.cli.arguments import Day
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, print_table, tell_of_more
from digest.desk.audit import OPERATOR, EventShown, Sought, count_events, list_events
from digest.desk.users import find_user


@click.command("list")
@click.option("--since", "day", type=Day(), help="What was done since that day began, in UTC.")
@click.option("--user", "email", metavar="EMAIL", help="What that user did.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@json_option
def list_them(day: date | None, email: str | None, limit: int, as_json: bool) -> None:
    """List who did what to which row, the newest first.

    From where it was done is forgotten after 90 days.
    """
    since = datetime.combine(day, time(), UTC) if day else None
    with runtime() as opened, opened.database.reading() as session:
        user = find_user(session, email) if email is not None else None
        sought = Sought(since=since, user=user)
        events = list_events(session, sought, at_most=limit)
        count = count_events(session, sought)
    if as_json:
        print_json([asdict(event) for event in events])
        return
    table = Table("When (UTC)", "Who", "Did", "To", "Newsletter", "Changed", "From")
    for event in events:
        table.add_row(*_cells(event))
    print_table(table, "Nothing was done.")
    tell_of_more(len(events), count)


def _cells(event: EventShown) -> tuple[str, ...]:
    return (
        f"{event.at:%Y-%m-%d %H:%M}",
        event.user or (OPERATOR.name if event.by_operator else "somebody"),
        event.verb,
        event.table if event.row is None else f"{event.table} {event.row}",
        event.newsletter or "",
        ", ".join(event.fields),
        event.ip or "",
    )
