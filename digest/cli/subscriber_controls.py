"""`digest subscriber pause|resume|unsubscribe|lift|erase`: what a reader asked for by a call."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime

import click
from sqlalchemy.orm import Session

from digest.cli.arguments import Day, typed_wrongly, who
from digest.cli.opening import runtime
from digest.desk.audit import OPERATOR
from digest.desk.readers import (
    erase_reader,
    lift_suppression,
    pause_reader,
    resume_reader,
    unsubscribe_reader,
)
from digest.models import Newsletter, Subscriber
from digest.newsroom.finding import find_newsletter
from digest.readers.data.finding import find_reader
from digest.readers.preferences.pausing import Break, break_until


def of_a_newsletter(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the reader's address and the newsletter's slug."""
    with_slug = click.argument("slug", metavar="NEWSLETTER")(command)
    return click.argument("address")(with_slug)


@contextmanager
def _meant(address: str, slug: str) -> Iterator[tuple[Session, Subscriber, Newsletter, datetime]]:
    with runtime() as opened, typed_wrongly(), opened.database.transaction() as session:
        newsletter = find_newsletter(session, slug)
        yield session, find_reader(session, address), newsletter, opened.clock.now()


@click.command()
@of_a_newsletter
@click.option(
    "--until", type=Day(), help="The day that it starts again on, within a year.  [in four weeks]"
)
def pause(address: str, slug: str, until: date | None) -> None:
    """Stop NEWSLETTER for a while for the reader with that ADDRESS."""
    with _meant(address, slug) as (session, reader, newsletter, now):
        choice = Break.DATE if until else Break.FOUR_WEEKS
        ends = break_until(choice, until.isoformat() if until else "", newsletter, now)
        pause_reader(session, OPERATOR, reader, newsletter, now=now, until=ends)
        said = f"{newsletter.name} is paused for this reader."
    click.echo(said)


@click.command()
@of_a_newsletter
def resume(address: str, slug: str) -> None:
    """End the pause of NEWSLETTER for the reader with that ADDRESS."""
    with _meant(address, slug) as (session, reader, newsletter, now):
        resume_reader(session, OPERATOR, reader, newsletter, now=now)
        said = f"{newsletter.name} comes to this reader again."
    click.echo(said)


@click.command()
@of_a_newsletter
def unsubscribe(address: str, slug: str) -> None:
    """Let the reader with that ADDRESS leave NEWSLETTER."""
    with _meant(address, slug) as (session, reader, newsletter, now):
        unsubscribe_reader(session, OPERATOR, reader, newsletter, now=now)
        said = f"This reader gets {newsletter.name} no more."
    click.echo(said)


@click.command()
@click.argument("address")
@click.option("--by", default=who, show_default="you", help="Who lifts it.")
@click.option("--why", required=True, help="Why, in a few words.")
def lift(address: str, by: str, why: str) -> None:
    """Let the reader with that ADDRESS be mailed again, though mail to it came back."""
    with runtime() as opened, opened.database.transaction() as session:
        reader = find_reader(session, address)
        lift_suppression(session, OPERATOR, reader, by=by, why=why, now=opened.clock.now())
    click.echo("This reader may be mailed again.")


@click.command()
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(address: str, yes: bool) -> None:
    """Erase everything personal about the reader with that ADDRESS. It cannot be undone."""
    with runtime() as opened:
        with opened.database.reading() as session:
            find_reader(session, address)
        if not yes:
            click.confirm("Erase all that is held about this reader?", abort=True)
        with opened.database.transaction() as session:
            reader = find_reader(session, address)
            now, suppression = opened.clock.now(), opened.suppression
            erase_reader(session, OPERATOR, reader, now=now, suppression=suppression)
    click.echo("Erased. A scrambled mark stays, so that no import can bring the address back.")
