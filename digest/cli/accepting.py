"""`digest doctor --accept-restore`: saying that a database that was restored may go on."""

from collections.abc import Mapping
from typing import Any

import click

from digest.cli.issue_names import short_name
from digest.cli.opening import print_json, runtime
from digest.delivery.ledger.restoring import Accepted
from digest.delivery.ledger.restoring import accept as accept_restore
from digest.models import Issue, IssueState
from digest.newsroom.issues.approving import waits_for_second_person

GOES_ON = {
    IssueState.HELD: "digest issue send {id}, or digest issue schedule {id} --at WHEN",
    IssueState.PAUSED: "digest issue resume {id}, or digest issue cancel {id}",
}
# By somebody who has not corrected it.
SENDS_ON = {
    IssueState.PAUSED: "Send on, at the desk; or digest issue resume {id} --as USER",
}


def accept(by: str, *, nothing_lost: bool, as_json: bool) -> None:
    """Accept the place that the database is in, and print what is held and how each goes on."""
    with runtime() as opened:
        accepted = accept_restore(
            opened.database,
            by[:100],
            opened.clock.now(),
            nothing_lost=nothing_lost,
            waits=lambda session, issue: waits_for_second_person(session, issue) is not None,
        )
    if as_json:
        print_json(_as_json(accepted))
    elif accepted is None:
        click.echo("The database is where it lives. There was nothing to accept.")
    else:
        click.echo("\n".join(_sentences(accepted, nothing_lost=nothing_lost)))


def _sentences(accepted: Accepted, *, nothing_lost: bool) -> list[str]:
    said = [f"Accepted: {accepted.why}. From now on the database lives here."]
    if nothing_lost:
        but = " but for what was corrected meanwhile" if accepted.issues else ""
        said.append(f"As nothing was lost, all goes on as it was{but}. See: digest issue list")
        return [*said, *_stay(accepted, SENDS_ON)]
    said.append(
        "What happened after the copy was made is not in it: who left since is a reader again, who "
        "was erased is back. See to them first."
    )
    if not accepted.issues:
        return [*said, "No issue was on its way, so none is held."]
    said.append("These stay as they are until you decide about each:")
    return [*said, *_stay(accepted, GOES_ON)]


def _stay(accepted: Accepted, goes_on: Mapping[IssueState, str]) -> list[str]:
    said = []
    for issue in accepted.issues:
        said.append(f"  {issue.newsletter.name}, {short_name(issue)}, is {issue.state}.")
        said.append(f"    {issue.reason}")
        if issue.state in goes_on:
            said.append(f"    To let it go: {goes_on[issue.state].format(id=issue.id)}")
    return said


def _as_json(accepted: Accepted | None) -> dict[str, Any]:
    if accepted is None:
        return {"accepted": False, "why": None, "issues": []}
    return {
        "accepted": True,
        "why": accepted.why,
        "issues": [_issue_as_json(issue) for issue in accepted.issues],
    }


def _issue_as_json(issue: Issue) -> dict[str, Any]:
    return {
        "id": issue.id,
        "issue": short_name(issue),
        "state": issue.state,
        "reason": issue.reason,
    }
