"""Refusing to let an issue go out as it is."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from digest import prose
from digest.database.adding import add_unless_there
from digest.errors import RefusedError
from digest.logs import get_logger
from digest.models import Issue, PreflightReport
from digest.preflight.checking import find_blockers, look_over
from digest.preflight.findings import Finding, Preflight

REASON_AT_MOST = 500
CANNOT = "Cannot go out yet:"

log = get_logger(__name__)


def clear(
    session: Session, issue: Issue, *, public_url: str, now: datetime, warnings: bool
) -> Preflight:
    """Look an issue over that a person sends on its way, and note what was found.

    `warnings`: refuse also what warns, unless somebody has accepted it.

    Raises:
        RefusedError: names all that keeps it.
    """
    found = look_over(session, issue, public_url=public_url, now=now)
    _refuse(found.blockers)
    if warnings and found.unaccepted:
        count = prose.count_in_words(len(found.unaccepted), "thing")
        raise RefusedError(
            f"There {'is' if len(found.unaccepted) == 1 else 'are'} {count} to mend or to accept "
            f"first. {' '.join(each.sentence for each in found.unaccepted)}"
        )
    note(session, issue, found, now)
    return found


def hold_back(session: Session, issue: Issue, *, public_url: str) -> None:
    """Refuse what must not be frozen: blockers alone.

    A mistake of ours in looking is none: what would go out without this look goes out.

    Raises:
        RefusedError: names them, as the reason for which the issue is held.
    """
    try:
        found = find_blockers(session, issue, public_url)
    except (RefusedError, SQLAlchemyError):
        raise
    except Exception:
        log.exception("preflight could not look at an issue", issue=issue.id)
        return
    _refuse(found)


def note(session: Session, issue: Issue, found: Preflight, now: datetime) -> PreflightReport:
    """Remember what was found, so that what turns bad afterwards can be told from it."""
    codes = [each.code for each in found.findings]
    report = session.get(PreflightReport, issue.id)
    if report is None:
        report = PreflightReport(issue_id=issue.id, at=now, found=codes)
        if add_unless_there(session, report):
            return report
        report = session.get_one(PreflightReport, issue.id)
    report.at, report.found = now, codes
    session.flush()
    return report


def _refuse(blockers: Sequence[Finding]) -> None:
    if blockers:
        said = " ".join(each.sentence for each in blockers)
        raise RefusedError(prose.cut(f"{CANNOT} {said}", REASON_AT_MOST))
