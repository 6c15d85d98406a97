"""The words on the buttons behind a reader's link: shown by the page, and kept as evidence."""

from datetime import datetime

from sqlalchemy import func, select
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

TRIES = 5


def words_shown(session: Session, label: str, now: datetime) -> Wording | None:
    """Return the wording that stands for a button under the newest terms, made on its first use.

    None before any terms were published. Its number is negative: no form can send it, and none
    that looks for its own words finds it.
    """
    terms = session.scalar(select(Terms).order_by(Terms.version.desc()).limit(1))
    if terms is None:
        return None
    known = select(Wording).where(
        Wording.label == label, Wording.terms_id == terms.id, Wording.number < 0
    )
    for _ in range(TRIES):
        found = session.scalar(known.limit(1))
        if found is not None:
            return found
        lowest = session.scalar(select(func.min(Wording.number))) or 0
        savepoint = session.begin_nested()
        session.add(Wording(number=min(lowest, 0) - 1, label=label, terms=terms, created_at=now))
        try:
            savepoint.commit()
        except IntegrityError:
            # Another button was pressed for the first time at the same moment.
            savepoint.rollback()
    return None
