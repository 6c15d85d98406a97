"""A row that another process may write at the same moment."""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session


def add_unless_there(session: Session, row: object) -> bool:
    """Write a row now, and say whether it was: not where another has taken its place.

    What the transaction wrote before stays either way. On PostgreSQL it waits for another
    transaction that wrote such a row and has not ended yet.
    """
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True
