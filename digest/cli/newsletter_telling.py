"""What `digest newsletter` says of a newsletter, to people and to scripts."""

from datetime import datetime
from itertools import islice

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.cli.arguments import WEEKDAYS
from digest.cli.issue_names import short_name, when
from digest.cli.newsletter_views import as_json_of, troubles_of
from digest.cli.opening import print_json
from digest.models import BEFORE_FREEZE, Issue, Newsletter
from digest.newsroom.feeding import Feeding
from digest.newsroom.issues.calendar import next_occurrence, odd_slots
from digest.newsroom.issues.rescheduling import Followed
from digest.newsroom.palette import sentences


def composed_of(session: Session, found: Newsletter) -> list[str]:
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


def followed_as_json(issues: list[Followed]) -> list[dict[str, str]]:
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


def tell(
    saved: Newsletter,
    fed: Feeding,
    now: datetime,
    as_json: bool,
    followed: list[dict[str, str]] | None = None,
) -> None:
    """Say what a newsletter is now, and what became of its issues."""
    if as_json:
        print_json(as_json_of(saved, fed, now) | ({} if followed is None else {"issues": followed}))
        return
    comes = f"{WEEKDAYS[saved.weekday]}s at {saved.local_time:%H:%M} ({saved.zone})"
    click.echo(f"{saved.name} comes on {comes}; next on {next_occurrence(saved, now)}.")
    if fed.origin:
        click.echo(f"It takes articles{fed.origin}.")
    if fed.troubles:
        click.echo(troubles_of(saved, fed))
    if saved.count_clicks:
        click.echo("Clicks in its mails are counted: your privacy notice has to say so.")
    for each in followed or ():
        click.echo(_sentence(each))
    for odd in islice(odd_slots(saved, now), 1):
        click.echo(odd)
    for sentence in sentences(saved.palette):
        click.echo(sentence)
