"""Looking an issue over, its links included: when a person asks, and just before its freeze."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.models import BEFORE_FREEZE, Issue, IssueState, NoticeKind, PreflightReport
from digest.newsroom.intake.fetching import Fetcher
from digest.preflight.asking import ask_links_of
from digest.preflight.checking import look_over, refuse_too_late
from digest.preflight.clearing import CANNOT, note
from digest.preflight.findings import Finding, Preflight
from digest.preflight.links import UNCHECKED
from digest.telling import tell_editors

# Long enough for an editor to do something about it.
AHEAD = timedelta(minutes=20)
WAITING = (IssueState.DRAFT, IssueState.SCHEDULED)
# What turns bad by itself; the rest is news only to whoever saw the issue without it.
TURNS = frozenset({"link", "link leads elsewhere", "same page", "changed", "withdrawn"})


def look_now(
    database: Database, issue_id: int, *, fetcher: Fetcher, public_url: str, now: datetime
) -> Preflight:
    """Ask the issue's links, look it over for a person, and note what they saw.

    Raises:
        RefusedError: it is frozen, or given up.
    """
    with database.reading() as session:
        refuse_too_late(session.get_one(Issue, issue_id))
    ask_links_of(database, issue_id, fetcher=fetcher, public_url=public_url, now=now)
    with database.transaction() as session:
        issue = session.get_one(Issue, issue_id)
        found = look_over(session, issue, public_url=public_url, now=now)
        note(session, issue, found, now)
    return found


def wants_asking(session: Session, issue: Issue, *, public_url: str, now: datetime) -> bool:
    """Tell whether links are to be asked before a person sends an issue on its way.

    Where nobody did within the hour, nor let that stand; and where nothing keeps it anyway.
    """
    if issue.state not in BEFORE_FREEZE:
        return False
    found = look_over(session, issue, public_url=public_url, now=now)
    return not found.blockers and any(each.kind == UNCHECKED for each in found.unaccepted)


def issues_to_look_over(session: Session, now: datetime) -> list[int]:
    """Return the issues that go out within 20 minutes and were not looked over since then."""
    rows = session.execute(
        select(Issue.id, Issue.send_at, PreflightReport.by_itself_at)
        .outerjoin(PreflightReport, PreflightReport.issue_id == Issue.id)
        .where(
            Issue.state.in_(WAITING),
            or_(Issue.state == IssueState.SCHEDULED, Issue.composed_at.is_not(None)),
            Issue.send_at > now,
            Issue.send_at <= now + AHEAD,
        )
        .order_by(Issue.send_at)
    )
    return [row.id for row in rows if _is_due(row.by_itself_at, row.send_at)]


def _is_due(by_itself_at: datetime | None, send_at: datetime) -> bool:
    return by_itself_at is None or by_itself_at < send_at - AHEAD


def look_again(
    database: Database, issue_id: int, *, fetcher: Fetcher, public_url: str, now: datetime
) -> None:
    """Ask the issue's links, look it over, and tell its editors what turned bad since.

    Since a person looked; where nobody did, of what turns bad by itself. And what keeps the issue.
    """
    ask_links_of(database, issue_id, fetcher=fetcher, public_url=public_url, now=now)
    with database.transaction() as session:
        issue = session.get(Issue, issue_id)
        if issue is None or issue.state not in WAITING:
            return
        before = session.get(PreflightReport, issue_id)
        if before is not None and not _is_due(before.by_itself_at, issue.send_at):
            return
        known = set(before.found) if before is not None else None
        found = look_over(session, issue, public_url=public_url, now=now)
        news = _news(found, known)
        report = note(session, issue, found, now)
        report.by_itself_at, report.turned_bad = now, [_said(each) for each in news]
        if news:
            # Once for each time that it was to go out.
            tell_editors(session, issue, NoticeKind.TURNED_BAD, now)


def _news(found: Preflight, known: set[str] | None) -> list[Finding]:
    """Return what is to be told: blockers always, as they are about to hold the issue."""
    if known is None:
        turned = [each for each in found.unaccepted if each.kind in TURNS]
    else:
        turned = [
            each for each in found.unaccepted if each.code not in known and each.kind != UNCHECKED
        ]
    return [*found.blockers, *turned]


def _said(finding: Finding) -> str:
    return f"{CANNOT} {finding.sentence}" if finding.blocks else finding.sentence
