"""`digest issue preflight|accept`: what would embarrass an issue, found before it goes out."""

import sys
from typing import Any

import click

from digest.cli.acting import Acting, acting_options
from digest.cli.issue_names import IssueName, find_issue, issue_argument, short_name
from digest.cli.opening import json_option, print_json, runtime
from digest.desk.audit import record
from digest.models import AcceptedFinding
from digest.newsroom.intake.fetching_sources import open_fetcher
from digest.preflight import accepting
from digest.preflight.clearing import CANNOT
from digest.preflight.findings import Finding, Preflight
from digest.preflight.watching import look_now


@click.command()
@issue_argument
@json_option
def preflight(name: IssueName, as_json: bool) -> None:
    """Look an issue over before it goes out, and ask its links whether they answer.

    Ends with 1 where something keeps it from going out. What warns may be accepted by its code:
    see digest issue accept.
    """
    with runtime() as opened:
        url, now = opened.settings.public_url, opened.clock.now()
        with opened.database.reading() as session:
            found = find_issue(session, name, opened.clock.now())
            issue_id, called = found.id, short_name(found)
        fetcher = open_fetcher(opened.database, opened.settings)
        looked = look_now(opened.database, issue_id, fetcher=fetcher, public_url=url, now=now)
    if as_json:
        print_json(_as_json(called, looked))
    else:
        _print(called, looked)
    if looked.blockers:
        sys.exit(1)


def _print(called: str, looked: Preflight) -> None:
    if looked.blockers:
        click.echo(CANNOT)
    for finding in looked.findings:
        row = looked.accepted.get(finding.code)
        if finding.blocks:
            click.echo(f"✗ {finding.sentence}")
        elif row is not None:
            click.echo(f"✓ {finding.sentence} Accepted by {row.by}.")
        else:
            click.echo(f"! {finding.sentence} [{finding.code}]")
    click.echo(f"✓ {looked.summary}")
    if looked.unaccepted:
        click.echo(f"To let one stand as it is: digest issue accept {called} CODE")


def _as_json(called: str, looked: Preflight) -> dict[str, Any]:
    return {
        "issue": called,
        "blocked": bool(looked.blockers),
        "findings": [_finding_as_json(each, looked) for each in looked.findings],
        "passed": list(looked.passed),
        "links_checked_at": looked.checked_at.isoformat() if looked.checked_at else None,
        "html_octets": looked.octets,
    }


def _finding_as_json(finding: Finding, looked: Preflight) -> dict[str, Any]:
    row = looked.accepted.get(finding.code)
    return {
        "code": finding.code,
        "check": finding.kind,
        "blocks": finding.blocks,
        "sentence": finding.sentence,
        "accepted_by": row.by if row else None,
        "accepted_at": row.at.isoformat() if row else None,
    }


@click.command()
@issue_argument
@click.argument("codes", nargs=-1, required=True, metavar="CODE...")
@acting_options
def accept(name: IssueName, codes: tuple[str, ...], acting: Acting) -> None:
    """Let warnings of an issue stand as they are. CODE is what digest issue preflight shows.

    An acceptance is of that warning as it is now: once it changes, it has to be accepted anew.
    """
    with runtime() as opened:
        url, now = opened.settings.public_url, opened.clock.now()
        with opened.database.transaction() as session:
            found = find_issue(session, name, opened.clock.now())
            actor, by = acting.begin(session, found.newsletter)
            rows = [
                accepting.accept(session, found, code, by, now, public_url=url) for code in codes
            ]
            for row in (each for each in rows if each.at == now):
                record(
                    session,
                    actor,
                    "issue accept",
                    AcceptedFinding.__tablename__,
                    row.id,
                    newsletter_id=found.newsletter_id,
                    now=now,
                )
        for row in rows:
            click.echo(f"Accepted by {row.by}: {row.sentence}")
