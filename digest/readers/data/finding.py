"""Finding one reader by the address that somebody typed."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.addresses import AddressError, parse_address
from digest.errors import NotFoundError
from digest.models import Subscriber


def find_reader(session: Session, email: str) -> Subscriber:
    """Return the subscriber with that address, in whatever way it is written.

    Raises:
        NotFoundError: nobody has it, or it is no address at all.
    """
    try:
        key = parse_address(email).key
    except AddressError as error:
        raise NotFoundError(f"{error}.") from None
    reader = session.scalar(select(Subscriber).where(Subscriber.email_key == key))
    if reader is None:
        raise NotFoundError("There is no subscriber with that address.")
    return reader
