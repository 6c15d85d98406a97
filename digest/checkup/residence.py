"""Whether the database is where it lives, and what was held because it is not."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest import home
from digest.checkup.finding import Finding, failure, fine, warning
from digest.models import Restore

GRANTS = {
    "system": "GRANT EXECUTE ON FUNCTION pg_control_system() TO the user of DATABASE_URL",
    "timeline": "GRANT EXECUTE ON FUNCTION pg_current_wal_lsn(), pg_walfile_name(pg_lsn) TO the "
    "user of DATABASE_URL",
}
LOST_BY_THAT = {
    "system": "a copy in another server may not be noticed",
    "timeline": "a server that was restored from its archive is not noticed",
}


def look_at_home(session: Session, _: datetime) -> Iterator[Finding]:
    """Return whether this database was restored or copied, and what that holds up."""
    found = home.look(session)
    if found.moved and not home.has_something_to_send(session):
        yield fine("home", "The database will remember where it lives from the first start on.")
    elif found.moved:
        yield failure(
            "home",
            f"This database was restored or copied: {found.why}. Nothing is sent from it"
            f"{_held(session)}. Sign-ups are taken; their confirmations wait.",
            "If another server still sends from the original, leave this one as it is. If it "
            "shall go on here, run: digest doctor --accept-restore",
        )
    else:
        yield fine("home", "The database is where it lives: it was not restored or copied.")
    for part in found.unread:
        yield warning(
            "home",
            f"PostgreSQL does not tell this user its {part}, so that {LOST_BY_THAT[part]}.",
            f"As a superuser: {GRANTS[part]}",
        )


def _held(session: Session) -> str:
    held = session.scalar(select(Restore.held).where(Restore.accepted_at.is_(None)))
    if not held:
        return ""
    return ", and one issue is held" if len(held) == 1 else f", and {len(held)} issues are held"
