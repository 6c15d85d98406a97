"""Whether there is something that newsletters can be made from: what they name is still there."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from digest.checkup.finding import Finding, fine, warning
from digest.newsroom.feeding import fed_by_nothing, remedy

LINES_AT_MOST = 5


def look_at_feeding(session: Session, now: datetime) -> Iterator[Finding]:
    """Return the newsletters that nothing feeds any more, by the sources and sections they name."""
    unfed = fed_by_nothing(session, now)
    for newsletter, feeding in unfed[:LINES_AT_MOST]:
        said = " ".join(feeding.troubles)
        yield warning("feeding", f"{newsletter.name}: {said}", remedy(newsletter))
    if len(unfed) > LINES_AT_MOST:
        more = len(unfed) - LINES_AT_MOST
        yield warning("feeding", f"So it is with {more} more.", "See: digest newsletter list")
    if not unfed:
        yield fine("feeding", "What newsletters name as their sources and sections is there.")
