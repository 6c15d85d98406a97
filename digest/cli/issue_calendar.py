"""`digest issue skip|take-up`: leaving a week out, as the desk's calendar does."""

from datetime import datetime

import click
from sqlalchemy.orm import Session

from digest.cli.acting import Acting, acting_options
from digest.cli.arguments import typed_wrongly
from digest.cli.issue_names import IssueName, find_issue, issue_argument, short_name, when
from digest.cli.opening import runtime
from digest.desk.audit import record_issue
from digest.errors import NotFoundError
from digest.models import Issue
from digest.newsroom.finding import find_newsletter
from digest.newsroom.issues import skipping


@click.command()
@issue_argument
@click.option("--reason", default="", help="Why, in a few words.")
@acting_options
def skip(name: IssueName, reason: str, acting: Acting) -> None:
    """Leave a week out: nothing goes out on that day. ISSUE may be a date that is to come.

    Its stories are free for another issue. To undo it: digest issue take-up ISSUE
    """
    with runtime() as opened, typed_wrongly():
        now = opened.clock.now()
        with opened.database.transaction() as session:
            found = find_or_make_issue(session, name, now)
            actor, by = acting.begin(session, found.newsletter)
            skipping.skip(session, found, by, now, reason=reason)
            fields = ("state", "reason")
            record_issue(session, actor, "issue skip", found, now=now, fields=fields)
            said = f"{short_name(found)} is skipped."
        click.echo(said)


@click.command("take-up")
@issue_argument
@acting_options
def take_up(name: IssueName, acting: Acting) -> None:
    """Take a skipped issue up again, or one that was cancelled before it went out.

    It is composed anew when its time comes, around what a person had picked.
    """
    with runtime() as opened:
        now = opened.clock.now()
        with opened.database.transaction() as session:
            found = find_issue(session, name, opened.clock.now())
            actor, _ = acting.begin(session, found.newsletter)
            skipping.take_up(session, found, now)
            fields = ("state", "reason")
            record_issue(session, actor, "issue take-up", found, now=now, fields=fields)
            said = f"{short_name(found)} is taken up again, and goes out on {when(found)}."
        click.echo(said)


def find_or_make_issue(session: Session, name: IssueName, now: datetime) -> Issue:
    """Return the issue of that name; of a coming date it is made where there is none yet.

    Raises:
        NotFoundError, RefusedError: with what to do.
    """
    try:
        return find_issue(session, name, now)
    except NotFoundError:
        if name.on is None:
            raise
        return skipping.issue_of(session, find_newsletter(session, name.slug or ""), name.on, now)
