"""An issue as a notice tells its editor of it: what is in it, what it waits for, what to type."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from digest import prose, zones
from digest.models import Approval, Issue, Newsletter


@dataclass(frozen=True)
class EditorView:
    """`name` is what commands call the issue; `another_time` fits the option `--at`.

    What `is_frozen` has its number, its bytes and its audience: it goes as it is, or not at all.
    """

    name: str
    day: str
    titles: tuple[str, ...]
    reason: str
    plan: str
    goes_out: str
    needs_approval: bool
    another_time: str
    is_frozen: bool = False


def view_for_editor(issue: Issue, now: datetime) -> EditorView:
    """Gather what a notice says of `issue`, which was queued at `now`."""
    newsletter = issue.newsletter
    needs_approval = newsletter.approval is Approval.REQUIRED and issue.approved_at is None
    return EditorView(
        name=_name(issue),
        day=prose.short_day(issue.dateline),
        titles=tuple(story.title or story.article.title for story in issue.stories),
        reason=issue.reason or "It was not said why.",
        plan=_plan(issue, needs_approval),
        goes_out=_moment(issue.send_at, newsletter.zone),
        needs_approval=needs_approval,
        another_time=_another_time(newsletter, now),
        is_frozen=issue.frozen_at is not None,
    )


def _name(issue: Issue) -> str:
    return (
        f"{issue.newsletter.slug}/{issue.occurrence_on}" if issue.occurrence_on else f"{issue.id}"
    )


def _plan(issue: Issue, needs_approval: bool) -> str:
    zone = issue.newsletter.zone
    closes, goes_out = _moment(issue.closes_at, zone), _moment(issue.send_at, zone)
    times = f"It closes on {closes} and goes out on {goes_out}"
    if needs_approval:
        return f"{times}, once you have approved it. Without your approval it is held."
    return f"{times}. Nothing needs doing, unless you would like to change it."


def _moment(at: datetime, zone: str) -> str:
    local = at.astimezone(zones.named(zone))
    return f"{prose.short_day(local.date())} at {prose.hour_in_words(local.time())}"


def _another_time(newsletter: Newsletter, now: datetime) -> str:
    tomorrow = now.astimezone(zones.named(newsletter.zone)).date() + timedelta(days=1)
    return f"{tomorrow}T{newsletter.local_time:%H:%M}"
