"""`digest issue pause|resume|cancel`: stopping an issue, and sending on."""

from typing import Any

import click
from sqlalchemy.orm import Session

from digest.cli.acting import Acting, acting_options, override_option, record_override
from digest.cli.arguments import typed_wrongly
from digest.cli.issue_names import IssueName, find_under_way, issue_argument, short_name
from digest.cli.opening import json_option, print_json, runtime
from digest.delivery.controls import pausing
from digest.delivery.ledger.reporting import Report
from digest.delivery.ledger.reporting import report as report_issue
from digest.delivery.sending import HANDS
from digest.desk.audit import Actor, record_issue
from digest.models import DeliveryState, Issue
from digest.newsroom.issues.approving import let_go_on
from digest.runtime import DELIVER_ISSUE, Runtime

reason_option = click.option("--reason", default="", help="Why, in a few words.")


@click.command()
@issue_argument
@acting_options
@reason_option
@json_option
def pause(name: IssueName, acting: Acting, reason: str, as_json: bool) -> None:
    """Stop an issue that is on its way, until it is resumed.

    The messages on the wire finish, at most one window of each worker; nothing more is sent.
    """
    with runtime() as opened:
        with opened.database.transaction() as session:
            found = find_under_way(session, name, opened.clock.now())
            actor, by = acting.begin(session, found.newsletter)
            changed = pausing.pause(session, found.id, by.name, reason)
            _log(opened, session, actor, "issue pause", found, changed=changed)
            called = short_name(found)
        told = _report(opened, found)
    if as_json:
        print_json(_as_json(told, called, changed))
        return
    if not changed:
        click.echo(f"{called} is paused already: {found.reason}")
    else:
        click.echo(f"{called} is paused. {told.accepted:,} of {told.audience:,} are accepted.")
    click.echo(f"Send on with it: digest issue resume {called}")


@click.command()
@issue_argument
@acting_options
@override_option
@json_option
def resume(name: IssueName, acting: Acting, override: str | None, as_json: bool) -> None:
    """Send on with an issue that is paused, or parked: the relay is asked now instead of later.

    What was corrected meanwhile is sent on by somebody else, where the newsletter asks for a
    second person.
    """
    acting.refuse_as_user(override)
    with runtime() as opened, typed_wrongly():
        with opened.database.transaction() as session:
            now = opened.clock.now()
            found = find_under_way(session, name, now)
            actor, by = acting.begin(session, found.newsletter)
            changed = pausing.resume(session, found.id, now)
            let_go_on(session, found, by, now, override=override)
            if override is not None:
                record_override(session, actor, found, now, override)
            _log(opened, session, actor, "issue resume", found, changed=changed)
            called = short_name(found)
        for _ in range(HANDS if changed else 1):
            opened.bell.ring(DELIVER_ISSUE, found.id)
        told = _report(opened, found)
    if as_json:
        print_json(_as_json(told, called, changed))
        return
    again = "goes on" if changed else "is being sent already"
    click.echo(f"{called} {again}: {told.to_go:,} of {told.audience:,} are still to go.")


@click.command()
@issue_argument
@acting_options
@reason_option
@json_option
def cancel(name: IssueName, acting: Acting, reason: str, as_json: bool) -> None:
    """Give an issue up, before it goes out or on its way. It cannot be taken back once it has left.

    The messages on the wire finish; all others are cancelled. If nobody has got it, its articles
    are free for a later issue.
    """
    with runtime() as opened:
        with opened.database.transaction() as session:
            found = find_under_way(session, name, opened.clock.now(), or_waiting=True)
            actor, by = acting.begin(session, found.newsletter)
            changed = pausing.cancel(session, found.id, by.name, reason)
            _log(opened, session, actor, "issue cancel", found, changed=changed)
            called = short_name(found)
        pausing.withdraw_rows(opened.database, found.id)
        told = _report(opened, found)
    if as_json:
        print_json(_as_json(told, called, changed))
        return
    click.echo(f"{called} is cancelled." if changed else f"{called} is cancelled already.")
    click.echo(_cancelled(found, told))


def _cancelled(found: Issue, told: Report) -> str:
    if found.number is None:
        return (
            "Its articles are free for another issue. If it shall go out after all: digest issue "
            f"compose {short_name(found)}"
        )
    on_the_wire = told.counts[DeliveryState.SENDING]
    said = f"Accepted: {told.accepted:,} of {told.audience:,}. "
    said += f"Not sent: {told.counts[DeliveryState.CANCELLED]:,}."
    if on_the_wire:
        said += f" On the wire, and finishing: {on_the_wire:,}."
    if not (told.accepted or told.in_doubt or on_the_wire):
        said += " Its articles are free for another issue."
    return said


def _log(
    opened: Runtime, session: Session, actor: Actor, verb: str, found: Issue, *, changed: bool
) -> None:
    if changed:
        record_issue(session, actor, verb, found, now=opened.clock.now(), fields=("state",))


def _report(opened: Runtime, found: Issue) -> Report:
    with opened.database.reading() as session:
        return report_issue(session, found)


def _as_json(told: Report, called: str, changed: bool) -> dict[str, Any]:
    return {
        "issue": called,
        "id": told.issue_id,
        "state": told.state,
        "reason": told.reason,
        "changed": changed,
        "audience": told.audience,
        "accepted": told.accepted,
        "to_go": told.to_go,
        "states": dict(told.counts),
    }
