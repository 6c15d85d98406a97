"""`digest issue report`: what became of it."""

from collections.abc import Iterator
from typing import Any

import click

from digest import prose
from digest.cli.issue_names import IssueName, find_issue, issue_argument, short_name
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.reports import OF_ISSUE, print_csv, print_figure, rows_as_data
from digest.cli.tables import Table, print_table
from digest.delivery.ledger.reporting import Edition, Report, discrepancy
from digest.delivery.ledger.reporting import report as report_issue
from digest.delivery.ledger.waiting import Waited
from digest.desk.reports.figures import Figure
from digest.desk.reports.issue import IssueReport
from digest.desk.reports.issue import report_issue as issue_figures
from digest.models import DeliveryState, IssueState

# Figures that are printed with the report, by what they are called in JSON.
TOLD_BELOW = {"clicks": "clicks", "reasons": "came_back"}


@click.command()
@issue_argument
@click.option("--csv", "key", type=click.Choice(OF_ISSUE), help="Print one figure of it as CSV.")
@json_option
def report(name: IssueName, key: str | None, as_json: bool) -> None:
    """Say what became of an issue: the numbers add up to its audience.

    They are counted now. The figures, and the clicks, are as the tick has counted them.
    """
    with runtime() as opened, opened.database.reading() as session:
        found = find_issue(session, name, opened.clock.now(), sent=True)
        called, told = short_name(found), report_issue(session, found)
        drawn = issue_figures(session, found, opened.clock.now())
    if key is not None:
        _print_csv(key, drawn)
        return
    if as_json:
        print_json(_report_as_json(told, called) | _figures_as_data(drawn))
        return
    reason = f": {told.reason}" if told.reason else "."
    click.echo(f"{called} is {told.state}{reason}")
    table = Table("Readers", "", show_header=False)
    for words, number in _lines(told):
        table.add_row(words, f"{number:,}")
    print_table(table, "")
    for each in told.waits:
        click.echo(_waited(each))
    for sentence in _advice(told, called):
        click.echo(sentence)
    for figure in _told_below(drawn):
        print_figure(figure)


def _print_csv(key: str, drawn: IssueReport | None) -> None:
    if drawn is None:
        raise click.ClickException("It is not frozen yet, so there is nothing to report.")
    print_csv(key, drawn.numbers, drawn.figures)


def _told_below(drawn: IssueReport | None) -> list[Figure]:
    """Return the figures that a report prints: clicks, and why mails came back, where there are."""
    return [] if drawn is None else [each for each in drawn.figures if each.key in TOLD_BELOW]


def _figures_as_data(drawn: IssueReport | None) -> dict[str, Any]:
    return {TOLD_BELOW[each.key]: rows_as_data(each) for each in _told_below(drawn)}


def _waited(each: Waited) -> str:
    minutes = round(each.lasted.total_seconds() / 60)
    lasted = prose.count_in_words(minutes, "minute") if minutes else "less than a minute"
    times = "" if each.times == 1 else f" in all, {prose.count_in_words(each.times, 'time')}"
    return f"It {'has waited' if each.still else 'waited'} {lasted}{times}: {each.reason}"


def _lines(told: Report) -> list[tuple[str, int]]:
    missed = [(f"  {words}", number) for words, number in told.reasons]
    came_back = (("bounced", DeliveryState.BOUNCED), ("complained", DeliveryState.COMPLAINED))
    return [
        ("Audience", told.audience),
        ("Accepted", told.accepted),
        *((f"  {words}", told.counts[state]) for words, state in came_back if told.counts[state]),
        ("Still to go", told.to_go),
        ("In doubt", told.in_doubt),
        ("Did not get it", told.missed),
        *missed,
        *((_edition(each), each.accepted) for each in told.editions),
    ]


def _edition(edition: Edition) -> str:
    if edition.correction is None:
        return "Got it before it was corrected"
    at = edition.correction.at
    return f"Got it as corrected on {at.day} {at:%B} by {edition.correction.by}"


def _advice(told: Report, name: str) -> Iterator[str]:
    """Say what to do about what is not as it should be."""
    if not told.adds_up:
        yield f"{discrepancy(told.audience, told.unaccounted)} Keep the database as it is, and ask."
    if told.in_doubt:
        is_over = told.state is IssueState.CANCELLED
        or_again = "" if is_over else " (or: --as queued, to send it again)"
        yield (
            "In doubt: the relay was handed it and never answered. Its own log tells. Then: "
            f"digest delivery resolve --issue {name} --as accepted{or_again}"
        )
    if told.missed:
        yield f"Who did not get it, and why: digest delivery export --issue {name}"


def _report_as_json(told: Report, name: str) -> dict[str, Any]:
    return {
        "issue": name,
        "id": told.issue_id,
        "state": told.state,
        "reason": told.reason,
        "audience": told.audience,
        "accepted": told.accepted,
        "to_go": told.to_go,
        "in_doubt": told.in_doubt,
        "missed": told.missed,
        "unaccounted": told.unaccounted,
        "adds_up": told.adds_up,
        "states": dict(told.counts),
        "reasons": [{"reason": words, "readers": number} for words, number in told.reasons],
        "editions": [
            {
                "edition": each.number,
                "accepted": each.accepted,
                "corrected_at": each.correction.at.isoformat() if each.correction else None,
                "words": each.correction.words if each.correction else None,
            }
            for each in told.editions
        ],
        "waits": [
            {
                "reason": each.reason,
                "times": each.times,
                "seconds": round(each.lasted.total_seconds()),
                "still": each.still,
            }
            for each in told.waits
        ],
    }
