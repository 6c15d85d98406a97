"""An issue's report: what became of it, from what the tick has counted."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from digest import prose, zones
from digest.delivery.clicks import clicks_of
from digest.delivery.ledger.reporting import Report, report
from digest.desk.reports.figures import Bar, Figure, Number, Point, in_ten
from digest.desk.reports.newsletter import audience_and_leavers
from digest.models import AcceptedMinute, Bounce, BounceKind, BounceReason, Issue, IssueState

MINUTE = timedelta(minutes=1)
# Of a line: more than this takes longer spans, of so many minutes.
POINTS_AT_MOST = 60
SPANS = (1, 5, 15, 60, 360, 1440)
MISSED = {
    "refused": "Refused by the relay",
    "gave_up": "Put off for 48 hours",
    "left": "Had left by then",
    "paused": "Had paused",
    "suppressed": "Must not be mailed",
    "erased": "Were erased",
    "cancelled": "The issue was cancelled",
}
CAME_BACK = {
    BounceKind.PERMANENT: "Came back for good",
    BounceKind.TRANSIENT: "Delayed on the way",
    BounceKind.UNKNOWN: "Came back, not said why",
}
WHY = {
    BounceReason.ADDRESS: "There is no such address",
    BounceReason.FULL: "The mailbox is full",
    BounceReason.CONTENT: "The content was refused",
    BounceReason.REPUTATION: "Your domain or relay was refused, or a rule of theirs",
    BounceReason.AUTHENTICATION: "SPF, DKIM or DMARC failed",
    BounceReason.SENDER: "The sender’s address was refused",
    BounceReason.SIZE: "It was too large",
    BounceReason.NETWORK: "Their server could not be reached",
    BounceReason.UNKNOWN: "Not said, or not understood",
}


@dataclass(frozen=True)
class IssueReport:
    """`numbers` add up to the audience, with `to_go`. `counted_at`: None where just now."""

    issue: Issue
    name: str
    day: date
    title: str
    numbers: tuple[Number, ...]
    to_go: int
    in_doubt: int
    figures: tuple[Figure, ...]
    counted_at: datetime | None


def report_issue(session: Session, issue: Issue, now: datetime) -> IssueReport | None:
    """Report on an issue; None where it is not frozen yet, so that there is nothing to tell."""
    if issue.frozen_at is None:
        return None
    told = report(session, issue, as_counted=True)
    minutes = session.execute(
        select(AcceptedMinute.minute, AcceptedMinute.readers)
        .where(AcceptedMinute.issue_id == issue.id)
        .order_by(AcceptedMinute.minute)
    ).all()
    accepted = [(row[0], row[1]) for row in minutes]
    audience, leavers = audience_and_leavers(session, issue.newsletter, now)
    own = (_accepted(issue, accepted, told), *_clicks(session, issue), _missed(told))
    name = f"No. {issue.number}" if issue.number else prose.long_date(issue.dateline)
    return IssueReport(
        issue=issue,
        name=name,
        day=issue.dateline,
        title=_title(name, told, accepted),
        numbers=(
            Number(told.audience, "in the audience"),
            Number(told.accepted, "accepted by the relay"),
            Number(told.missed, "did not get it"),
            Number(told.in_doubt, "in doubt"),
        ),
        to_go=told.to_go,
        in_doubt=told.in_doubt,
        figures=(
            audience,
            *own,
            _bounced(session, issue.id),
            *_reasons(session, issue.id),
            leavers,
        ),
        counted_at=issue.counted_at if issue.folded_at is None else None,
    )


def _title(name: str, told: Report, accepted: list[tuple[datetime, int]]) -> str:
    readers = prose.count_in_words(told.accepted, "reader")
    if not told.audience:
        return f"{name} had no readers to go to"
    if told.to_go:
        return f"{name} is accepted for {readers} so far"
    if not told.accepted:
        return (
            f"{name} was cancelled" if told.state is IssueState.CANCELLED else f"Nobody got {name}"
        )
    if not accepted:
        return f"{name} was accepted for {readers}"
    return f"{name} was accepted for {readers} in {_lasted(accepted[-1][0] - accepted[0][0])}"


def _lasted(between: timedelta) -> str:
    minutes = between // MINUTE + 1
    if minutes < 120:
        return prose.count_in_words(minutes, "minute")
    hours = round(minutes / 60)
    return prose.count_in_words(hours, "hour") if hours < 48 else f"{round(hours / 24)} days"


def _accepted(issue: Issue, accepted: list[tuple[datetime, int]], told: Report) -> Figure:
    points = _points(accepted, issue.newsletter.zone)
    total = points[-1].number if points else 0
    unknown = told.accepted - total
    # Minutes are counted by the tick, soon after.
    title = "The minutes are counted soon" if told.accepted else "Nothing is accepted yet"
    if points:
        most = next(point for point in points if point.number * 10 >= total * 9)
        share = "All" if most.number == total else prose.at_start(in_ten(most.number, total))
        are = "was" if total == 1 else "were"
        title = f"{share if total > 1 else 'The one message'} {are} accepted by {most.label}"
    return Figure(
        "accepted",
        title,
        "Messages that the relay has accepted, by time of day",
        ("By", "Accepted"),
        points=points,
        from_zero=True,
        # They had come back before their minute was counted, or are in the count that comes next.
        note=f"It is not known when {unknown:,} more were." if unknown > 0 and points else "",
    )


def _points(accepted: list[tuple[datetime, int]], zone: str) -> tuple[Point, ...]:
    if not accepted:
        return ()
    first, last = accepted[0][0], accepted[-1][0]
    lasted = (last - first) // MINUTE + 1
    fits = (each for each in SPANS if lasted <= each * POINTS_AT_MOST)
    span = timedelta(minutes=next(fits, SPANS[-1]))
    spans = (last - first) // span + 1
    many = [0] * spans
    for minute, readers in accepted:
        many[(minute - first) // span] += readers
    days = len({zones.local_date(at, zone) for at in (first, last + span)}) > 1
    points, total = [_moment(first, 0, zone, days)], 0
    for number, readers in enumerate(many, start=1):
        total += readers
        points.append(_moment(first + number * span, total, zone, days))
    return tuple(points)


def _moment(at: datetime, number: int, zone: str, days: bool) -> Point:
    local = at.astimezone(zones.named(zone))
    hour = f"{local:%H:%M}"
    day = f"{hour} on {prose.short_day(local.date())}"
    return Point(at, day if days else hour, f"{local:%a} {hour}" if days else hour, number)


def _missed(told: Report) -> Figure:
    bars = []
    for reason, readers in told.reasons:
        word, mark, code = reason.partition(" (")
        bars.append(Bar(f"{MISSED.get(word, word)}{mark}{code}", readers))
    if not bars:
        title = "Nobody has missed it so far" if told.to_go else "Nobody missed it"
    else:
        title = f"{prose.counted(told.missed, 'reader')} did not get it"
    return Figure(
        "missed",
        f"{title}, most of them: {bars[0].label.lower()}" if len(bars) > 1 else title,
        "Readers of the audience whom it has not reached, by reason",
        ("Reason", "Readers"),
        bars=tuple(bars),
    )


def _bounced(session: Session, issue_id: int) -> Figure:
    found = dict(
        session.execute(
            select(Bounce.kind, func.count())
            .where(Bounce.issue_id == issue_id)
            .group_by(Bounce.kind)
        ).all()
    )
    bars = tuple(Bar(words, found[kind]) for kind, words in CAME_BACK.items() if kind in found)
    title = f"{prose.counted(sum(found.values()), 'report')} of mail that came back"
    return Figure(
        "bounces",
        title if found else "Nothing came back",
        "What other servers reported after the relay had accepted a message",
        ("Report", "Messages"),
        bars=bars,
    )


def _reasons(session: Session, issue_id: int) -> tuple[Figure, ...]:
    """Count by reason who gets no more tries; of a reader who has two reports, the one for good."""
    said = func.coalesce(Bounce.reason, BounceReason.UNKNOWN)
    permanent = select(Bounce.subscriber_id).where(
        Bounce.issue_id == issue_id, Bounce.kind == BounceKind.PERMANENT
    )
    found = dict(
        session.execute(
            select(said, func.count())
            .where(
                Bounce.issue_id == issue_id,
                (Bounce.kind == BounceKind.PERMANENT)
                | (
                    (Bounce.kind == BounceKind.UNKNOWN)
                    & Bounce.subscriber_id.not_in(permanent.scalar_subquery())
                ),
            )
            .group_by(said)
        ).all()
    )
    if not found:
        return ()
    bars = sorted(
        (Bar(WHY[why], n) for why, n in found.items()), key=lambda bar: -(bar.number or 0)
    )
    title = f"Why {prose.counted(sum(found.values()), 'message')} came back"
    figure = Figure(
        "reasons",
        f"{title}, most often: {bars[0].label}" if bars[1:] else title,
        "Messages that came back for good, or it is not said whether, by the other server’s reason",
        ("Reason", "Messages"),
        bars=tuple(bars),
    )
    return (figure,)


def _clicks(session: Session, issue: Issue) -> tuple[Figure, ...]:
    if not issue.newsletter.count_clicks:
        return ()
    stories = sorted(clicks_of(session, issue.id), key=lambda story: -(story.clicks or 0))
    bars = tuple(Bar(prose.curly(story.title), story.clicks) for story in stories)
    told = bool(bars) and bars[0].number is not None
    machines = sum(story.by_machines or 0 for story in stories)
    said = f"{machines:,} times or more" if machines else "fewer than five times for any story"
    figure = Figure(
        "clicks",
        f"“{bars[0].label}” was followed most often" if told else "No story was followed often yet",
        "Clicks in the mail, by story; what machines follow is set apart",
        ("Story", "Clicks"),
        bars=bars,
        note=f"Machines, such as scanners of mail, followed links {said}.",
    )
    return (figure,)
