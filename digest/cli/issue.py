"""`digest issue`: from composing to what became of it."""

import click

from digest.cli.groups import Found


@click.group(
    commands=Found(
        {
            "accept": "issue_preflight.accept",
            "add": "issue_editing.add",
            "approve": "issue_sending.approve",
            "audience": "issue_audience.audience",
            "cancel": "issue_controls.cancel",
            "compose": "issue_sending.compose",
            "confirm": "issue_correcting.confirm",
            "correct": "issue_correcting.correct",
            "drop": "issue_editing.drop",
            "edit": "issue_editing.edit",
            "history": "issue_history.history",
            "list": "issue_list.list_issues",
            "move": "issue_editing.move",
            "pause": "issue_controls.pause",
            "pick": "issue_editing.pick",
            "picture": "issue_editing.picture",
            "pin": "issue_pinning.pin",
            "pins": "issue_pinning.pins",
            "preflight": "issue_preflight.preflight",
            "preview": "issue_views.preview",
            "report": "issue_report.report",
            "resume": "issue_controls.resume",
            "schedule": "issue_sending.schedule",
            "send": "issue_sending.send",
            "skip": "issue_calendar.skip",
            "take-up": "issue_calendar.take_up",
            "test": "issue_views.test",
            "unpin": "issue_pinning.unpin",
        }
    )
)
def issue() -> None:
    """Compose, look at, approve, send and stop issues.

    ISSUE is a newsletter's slug for its next issue (editors-digest), or with a date or a number
    (editors-digest/2026-11-14, editors-digest/42), or an id as `issue list` shows it.
    """
