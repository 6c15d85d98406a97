"""How an issue stands, in a sentence, and how long there is, as the desk says it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from digest import prose, zones
from digest.models import Approval, Issue, IssueState, Newsletter
from digest.newsroom.issues.pinning import pins_of

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Standing:
    """`name` is "Friday 13 November", or "No. 42"; `word` its state; `countdown` may be empty."""

    name: str
    word: str
    sentence: str
    countdown: str


def standing_of(issue: Issue, now: datetime, *, stories: int | None = None) -> Standing:
    """Say how an issue stands at `now`. `stories`: how many it has, where they are not read."""
    word, sentence = _said(issue, issue.newsletter, now, stories)
    return Standing(called(issue), word, sentence, _countdown(issue, now))


def called(issue: Issue) -> str:
    """Return "No. 42", or the day of what has no number yet."""
    return f"No. {issue.number}" if issue.number else prose.short_day(issue.dateline)


def moment(at: datetime, newsletter: Newsletter) -> str:
    """Return "Saturday 14 November at 07:00", by the newsletter's own calendar and clock."""
    local = at.astimezone(zones.named(newsletter.zone))
    return f"{prose.short_day(local.date())} at {local:%H:%M}"


def lasts(left: timedelta) -> str:
    """Return "3 h 12 min", "2 days", "less than a minute"."""
    if left >= 2 * DAY:
        return f"{left // DAY} days"
    if left >= HOUR:
        hours, minutes = left // HOUR, (left % HOUR) // MINUTE
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{left // MINUTE} min" if left >= MINUTE else "less than a minute"


def needs_approval(issue: Issue) -> bool:
    """Tell whether an issue goes out only if somebody approves it."""
    return issue.newsletter.approval.waits and issue.approved_at is None


def is_leaving(issue: Issue, now: datetime) -> bool:
    """Tell whether an issue's time has come: a worker takes it as it is, within moments."""
    return issue.state is IssueState.SCHEDULED and issue.send_at <= now


def _said(
    issue: Issue, newsletter: Newsletter, now: datetime, stories: int | None
) -> tuple[str, str]:
    goes = f"goes out on {moment(issue.send_at, newsletter)}"
    reason = issue.reason or "It was not said why."
    readers = prose.count_in_words(issue.audience or 0, "reader")
    if issue.state is IssueState.DRAFT:
        return "Draft", _draft(issue, newsletter, goes, stories)
    if issue.state is IssueState.SCHEDULED:
        by = f"Approved by {issue.approved_by}" if issue.approved_by else "Approved by itself"
        if is_leaving(issue, now):
            return "Leaving", f"{by}; it is about to go out, as it is now."
        return "Scheduled", f"{by}; it {goes}."
    if issue.state is IssueState.FROZEN:
        return "Frozen", f"About to go out to {readers}."
    if issue.state is IssueState.SENDING:
        return "Sending", f"On its way to {readers}."
    if issue.state is IssueState.SENT and issue.sent_at is not None:
        return "Sent", f"Sent to {readers} on {moment(issue.sent_at, newsletter)}."
    return issue.state.value.capitalize(), reason


def _draft(issue: Issue, newsletter: Newsletter, goes: str, count: int | None) -> str:
    if issue.composed_at is None:
        pinned = ""
        if pins := len(pins_of(issue)):
            verb = "is" if pins == 1 else "are"
            stories = prose.count_in_words(pins, "story", "stories")
            pinned = f" {stories[:1].upper()}{stories[1:]} {verb} pinned to it."
        return f"It is composed on {moment(issue.compose_at, newsletter)}, and {goes}.{pinned}"
    stories = prose.count_in_words(counted(issue, count), "story", "stories")
    composed = f"Composed for you: {stories}."
    closes = f"It closes on {moment(issue.closes_at, newsletter)}"
    if needs_approval(issue):
        return f"{composed} {closes}. It waits to be approved, and {goes} if it is."
    return f"{composed} {closes}, and {goes}."


def counted(issue: Issue, count: int | None) -> int:
    """Return how many stories an issue has; `count` where that is known."""
    return len(issue.stories) if count is None else count


def missing_of(issue: Issue, stories: int) -> str:
    """Say in a sentence what a composed draft still lacks; empty where it lacks nothing."""
    if issue.state is not IssueState.DRAFT or issue.composed_at is None:
        return ""
    lacks = issue.newsletter.story_min - stories
    missing = [prose.count_in_words(lacks, "story", "stories")] if lacks > 0 else []
    if not issue.note:
        missing.append("your note")
    if needs_approval(issue):
        second = issue.newsletter.approval is Approval.SECOND_PERSON
        missing.append("a second person’s approval" if second else "an approval")
    return f"Missing: {prose.all_of(missing)}." if missing else ""


def _countdown(issue: Issue, now: datetime) -> str:
    if issue.state is IssueState.DRAFT and issue.composed_at is None and issue.compose_at > now:
        return f"composed in {lasts(issue.compose_at - now)}"
    if issue.state is IssueState.DRAFT and issue.composed_at and issue.closes_at > now:
        return f"closes in {lasts(issue.closes_at - now)}"
    waiting = issue.state in {IssueState.DRAFT, IssueState.SCHEDULED}
    return f"goes out in {lasts(issue.send_at - now)}" if waiting and issue.send_at > now else ""
