"""`digest subscriber`: who gets what, and what is held about each."""

from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from digest.addresses import seek_address
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.subscriber_controls import pause, resume, unsubscribe
from digest.cli.tables import print_table
from digest.cli.writing import watched, write_whole
from digest.desk.audit import OPERATOR
from digest.desk.readers import erase_reader
from digest.errors import NotFoundError
from digest.newsroom.newsletters import find_newsletter
from digest.readers.data.exporting import (
    NoticeRecord,
    ReaderRecord,
    SignUpRecord,
    count_readers,
    csv_lines,
    list_readers,
    show_reader,
    show_sign_ups,
)
from digest.readers.data.finding import find_reader

slug_argument = click.argument("slug", metavar="[NEWSLETTER]", required=False)
ended_option = click.option("--ended", is_flag=True, help="Those who left as well.")


@click.group()
def subscriber() -> None:
    """List, show, export and erase subscribers."""


@subscriber.command("list")
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


@subscriber.command()
@click.argument("address")
@json_option
def show(address: str, as_json: bool) -> None:
    """Show all that is held about the reader with that ADDRESS, or about their sign-up."""
    with runtime() as opened, opened.database.reading() as session:
        try:
            record = show_reader(session, find_reader(session, address))
        except NotFoundError:
            waiting, notices = show_sign_ups(session, seek_address(address).key)
            if not waiting:
                raise
            _print_waiting(waiting, notices, as_json)
            return
    if as_json:
        print_json(asdict(record))
    else:
        _print_record(record)


def _print_waiting(
    sign_ups: tuple[SignUpRecord, ...], notices: tuple[NoticeRecord, ...], as_json: bool
) -> None:
    if as_json:
        asked, mails = map(asdict, sign_ups), map(asdict, notices)
        print_json({"sign_ups": list(asked), "notices": list(mails)})
        return
    for row in sign_ups:
        click.echo(
            f"{row.email}, no reader yet: signed up at {row.site} on "
            f"{row.requested_at:%Y-%m-%d %H:%M} (UTC), and has not confirmed it."
        )
    _print_notices(notices)


def _print_notices(notices: tuple[NoticeRecord, ...]) -> None:
    mails = Table("Mail", "When (UTC)", "State", "What was said")
    for each in notices:
        kind = each.kind.replace("_", " ")
        mails.add_row(kind, f"{each.at:%Y-%m-%d %H:%M}", each.state, each.reply or "")
    print_table(mails, "No mails to this reader alone.")


def _print_record(record: ReaderRecord) -> None:
    click.echo(
        f"{record.email}, {record.name or 'no name'}, in our books since "
        f"{record.created_at:%Y-%m-%d}."
    )
    periods = Table("Newsletter", "Signed up at", "From", "Until")
    for period in record.periods:
        until = f"{period.ended_at:%Y-%m-%d} ({period.ended_reason})" if period.ended_at else ""
        periods.add_row(period.newsletter, period.site, f"{period.started_at:%Y-%m-%d}", until)
    print_table(periods, "No subscriptions.")
    consents = Table("What", "When (UTC)", "Newsletter", "Words", "Terms", "From")
    for consent in record.consents:
        terms = "" if consent.terms_version is None else str(consent.terms_version)
        when = f"{consent.at:%Y-%m-%d %H:%M}"
        words, ip = consent.words or "", consent.ip or ""
        consents.add_row(consent.kind, when, consent.newsletter or "", words, terms, ip)
    print_table(consents, "No consents.")
    got = Table("Newsletter", "Issue", "State", "Reason")
    for issue in record.deliveries:
        number = "" if issue.number is None else f"No. {issue.number}"
        got.add_row(issue.newsletter, number, issue.state, issue.reason or "")
    print_table(got, "No issues.")
    _print_notices(record.notices)
    for suppression in record.suppressions:
        lifted = " (lifted)" if suppression.lifted_at else ""
        click.echo(
            f"Suppressed since {suppression.created_at:%Y-%m-%d}: {suppression.reason}{lifted}"
        )


@subscriber.command()
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


@subscriber.command()
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


subscriber.add_command(pause)
subscriber.add_command(resume)
subscriber.add_command(unsubscribe)
