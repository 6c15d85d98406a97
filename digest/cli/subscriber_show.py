"""`digest subscriber show`: what is held about one reader."""

from dataclasses import asdict

import click

from digest.addresses import seek_address
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, print_table
from digest.errors import NotFoundError
from digest.readers.data.exporting import (
    NoticeRecord,
    ReaderRecord,
    SignUpRecord,
    show_reader,
    show_sign_ups,
)
from digest.readers.data.finding import find_reader


@click.command()
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
