"""A newsletter's report: who came, who left and why, since half a year ago."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from digest import prose
from digest.desk.reports.figures import Bar, Figure, Mark, Number, Point, in_ten
from digest.models import (
    Counted,
    DayCount,
    DeliveryState,
    EndedReason,
    Farewell,
    Issue,
    IssueTotal,
    Newsletter,
)
from digest.readers.preferences.farewells import WORDS

MONTHS = 6
WEEK = timedelta(days=7)
LAST_ISSUES = 12
# So many times more than in half of the weeks, of so many at least, is worth a word.
FAR_MORE, FEWEST_WEEKS = 3, 6
ACCEPTED = (DeliveryState.ACCEPTED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED)
ENDINGS = {
    EndedReason.COMPLAINED: "They reported it as unwanted",
    EndedReason.BOUNCED: "Their address did not take mail",
    EndedReason.REMOVED: "They were taken off by the paper",
    EndedReason.ERASED: "They were erased",
}
NO_REASON = "No reason given"


@dataclass(frozen=True)
class IssueLine:
    """An issue that went out, as it was last counted."""

    issue_id: int
    number: int
    day: date
    accepted: int
    bounced: int


@dataclass(frozen=True)
class NewsletterReport:
    """`numbers` add up: those there were, and who came, without who left, are those there are."""

    newsletter: Newsletter
    title: str
    since: date
    numbers: tuple[Number, ...]
    figures: tuple[Figure, ...]
    issues: tuple[IssueLine, ...]


@dataclass(frozen=True)
class _Days:
    """What was counted since `since`, day by day, and how many readers there were before."""

    since: date
    until: date
    before: int
    rows: tuple[tuple[date, Counted, str, int], ...]

    def total(self, what: Counted) -> int:
        return sum(readers for _, each, _, readers in self.rows if each is what)

    def by_detail(self, what: Counted) -> Counter[str]:
        found: Counter[str] = Counter()
        for _, each, detail, readers in self.rows:
            if each is what:
                found[detail] += readers
        return found


def report_newsletter(session: Session, newsletter: Newsletter, now: datetime) -> NewsletterReport:
    """Report on a newsletter, from what the tick has counted."""
    days = _days(session, newsletter.id, now.astimezone(UTC).date())
    issues = issue_lines(session, newsletter.id)
    came, left = days.total(Counted.STARTED), days.total(Counted.ENDED)
    numbers = (
        Number(days.before, f"readers before {prose.long_date(days.since)}"),
        Number(came, "have come since"),
        Number(left, "have left since"),
        Number(days.before + came - left, "readers now"),
    )
    figures = (
        _audience(newsletter, days),
        _forms(days),
        _confirmations(days),
        _leavers(session, newsletter.id, days),
        _bounces(issues),
    )
    has = prose.count_in_words(numbers[-1].value, "reader")
    title = f"{prose.at_start(prose.the(newsletter.name))} has {has}"
    return NewsletterReport(newsletter, title, days.since, numbers, figures, issues)


def audience_and_leavers(
    session: Session, newsletter: Newsletter, now: datetime
) -> tuple[Figure, Figure]:
    """Return the two figures that stand beside an issue's own."""
    days = _days(session, newsletter.id, now.astimezone(UTC).date())
    return _audience(newsletter, days), _leavers(session, newsletter.id, days)


def issue_lines(session: Session, newsletter_id: int) -> tuple[IssueLine, ...]:
    """Return the last issues that were counted, newest first."""
    last = (
        select(Issue.id, Issue.number, Issue.dateline)
        .where(Issue.newsletter_id == newsletter_id, Issue.number.is_not(None))
        .order_by(Issue.number.desc())
        .limit(LAST_ISSUES)
        .subquery()
    )
    rows = session.execute(
        select(last.c.id, last.c.number, last.c.dateline, IssueTotal.state, IssueTotal.readers)
        .join(IssueTotal, and_(IssueTotal.issue_id == last.c.id, IssueTotal.state.in_(ACCEPTED)))
        .order_by(last.c.number.desc())
    )
    found: dict[int, list[Any]] = {}
    for issue_id, number, day, state, readers in rows:
        line = found.setdefault(issue_id, [number, day, 0, 0])
        line[2] += readers
        line[3] += readers if state is DeliveryState.BOUNCED else 0
    return tuple(IssueLine(issue_id, *line) for issue_id, line in found.items())


def _days(session: Session, newsletter_id: int, today: date) -> _Days:
    mine = DayCount.newsletter_id == newsletter_id
    first = session.scalar(select(func.min(DayCount.day)).where(mine))
    since = max(_months_ago(today), first or today)
    change = dict(
        session.execute(
            select(DayCount.what, func.sum(DayCount.readers))
            .where(mine, DayCount.day < since)
            .group_by(DayCount.what)
        ).all()
    )
    before = int(change.get(Counted.STARTED, 0)) - int(change.get(Counted.ENDED, 0))
    rows = session.execute(
        select(DayCount.day, DayCount.what, DayCount.detail, DayCount.readers)
        .where(mine, DayCount.day >= since)
        .order_by(DayCount.day)
    )
    return _Days(since, today, before, tuple(rows))


def _months_ago(today: date) -> date:
    months = today.year * 12 + today.month - MONTHS
    return date(months // 12, months % 12 + 1, 1)


def _audience(newsletter: Newsletter, days: _Days) -> Figure:
    points, readers = [_point(days.since, days.before)], days.before
    change: Counter[date] = Counter()
    for day, what, _, many in days.rows:
        if what in {Counted.STARTED, Counted.ENDED}:
            change[day] += many if what is Counted.STARTED else -many
    day = days.since
    while day <= days.until:
        week = [day + timedelta(days=ahead) for ahead in range(7)]
        readers += sum(change[each] for each in week)
        points.append(_point(min(day + WEEK, days.until + timedelta(days=1)), readers))
        day += WEEK
    has_any = any(point.number for point in points)
    return Figure(
        "audience",
        _growth(points[0].number, points[-1].number, days.since),
        f"Confirmed readers of {prose.the(prose.curly(newsletter.name))}, each week",
        ("Before", "Readers"),
        points=tuple(points) if has_any else (),
        mark=_best_week(points),
    )


def _best_week(points: list[Point]) -> Mark | None:
    """Return the week in which far more came than usual, if there is one."""
    weeks = [later.number - point.number for point, later in pairwise(points)]
    if len(weeks) < FEWEST_WEEKS:
        return None
    most = max(weeks)
    if most < FAR_MORE * max(median(weeks), 1):
        return None
    return Mark(weeks.index(most) + 1, f"{most:,} more in one week")


def _point(day: date, readers: int) -> Point:
    at = datetime.combine(day, time(), UTC)
    return Point(at, prose.long_date(day), f"{day.day} {day:%b}", readers)


def _growth(before: int, now: int, since: date) -> str:
    month = f"{since:%B}"
    if now == before:
        return f"As many readers as in {month}: {now:,}" if now else "There are no readers yet"
    if not before:
        return f"{prose.at_start(prose.count_in_words(now, 'reader'))} since {month}"
    grew = "grew" if now > before else "fell"
    return f"Readers {grew} by {abs(now - before):,} since {month}"


def _forms(days: _Days) -> Figure:
    asked = days.by_detail(Counted.ASKED)
    named = [Bar(form, many) for form, many in asked.most_common() if form]
    bars = [*named, *([Bar("No form named", asked[""], none=True)] if asked[""] else [])]
    total = prose.counted(sum(asked.values()), "sign-up")
    title = f"{total}, by forms without a name"
    if named:
        title = f"“{named[0].label}” brought the most sign-ups"
    return Figure(
        "sign-ups",
        title if bars else "Nobody has asked for it yet",
        f"{total} since {days.since:%B}, by form",
        ("Form", "Sign-ups"),
        bars=tuple(bars),
    )


def _confirmations(days: _Days) -> Figure:
    asked, confirmed = days.total(Counted.ASKED), days.total(Counted.CONFIRMED)
    by_month: Counter[date] = Counter()
    for day, what, _, many in days.rows:
        if what is Counted.CONFIRMED:
            by_month[day.replace(day=1)] += many
    months = sorted({day.replace(day=1) for day, *_ in days.rows})
    if asked:
        share = prose.at_start(in_ten(min(confirmed, asked), asked))
        title = f"{share} of those who asked confirmed"
    else:
        title = "Nobody has confirmed yet"
    return Figure(
        "confirmations",
        title,
        f"{prose.counted(confirmed, 'sign-up')} confirmed since {days.since:%B}, by month; "
        f"{asked:,} asked",
        ("Month", "Confirmed"),
        bars=tuple(Bar(f"{month:%B %Y}", by_month[month]) for month in months) if asked else (),
    )


def _leavers(session: Session, newsletter_id: int, days: _Days) -> Figure:
    month = days.since.replace(day=1)
    told = dict(
        session.execute(
            select(Farewell.reason, func.sum(Farewell.readers))
            .where(Farewell.newsletter_id == newsletter_id, Farewell.month >= month)
            .group_by(Farewell.reason)
        ).all()
    )
    ended = days.by_detail(Counted.ENDED)
    given = [Bar(WORDS[reason], int(many)) for reason, many in told.items()]
    others = [Bar(words, ended[reason]) for reason, words in ENDINGS.items() if ended[reason]]
    silent = ended[EndedReason.LEFT] - sum(int(many) for many in told.values())
    bars = sorted([*given, *others], key=lambda bar: (-(bar.number or 0), bar.label))
    if silent > 0:
        bars.append(Bar(NO_REASON, silent, none=True))
    total = sum(bar.number or 0 for bar in bars)
    most = max(given, key=lambda bar: bar.number or 0, default=None)
    title = f"“{most.label}” is the reason given most often" if most else "No reason was given"
    return Figure(
        "leavers",
        title if bars else f"Nobody has left since {days.since:%B}",
        f"{prose.counted(total, 'reader')} left since {days.since:%B}, by the reason they gave",
        ("Reason", "Readers"),
        bars=tuple(bars),
    )


def _bounces(issues: tuple[IssueLine, ...]) -> Figure:
    back, accepted = sum(line.bounced for line in issues), sum(line.accepted for line in issues)
    title = f"{prose.counted(back, 'message')} of {accepted:,} came back"
    return Figure(
        "bounces",
        title if back else "Nothing came back" if issues else "No issue has gone out yet",
        f"Messages that came back after the relay had accepted them, of the last "
        f"{prose.count_in_words(len(issues), 'issue')}",
        ("Issue", "Came back"),
        bars=tuple(Bar(f"No. {line.number}", line.bounced) for line in issues) if back else (),
    )
