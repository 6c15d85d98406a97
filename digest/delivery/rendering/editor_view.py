"""An issue as a notice tells its editor of it: what is in it, what it waits for, what to type."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from digest import prose, zones
from digest.models import Approval, Issue, IssueState, LeftOut, Newsletter

LONGEST_TITLE = 120


@dataclass(frozen=True)
class EditorView:
    """`name` is what commands call the issue, `url` its page; `another_time` fits `--at`.

    What `is_frozen` has its number, its bytes and its audience: it goes as it is, or not at all.
    `outlook` is a sentence on when it goes out. `left_out` has one for each story that was
    withdrawn since it was composed, `turned_bad` one for each thing that preflight found since.
    `needs_second`: its approval is a second person's. `corrected_by` has put a mistake right after
    its freeze, and `corrected` is what readers are told of it; it `has_gone` out by then, or is
    paused.
    """

    name: str
    url: str
    day: str
    titles: tuple[str, ...]
    reason: str
    plan: str
    closes: str
    goes_out: str
    outlook: str
    needs_approval: bool
    another_time: str
    needs_second: bool = False
    is_frozen: bool = False
    left_out: tuple[str, ...] = ()
    turned_bad: tuple[str, ...] = ()
    corrected_by: str = ""
    corrected: str = ""
    has_gone: bool = False

    @property
    def what_is_left(self) -> str:
        """ "Seven stories are left"."""
        count = prose.count_in_words(len(self.titles), "story is left", "stories are left")
        return f"{count[:1].upper()}{count[1:]}"


def view_for_editor(issue: Issue, now: datetime, url: str) -> EditorView:
    """Gather what a notice says of `issue`, which was queued at `now`; `url` is its page."""
    newsletter = issue.newsletter
    needs_approval = newsletter.approval.waits and issue.approved_at is None
    return EditorView(
        name=_name(issue),
        url=url,
        day=prose.short_day(issue.dateline),
        titles=tuple(story.headline for story in issue.stories),
        reason=issue.reason or "It was not said why.",
        plan=_plan(issue, needs_approval),
        closes=_moment(issue.closes_at, newsletter.zone),
        goes_out=_moment(issue.send_at, newsletter.zone),
        outlook=_outlook(issue, needs_approval),
        needs_approval=needs_approval,
        another_time=_another_time(newsletter, now),
        needs_second=_needs_second(issue),
        is_frozen=issue.frozen_at is not None,
        left_out=tuple(
            _left_out(each, before=issue.composed_at is None or each.at <= issue.composed_at)
            for each in issue.left_out
            if issue.composed_at is None or each.at >= issue.composed_at
        ),
    )


def _left_out(each: LeftOut, *, before: bool) -> str:
    """Say that a story was left out; `before`: it was, when the rule had yet to pick the rest."""
    how = "is hidden" if each.hidden else "was withdrawn"
    title = f"“{prose.cut(each.title, LONGEST_TITLE)}” {how}"
    if each.replacement is not None:
        instead = prose.cut(each.replacement.title, LONGEST_TITLE)
        return f"{title}. “{instead}” takes its place."
    if each.by_hand and before:
        return f"{title}. A person had chosen it."
    if each.by_hand:
        return f"{title}. A person had chosen it, so nothing takes its place."
    return f"{title}, and there was nothing else to take its place."


def _name(issue: Issue) -> str:
    return (
        f"{issue.newsletter.slug}/{issue.occurrence_on}" if issue.occurrence_on else f"{issue.id}"
    )


def _plan(issue: Issue, needs_approval: bool) -> str:
    zone = issue.newsletter.zone
    closes, goes_out = _moment(issue.closes_at, zone), _moment(issue.send_at, zone)
    times = f"It closes on {closes} and goes out on {goes_out}"
    if needs_approval and _needs_second(issue):
        return (
            f"{times}, once somebody has approved it who has not written in it. Without that it is "
            "held."
        )
    if needs_approval:
        return f"{times}, once you have approved it. Without your approval it is held."
    return f"{times}. Nothing needs doing, unless you would like to change it."


def _needs_second(issue: Issue) -> bool:
    return issue.newsletter.approval is Approval.SECOND_PERSON


def _outlook(issue: Issue, needs_approval: bool) -> str:
    if issue.state is IssueState.HELD:
        return "The issue is held: it goes out when you send it, or give it a new time."
    zone = issue.newsletter.zone
    goes_out = f"The issue goes out on {_moment(issue.send_at, zone)}"
    if issue.state is IssueState.DRAFT and issue.composed_at is None:
        goes_out = f"The rest is picked on {_moment(issue.compose_at, zone)}. {goes_out}"
    return f"{goes_out}, once you have approved it." if needs_approval else f"{goes_out}."


def _moment(at: datetime, zone: str) -> str:
    local = at.astimezone(zones.named(zone))
    return f"{prose.short_day(local.date())} at {prose.hour_in_words(local.time())}"


def _another_time(newsletter: Newsletter, now: datetime) -> str:
    tomorrow = now.astimezone(zones.named(newsletter.zone)).date() + timedelta(days=1)
    return f"{tomorrow}T{newsletter.local_time:%H:%M}"
