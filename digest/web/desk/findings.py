"""What preflight found, as an issue's page shows it."""

from typing import NamedTuple

from sqlalchemy.orm import Session

from digest.models import BEFORE_FREEZE, Issue
from digest.preflight.checking import look_over
from digest.preflight.clearing import clear
from digest.preflight.findings import Finding, Preflight
from digest.web.context import current_runtime
from digest.web.desk.signed_in import desk
from digest.web.desk.standing import moment

PLACES = {
    "subject": "Go to the subject",
    "preheader": "Go to the preheader",
    "note": "Go to the note",
    "last_thing": "Go to the last thing",
    "stories": "Go to the stories",
}


class Row(NamedTuple):
    """A finding; where its page has what to change, `link` says so. `accepted`: by whom, when."""

    sentence: str
    place: str
    code: str
    link: str
    accepted: str


class Shown(NamedTuple):
    """All of it, as plain values; `checked` says when the links were last checked."""

    summary: str
    passed: tuple[str, ...]
    blockers: tuple[Row, ...]
    warnings: tuple[Row, ...]
    checked: str


def look_over_first(session: Session, issue: Issue) -> None:
    """Look an issue over that whoever asks sends on its way.

    Raises:
        RefusedError: names what keeps it, and what nobody has accepted.
    """
    url = current_runtime().settings.public_url
    clear(session, issue, public_url=url, now=desk().now, warnings=True)


def found_of(session: Session, issue: Issue) -> Shown | None:
    """Look an issue over for its page; None where it is too late to. Fetches nothing."""
    if issue.state not in BEFORE_FREEZE:
        return None
    url = current_runtime().settings.public_url
    found = look_over(session, issue, public_url=url, now=desk().now)
    return Shown(
        summary=found.summary,
        passed=found.passed,
        blockers=tuple(_row(each, found, issue) for each in found.blockers),
        warnings=tuple(_row(each, found, issue) for each in found.warnings),
        checked=_checked(found, issue),
    )


def _row(finding: Finding, found: Preflight, issue: Issue) -> Row:
    of_story = "Go to the story" if finding.place.startswith("story-") else ""
    code = finding.code
    row = found.accepted.get(code)
    accepted = f"Accepted by {row.by} on {moment(row.at, issue.newsletter)}." if row else ""
    link = PLACES.get(finding.place, of_story)
    return Row(finding.sentence, finding.place, code, link, accepted)


def _checked(found: Preflight, issue: Issue) -> str:
    if not found.links:
        return "There are no links yet."
    if found.checked_at is None:
        return "Not all links were checked within the hour."
    return f"The links were checked on {moment(found.checked_at, issue.newsletter)}."
