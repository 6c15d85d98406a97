"""Whether an address is one that must not be mailed."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.models import Suppression, blocks_mail


def is_suppressed(session: Session, mac: str | None) -> bool:
    """Tell whether a suppression in force stops mail to the address that `mac` stands for.

    `erased` does not: it blocks imports, not a reader who asks and confirms.
    """
    if mac is None:
        return False
    found = select(Suppression.id).where(Suppression.mac == mac, blocks_mail()).limit(1)
    return session.scalar(found) is not None
