"""Looking at an issue from the command line: `digest issue preview|test|report`."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from sqlalchemy.orm import Session

from digest import prose
from digest.addresses import AddressError, parse_address
from digest.cli.arguments import IssueName, find_issue, issue_argument, short_name, story_as_json
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.reports import OF_ISSUE, print_csv, print_figure, rows_as_data
from digest.cli.tables import print_table, story_table
from digest.delivery.controls.previewing import Preview, preview_issue, send_preview
from digest.delivery.ledger.audience import count_audience
from digest.delivery.ledger.reporting import Edition, Report, discrepancy
from digest.delivery.ledger.reporting import report as report_issue
from digest.delivery.ledger.waiting import Waited
from digest.desk.audit import OPERATOR
from digest.desk.readers import show_as_reader
from digest.desk.reports.figures import Figure
from digest.desk.reports.issue import IssueReport
from digest.desk.reports.issue import report_issue as issue_figures
from digest.models import DeliveryState, Issue, IssueState
from digest.readers.data.finding import find_reader_or_id
from digest.runtime import Runtime
from digest.tick import links


@click.command()
@issue_argument
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    show_default="this folder",
    help="Where to write the files.",
)
@click.option(
    "--as-reader", metavar="READER", help="As that one gets it: an address or an id; it is logged."
)
@json_option
def preview(name: IssueName, folder: Path, as_reader: str | None, as_json: bool) -> None:
    """Write an issue as HTML, as text and as a whole mail (.eml), and say why each story is in."""
    remark = ""
    # A look at a reader is written down.
    with runtime() as opened, opened.database.transaction() as session:
        found = find_issue(session, name, opened.clock.now())
        stories = [story_as_json(story) for story in found.stories]
        stem = short_name(found).replace("/", "-")
        if as_reader is None:
            written = _previewed(opened, session, found, found.newsletter.editor_email)
        else:
            reader, now = find_reader_or_id(session, as_reader), opened.clock.now()
            seen = show_as_reader(session, OPERATOR, found, reader, links=links(opened), now=now)
            written, remark = seen.preview, seen.remark
            stem += f"-reader-{reader.id}"
    files = _write(folder, stem, written)
    if as_json:
        shown: dict[str, Any] = {"subject": written.subject, "stories": stories}
        shown |= {"remark": remark} if as_reader else {}
        print_json(shown | {"files": [str(file) for file in files]})
        return
    print_table(story_table(stories), "")
    if remark:
        click.echo(remark)
    click.echo(f"Subject: {written.subject}")
    click.echo(f"HTML: {len(written.html.encode()):,} bytes; Gmail cuts at 102,400.")
    for file in files:
        click.echo(f"Wrote {file}")


@click.command()
@issue_argument
@click.option("--to", "address", required=True, help="The address that gets it.")
def test(name: IssueName, address: str) -> None:
    """Mail an issue to one address, as a reader would get it. Nobody else is mailed."""
    with runtime() as opened:
        try:
            to = parse_address(address, opened.settings.reserved_names).email
        except AddressError as error:
            raise click.UsageError(f"--to: {prose.ended(str(error))}") from None
        with opened.database.reading() as session:
            found = find_issue(session, name, opened.clock.now())
            written = _previewed(opened, session, found, to)
        said = send_preview(written, opened.settings)
    click.echo(f"The relay accepted it: {said}")


@click.command()
@issue_argument
@json_option
def audience(name: IssueName, as_json: bool) -> None:
    """Count whom an issue would go to if it were frozen now, and who is left out, and why.

    Of one that is frozen already: digest issue report.
    """
    with runtime() as opened, opened.database.reading() as session:
        found = find_issue(session, name, opened.clock.now())
        called = short_name(found)
        counted = count_audience(session, found.newsletter_id, opened.clock.now())
    if as_json:
        print_json({"issue": called, "readers": counted.readers, "left_out": counted.left_out})
        return
    click.echo(f"{called} would go to {prose.count_in_words(counted.readers, 'reader')}.")
    for why, readers in counted.left_out.items():
        click.echo(f"Left out, {why}: {readers:,}")


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
        print_json(_report_as_json(told, called) | _clicks_as_data(drawn))
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
    for figure in _clicks(drawn):
        print_figure(figure)


def _print_csv(key: str, drawn: IssueReport | None) -> None:
    if drawn is None:
        raise click.ClickException("It is not frozen yet, so there is nothing to report.")
    print_csv(key, drawn.numbers, drawn.figures)


def _clicks(drawn: IssueReport | None) -> list[Figure]:
    """Return the figure of clicks, where they are counted."""
    return [] if drawn is None else [each for each in drawn.figures if each.key == "clicks"]


def _clicks_as_data(drawn: IssueReport | None) -> dict[str, Any]:
    figures = _clicks(drawn)
    return {"clicks": rows_as_data(figures[0])} if figures else {}


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


def _previewed(opened: Runtime, session: Session, found: Issue, to: str) -> Preview:
    return preview_issue(session, found, to, links=links(opened), now=opened.clock.now())


def _write(folder: Path, stem: str, written: Preview) -> list[Path]:
    contents = {
        f"{stem}.html": written.html.encode(),
        f"{stem}.txt": written.text.encode(),
        f"{stem}.eml": written.eml,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise click.ClickException(
            f"Cannot write to {folder}: {os.strerror(error.errno or 0)}."
        ) from None
    return [folder / name for name in contents]
