"""`digest delivery resolve|resend`: what is in doubt, and sending it again."""

import click
from sqlalchemy.orm import Session

from digest.cli.acting import (
    Acting,
    acting_by,
    acting_options,
    override_option,
    record_override,
)
from digest.cli.arguments import typed_wrongly
from digest.cli.delivery_export import issue_option
from digest.cli.issue_names import IssueName, find_issue, short_name
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import Table, print_table
from digest.delivery.controls import resending, resolving
from digest.delivery.controls.resending import REASONS, Resent
from digest.delivery.controls.resolving import Resolved, Verdict
from digest.delivery.sending import HANDS
from digest.desk.audit import OPERATOR, Actor, record
from digest.models import Delivery, Issue, IssueState
from digest.newsroom.issues.approving import let_go_on
from digest.newsroom.issues.history import Editor
from digest.prose import count_in_words
from digest.readers.data.finding import find_reader
from digest.runtime import DELIVER_ISSUE, Runtime


@click.command()
@issue_option
@click.option(
    "--as",
    "verdict",
    type=click.Choice([verdict.value for verdict in Verdict]),
    required=True,
    help="accepted: it arrived. queued: send it again, with the same Message-ID.",
)
@click.option(
    "--reader",
    "addresses",
    multiple=True,
    metavar="ADDRESS",
    help="This reader's alone. May be given again.  [all that are in doubt]",
)
# Here --as says what became of them.
@acting_by("--as-user")
@override_option
@json_option
def resolve(
    name: IssueName,
    verdict: str,
    addresses: tuple[str, ...],
    acting: Acting,
    override: str | None,
    as_json: bool,
) -> None:
    """Settle messages that the relay was handed and never answered. Its own log tells what became
    of them.

    Nothing is sent again until ten minutes after its worker was given up: until then the first copy
    may still arrive.
    """
    acting.refuse_as_user(override)
    with runtime() as opened, typed_wrongly():
        with opened.database.transaction() as session:
            found = find_issue(session, name, opened.clock.now(), sent=True)
            actor, by = acting.begin(session, found.newsletter)
            resolved = resolving.resolve(
                session,
                found.id,
                Verdict(verdict),
                by=by.name,
                now=opened.clock.now(),
                readers=_readers(session, addresses),
                final_dot_wait=opened.settings.final_dot_wait,
            )
            if resolved.settled:
                _log(session, actor, "delivery resolve", found, opened)
                if verdict == Verdict.QUEUED:
                    _let_go_on(session, found, opened, by, override)
            called = short_name(found)
        if verdict == Verdict.QUEUED and resolved.settled:
            _ring(opened, resolved.issue)
    if as_json:
        print_json(
            {
                "issue": called,
                "id": resolved.issue.id,
                "settled": resolved.settled,
                "too_early": resolved.too_early,
                "state": resolved.issue.state,
            }
        )
    else:
        click.echo(_resolved(resolved, verdict, called))


def _readers(session: Session, addresses: tuple[str, ...]) -> list[int] | None:
    return [find_reader(session, address).id for address in addresses] if addresses else None


def _resolved(resolved: Resolved, verdict: str, called: str) -> str:
    if not resolved.settled:
        return f"None is in doubt in {called}."
    if verdict == Verdict.ACCEPTED:
        return f"Settled as accepted in {called}: {resolved.settled:,}."
    left = (
        f" Too early, for some minutes yet: {resolved.too_early:,}." if resolved.too_early else ""
    )
    return f"To be sent again in {called}: {resolved.settled:,}.{left}{_waits(resolved.issue)}"


@click.command()
@issue_option
@click.option(
    "--reason",
    "reasons",
    type=click.Choice(REASONS),
    multiple=True,
    help="Only those who missed it for this reason. May be given again.  [all but refused]",
)
@click.option("--dry-run", is_flag=True, help="Say how many it would be, and do nothing.")
@acting_options
@override_option
@json_option
def resend(
    name: IssueName,
    reasons: tuple[str, ...],
    dry_run: bool,
    acting: Acting,
    override: str | None,
    as_json: bool,
) -> None:
    """Send an issue to those whom it failed or left out, and who may be mailed now.

    Readers whom the relay refused for good are tried again only with --reason refused. To what is
    in doubt see: digest delivery resolve.
    """
    acting.refuse_as_user(override)
    with runtime() as opened, typed_wrongly():
        with opened.database.transaction() as session:
            found = find_issue(session, name, opened.clock.now(), sent=True)
            actor, by = acting.begin(session, found.newsletter)
            resent = resending.resend(
                session, found.id, now=opened.clock.now(), reasons=reasons, dry_run=dry_run
            )
            if resent.queued and not dry_run:
                _log(session, actor, "delivery resend", found, opened)
                _let_go_on(session, found, opened, by, override)
            called = short_name(found)
        if resent.queued and not dry_run:
            _ring(opened, resent.issue)
    if as_json:
        print_json(
            {
                "issue": called,
                "id": resent.issue.id,
                "dry_run": dry_run,
                "queued": resent.queued,
                "not_mailable": resent.not_mailable,
                "not_chosen": resent.not_chosen,
                "state": resent.issue.state,
            }
        )
        return
    would = "would be sent" if dry_run else "is sent"
    to = count_in_words(resent.queued, "reader")
    click.echo(f"{called} {would} again to {to}.{_waits(resent.issue)}")
    _print_others(resent)


def _print_others(resent: Resent) -> None:
    table = Table("Not again", "Readers")
    for word, readers in resent.not_mailable.items():
        table.add_row(f"may not be mailed: {word}", f"{readers:,}")
    for word, readers in resent.not_chosen.items():
        table.add_row(f"not asked for: {word} (--reason {word})", f"{readers:,}")
    if table.rows:
        print_table(table, "")


def _waits(issue: Issue) -> str:
    if issue.state in (IssueState.PAUSED, IssueState.PARKED):
        return f" It is {issue.state}, so they wait: digest issue resume {short_name(issue)}"
    return ""


def _let_go_on(
    session: Session, issue: Issue, opened: Runtime, by: Editor, override: str | None
) -> None:
    """Ask for a second person, where it was corrected and its newsletter wants one."""
    now = opened.clock.now()
    let_go_on(session, issue, by, now, override=override)
    if override is not None:
        record_override(session, OPERATOR, issue, now, override)


def _log(session: Session, actor: Actor, verb: str, issue: Issue, opened: Runtime) -> None:
    record(
        session,
        actor,
        verb,
        Delivery.__tablename__,
        issue.id,
        newsletter_id=issue.newsletter_id,
        now=opened.clock.now(),
        fields=("state",),
    )


def _ring(opened: Runtime, issue: Issue) -> None:
    if issue.state is IssueState.SENDING:
        for _ in range(HANDS):
            opened.bell.ring(DELIVER_ISSUE, issue.id)
