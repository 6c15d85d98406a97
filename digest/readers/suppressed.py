"""Whether an address is one that must not be mailed; how it becomes one, and ceases to be."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from digest.models import Suppression, SuppressionReason, blocks_mail


def is_suppressed(session: Session, mac: str | None) -> bool:
    """Tell whether a suppression in force stops mail to the address that `mac` stands for.

    `erased` does not: it blocks imports, not a reader who asks and confirms.
    """
    if mac is None:
        return False
    found = select(Suppression.id).where(Suppression.mac == mac, blocks_mail()).limit(1)
    return session.scalar(found) is not None


def suppress(session: Session, mac: str, reason: SuppressionReason, *, now: datetime) -> None:
    """Let the address that `mac` stands for not be mailed, unless it is so for that reason."""
    known = select(Suppression.id).where(
        Suppression.mac == mac, Suppression.reason == reason, Suppression.lifted_at.is_(None)
    )
    if session.scalar(known.limit(1)) is None:
        session.add(Suppression(mac=mac, reason=reason, created_at=now))


def lifted_since(
    session: Session, mac: str | None, reason: SuppressionReason, since: datetime
) -> bool:
    """Tell whether a person has lifted a suppression of that reason after a moment."""
    found = select(Suppression.id).where(
        Suppression.mac == mac, Suppression.reason == reason, Suppression.lifted_at > since
    )
    return session.scalar(found.limit(1)) is not None


def lift_suppressions(session: Session, mac: str | None, by: str, *, now: datetime) -> bool:
    """Let the address be mailed again; return whether anything stopped it. `erased` stays."""
    lifted = session.execute(
        update(Suppression)
        .where(Suppression.mac == mac, blocks_mail())
        .values(lifted_at=now, lifted_by=by)
        .returning(Suppression.id)
        .execution_options(synchronize_session=False)
    )
    return bool(lifted.all())
