"""`digest newsletter list`."""

import dataclasses
from datetime import datetime
from typing import Any

import click
from sqlalchemy import select

from digest.cli.arguments import WEEKDAYS
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, count_of, limit_option, print_table, tell_of_more
from digest.models import Newsletter
from digest.newsroom.feeding import Feeding, feeding_of_each, remedy
from digest.newsroom.finding import values_of
from digest.newsroom.issues.calendar import next_occurrence


@click.command("list")
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


def troubles_of(found: Newsletter, fed: Feeding) -> str:
    """Return why nothing feeds it, and what to do."""
    return " ".join((*fed.troubles, remedy(found)))


def as_json_of(found: Newsletter, fed: Feeding, now: datetime) -> dict[str, Any]:
    """Return a newsletter as scripts get it."""
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
