"""Looking an issue over: all checks at once, from the database alone."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from digest.errors import RefusedError
from digest.models import BEFORE_FREEZE, Issue
from digest.newsroom.issues.moving import called
from digest.preflight import links, mail, stories, words
from digest.preflight.findings import Finding, Preflight
from digest.preflight.known import Known, known_of


def refuse_too_late(issue: Issue) -> None:
    """Raise RefusedError where an issue is frozen, or given up: nothing of it can be mended."""
    if issue.state not in BEFORE_FREEZE:
        raise RefusedError(f"It is too late to look over {called(issue)}; it is {issue.state}.")


def look_over(session: Session, issue: Issue, *, public_url: str, now: datetime) -> Preflight:
    """Return what is wrong with an issue as it is now, the blockers first.

    Nothing is fetched: of links it knows what `asking` found out within the hour.
    """
    read = mail.read_mail(session, issue, public_url)
    urls = read.links if read is not None else ()
    known = known_of(session, issue, urls, read.subject if read is not None else None, now)
    found: list[Finding] = []
    passed: list[str] = []
    for name, findings in (
        *_blocking(issue, read),
        *_warning(issue, read, known),
        ("links", links.told_of_links(issue, urls, known.checks)),
    ):
        told = list(findings)
        found += told
        if not told:
            passed.append(name)
    return Preflight(
        findings=tuple(sorted(found, key=lambda each: not each.blocks)),
        passed=tuple(passed),
        accepted=known.accepted,
        links=len(urls),
        checked_at=_all_checked_at(urls, known.checks.values()),
        octets=read.octets if read is not None else None,
    )


def find_blockers(session: Session, issue: Issue, public_url: str) -> list[Finding]:
    """Return what keeps an issue from going out; nothing else is looked at."""
    read = mail.read_mail(session, issue, public_url)
    return [each for _, findings in _blocking(issue, read) for each in findings if each.blocks]


Check = tuple[str, Iterable[Finding]]


def _blocking(issue: Issue, read: mail.Mail | None) -> list[Check]:
    checks: list[Check] = [
        ("subject", words.no_subject(issue, read.subject if read is not None else None)),
        ("enough stories", stories.too_few(issue)),
        ("placeholders", words.placeholders(issue)),
        ("withdrawn stories", stories.withdrawn(issue)),
    ]
    if read is not None:
        checks += [
            ("size", mail.too_large(read)),
            ("unsubscribe link and postal address", mail.incomplete(issue, read)),
        ]
    return checks


def _warning(issue: Issue, read: mail.Mail | None, known: Known) -> list[Check]:
    checks: list[Check] = [
        ("contrast", mail.faint(issue)),
        ("pictures described", mail.undescribed(issue)),
        ("stories as they were picked", stories.changed(issue, known.picked)),
        (
            "stories told once",
            [*stories.told_twice(issue), *stories.told_before(issue, known.earlier)],
        ),
        ("dates", stories.old(issue)),
    ]
    if read is not None:
        new = ("a new subject", words.repeated_subject(read.subject, known.same_subject))
        checks.append(new)
    return checks


def _all_checked_at(urls: Iterable[str], checks: Iterable[links.Check]) -> datetime | None:
    at = [check.checked_at for check in checks]
    return min(at) if at and len(at) == len(set(urls)) else None
