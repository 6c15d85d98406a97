"""Finding one reader by the address that somebody typed."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.addresses import seek_address
from digest.errors import NotFoundError
from digest.models import Subscriber
from digest.prose import ended


def find_reader(session: Session, email: str) -> Subscriber:
    """Return the subscriber with that address, in whatever way it is written.

    Raises:
        NotFoundError: nobody has it; says so where it is no address at all.
    """
    sought = seek_address(email)
    reader = session.scalar(select(Subscriber).where(Subscriber.email_key == sought.key))
    if reader is None:
        raise NotFoundError(ended(sought.flaw or "There is no subscriber with that address"))
    return reader
