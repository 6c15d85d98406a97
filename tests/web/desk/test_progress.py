"""What the page of an issue on its way says, and what it reads for that."""

from datetime import timedelta

from sqlalchemy import delete, update

from digest.database.transactions import Database
from digest.delivery.ledger.totals import count_issues
from digest.models import Delivery, DeliveryState, Issue, IssueState
from digest.web.desk.progress import progress_of
from tests.delivery.conftest import Press, readers
from tests.factories import NOW, make_settings


def test_of_what_is_settled_no_delivery_is_read(database: Database, database_url: str) -> None:
    press = Press(database, make_settings(database_url))
    issue_id = press.frozen_issue(*readers(3))
    with database.transaction() as session:
        session.execute(update(Delivery).values(state=DeliveryState.ACCEPTED, final_at=NOW))
        session.execute(update(Issue).values(state=IssueState.SENT, sent_at=NOW))
    count_issues(database, NOW + timedelta(minutes=9))

    def sentence() -> str:
        with database.reading() as session:
            return progress_of(session, session.get_one(Issue, issue_id), NOW).sentence

    assert sentence() == "3 of 3 accepted"
    with database.transaction() as session:
        session.execute(delete(Delivery))
    assert sentence() == "3 of 3 accepted", "it was counted"
    with database.transaction() as session:
        session.execute(update(Issue).values(counted_at=None))
    assert sentence() == "0 of 3 accepted", "a person has changed something: it is counted anew"
