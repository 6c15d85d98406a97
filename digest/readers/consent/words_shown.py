"""The words on the buttons behind a reader's link: shown by the page, and kept as evidence."""

import hashlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.models import Terms, Wording

FOUR_WEEKS = "Take a break for four weeks"
THREE_MONTHS = "Take a break for three months"
UNTIL_A_DATE = "Take a break until the day that I choose"
RESUME = "Start it again now"
LEAVE = "Unsubscribe"
PAUSE_INSTEAD = "Pause for four weeks instead"
UNDO = "That was a mistake, put me back"
TOPICS = "Topics that you care about"
LANGUAGE = "Language"
NEW_ADDRESS = "Yes, use this address"


def words_shown(session: Session, label: str, now: datetime) -> Wording | None:
    """Return the wording that stands for a button under the newest terms, made on its first use.

    None before any terms were published.
    """
    terms = session.scalar(select(Terms).order_by(Terms.version.desc()).limit(1))
    if terms is None:
        return None
    known = select(Wording).where(Wording.number == number_of(label, terms.version))
    found = session.scalar(known)
    if found is not None:
        return found
    savepoint = session.begin_nested()
    made = Wording(number=number_of(label, terms.version), label=label, terms=terms, created_at=now)
    session.add(made)
    try:
        savepoint.commit()
    except IntegrityError:
        # Somebody else pressed it for the first time at the same moment.
        savepoint.rollback()
        return session.scalars(known).one()
    return made


def number_of(label: str, version: int) -> int:
    """Return a button's number: the same for the same words and terms, so that it is made once.

    It is negative: no form can send it, and none that looks for its own words finds it.
    """
    digest = hashlib.sha256(f"{version}\n{label}".encode()).digest()
    return -1 - (int.from_bytes(digest[:6], "big") >> 1)
