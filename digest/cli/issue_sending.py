"""`digest issue compose|approve|schedule|send`: from its stories to its way out."""

import sys
from datetime import date, datetime

import click
from sqlalchemy.orm import Session

from digest import prose, zones
from digest.cli import (
    issue_calendar,
)
from digest.cli.acting import Acting, acting_options, override_option, record_approval
from digest.cli.arguments import WEEKDAYS, Moment, moment_in, oddity_in, typed_wrongly
from digest.cli.issue_list import issue_as_json
from digest.cli.issue_names import (
    IssueName,
    find_issue,
    issue_argument,
    short_name,
    when,
)
from digest.cli.opening import json_option, print_json, runtime
from digest.cli.tables import print_table, story_table
from digest.desk.audit import record_issue
from digest.models import BEFORE_FREEZE, Issue, IssueState, Newsletter
from digest.newsroom.finding import find_newsletter
from digest.newsroom.issues.approving import approve as approve_issue
from digest.newsroom.issues.calendar import next_occurrence, slot, slots_after
from digest.newsroom.issues.composing import compose as compose_issue
from digest.newsroom.issues.composing import create_issue, create_special
from digest.newsroom.issues.scheduling import schedule as schedule_issue
from digest.newsroom.issues.scheduling import send_now
from digest.preflight.clearing import clear
from digest.runtime import PREPARE_ISSUE, Runtime

SPECIAL = click.option(
    "--special/--regular",
    default=None,
    help="Make it a special edition: another one comes on its day.  [--regular]",
)


@click.command()
@issue_argument
@click.option("--again", is_flag=True, help="Pick anew all that no person picked or wrote in.")
@click.option("--special", type=Moment(), help="Make a special edition for that moment instead.")
@acting_options
@json_option
def compose(
    name: IssueName, again: bool, special: datetime | None, acting: Acting, as_json: bool
) -> None:
    """Pick the stories of an issue, making the issue where there is none."""
    with runtime() as opened:
        now = opened.clock.now()
        with opened.database.transaction() as session:
            found = _issue_to_compose(session, name, special, now)
            actor, by = acting.begin(session, found.newsletter)
            compose_issue(session, found, now, again=again, asked_by=by)
            record_issue(session, actor, "issue compose", found, now=now, fields=("stories",))
            shown = issue_as_json(found, with_stories=True)
            odd = oddity_in(found.newsletter.zone, special) if special else ""
            said = _said_of(found) + odd
        if as_json:
            print_json(shown)
            return
        if shown["stories"]:
            print_table(story_table(shown["stories"]), "")
        click.echo(said)


def _issue_to_compose(
    session: Session, name: IssueName, special: datetime | None, now: datetime
) -> Issue:
    if name.id is not None or name.number is not None:
        return find_issue(session, name, now)
    newsletter = find_newsletter(session, name.slug or "")
    if special is not None:
        at = moment_in(newsletter.zone, special)
        return create_special(session, newsletter, at, now)
    if name.on is not None:
        if name.on.weekday() != newsletter.weekday:
            raise click.UsageError(
                f"{newsletter.name} comes on {WEEKDAYS[newsletter.weekday]}, and {name.on} is a "
                f"{WEEKDAYS[name.on.weekday()]}."
            )
        return create_issue(session, newsletter, name.on, now)
    return _next_to_compose(session, newsletter, now)


def _next_to_compose(session: Session, newsletter: Newsletter, now: datetime) -> Issue:
    composable = (*BEFORE_FREEZE, IssueState.SKIPPED)
    for each in slots_after(newsletter, now):
        found = create_issue(session, newsletter, each.occurrence_on, now)
        if found.state in composable:
            return found
    raise AssertionError("the calendar has no end")


@click.command()
@issue_argument
@click.option(
    "--version", type=int, help="The version you looked at: it is refused if it was changed since."
)
@acting_options
@override_option
def approve(name: IssueName, version: int | None, acting: Acting, override: str | None) -> None:
    """Approve a draft: it goes out by itself at its time.

    Where its newsletter asks for a second person, say who you are: --as USER, somebody who has not
    written in it. Any change after that voids the approval.
    """
    acting.refuse_as_user(override)
    with runtime() as opened, typed_wrongly():
        now = opened.clock.now()
        with opened.database.transaction() as session:
            found = find_issue(session, name, opened.clock.now())
            actor, by = acting.begin(session, found.newsletter)
            approve_issue(
                session,
                found,
                by.name,
                now,
                version=version,
                user_id=by.user_id,
                override=override,
            )
            record_approval(session, actor, found, now, override=override)
            said = (
                f"Version {found.version} is approved. {short_name(found)} goes out on "
                f"{when(found)}."
            )
            said += _looked_over(opened, session, found)
        click.echo(said)


@click.command()
@issue_argument
@click.option("--at", type=Moment(), required=True, help="The new moment: 2026-11-28T07:00.")
@SPECIAL
@acting_options
def schedule(name: IssueName, at: datetime, special: bool | None, acting: Acting) -> None:
    """Choose another time for an issue. Without an offset it is the newsletter's local time.

    It stays the issue of its day in the calendar: no other is made for that day, unless you say
    --special.
    """
    with runtime() as opened:
        now = opened.clock.now()
        with opened.database.transaction() as session:
            found = issue_calendar.find_or_make_issue(session, name, now)
            day, odd = found.occurrence_on, oddity_in(found.newsletter.zone, at)
            at = moment_in(found.newsletter.zone, at)
            actor, _ = acting.begin(session, found.newsletter)
            schedule_issue(session, found, at, now, special=bool(special))
            warned = _looked_over(opened, session, found) if found.approved_at else ""
            record_issue(session, actor, "issue schedule", found, now=now, fields=("send_at",))
            unapproved = "" if found.approved_at else " It still has to be approved."
            said = f"{short_name(found)} goes out on {when(found)}.{odd}{unapproved}"
            if day != found.dateline or special:
                said += _place_of(found, day, now)
            said += warned
        click.echo(said)


@click.command()
@issue_argument
@SPECIAL
@acting_options
@override_option
@json_option
def send(
    name: IssueName, special: bool | None, acting: Acting, override: str | None, as_json: bool
) -> None:
    """Approve an issue and send it now. A worker freezes, renders and sends it.

    Sent before its day, it is that day's issue all the same, and no other is made for it, unless
    you say --special. On a terminal you are asked.
    """
    acting.refuse_as_user(override)
    with runtime() as opened, typed_wrongly():
        now = opened.clock.now()
        if special is None and sys.stdin.isatty():
            special = _ask_whether_special(opened, name, now)
        with opened.database.transaction() as session:
            found = find_issue(session, name, opened.clock.now())
            day = found.occurrence_on
            actor, by = acting.begin(session, found.newsletter)
            approves = found.approved_at is None
            send_now(
                session,
                found,
                by.name,
                now,
                special=bool(special),
                user_id=by.user_id,
                override=override,
            )
            if approves:
                record_approval(session, actor, found, now, override=override)
            record_issue(session, actor, "issue send", found, now=now, fields=("send_at",))
            warned = _looked_over(opened, session, found)
            sent = issue_as_json(found)
            said = f"{short_name(found)} is on its way.{_place_of(found, day, now)}"
        opened.bell.ring(PREPARE_ISSUE, found.id)
        if as_json:
            print_json(sent)
        else:
            click.echo(f"{said}{warned} See how it goes: digest issue list")


def _looked_over(opened: Runtime, session: Session, found: Issue) -> str:
    """Say how many warnings there are; raise RefusedError where something keeps the issue."""
    url, now = opened.settings.public_url, opened.clock.now()
    warned = len(clear(session, found, public_url=url, now=now, warnings=False).unaccepted)
    if not warned:
        return ""
    count = prose.count_in_words(warned, "thing")
    verb = "is" if warned == 1 else "are"
    return f" There {verb} {count} to look at: digest issue preflight {short_name(found)}"


def _ask_whether_special(opened: Runtime, name: IssueName, now: datetime) -> bool:
    with opened.database.reading() as session:
        found = find_issue(session, name, now)
        day, zone = found.occurrence_on, found.newsletter.zone
    if day is None or day <= zones.local_date(now, zone):
        return False
    asked = f"This is the issue of {prose.short_day(day)}. Shall another one come on that day?"
    return click.confirm(asked, default=False)


def _place_of(issue: Issue, day: date | None, now: datetime) -> str:
    """Say which slot of the calendar an issue takes, which had that of `day`, and which is next."""
    newsletter = issue.newsletter
    if issue.occurrence_on is None:
        still = prose.short_day(day or next_occurrence(newsletter, now))
        return f" It is a special edition: the issue of {still} comes as well."
    after = next_occurrence(newsletter, max(now, slot(newsletter, issue.occurrence_on).send_at))
    return (
        f" It is the issue of {prose.short_day(issue.occurrence_on)}; the next one comes on "
        f"{prose.short_day(after)}."
    )


def _said_of(found: Issue) -> str:
    if found.state is IssueState.SKIPPED:
        return f"{short_name(found)} is skipped. {found.reason}"
    return (
        f"{short_name(found)} goes out on {when(found)}, once it is approved: "
        f"digest issue approve {short_name(found)}"
    )
