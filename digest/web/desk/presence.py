"""Who else is in an issue, as its page says it."""

from sqlalchemy.orm import Session

from digest import zones
from digest.models import Issue
from digest.newsroom.issues.presence import others_in
from digest.web.desk.signed_in import desk


def others_here(session: Session, issue: Issue) -> list[tuple[str, str]]:
    """Return who else is in an issue, each with since when by the newsletter's clock."""
    zone = zones.named(issue.newsletter.zone)
    others = others_in(session, issue.id, desk().user.id, desk().now)
    return [(each.name, f"{each.since.astimezone(zone):%H:%M}") for each in others]
