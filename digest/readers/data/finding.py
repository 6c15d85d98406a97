"""Finding one reader by the address that somebody typed."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.addresses import AddressError, parse_address
from digest.errors import NotFoundError
from digest.models import Subscriber
from digest.prose import ended


def find_key(email: str) -> str:
    """Return the key of an address, in whatever way it is written; raises nothing for none."""
    try:
        return parse_address(email).key
    except AddressError:
        # It may be at a name of the publisher's own network.
        return email.strip().lower()


def find_reader(session: Session, email: str) -> Subscriber:
    """Return the subscriber with that address, in whatever way it is written.

    Raises:
        NotFoundError: nobody has it, or it is no address at all.
    """
    try:
        key = parse_address(email).key
    except AddressError as error:
        # It may be at a name of the publisher's own network.
        key, why = email.strip().lower(), ended(str(error))
    else:
        why = "There is no subscriber with that address."
    reader = session.scalar(select(Subscriber).where(Subscriber.email_key == key))
    if reader is None:
        raise NotFoundError(why)
    return reader
