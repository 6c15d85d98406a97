"""What the tick counts of an issue is what the ledger has, and stays so when mail comes back."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from digest.delivery.ledger.reporting import report
from digest.delivery.ledger.retention import fold_deliveries
from digest.delivery.ledger.totals import count_issues
from digest.delivery.ledger.watching import is_settled
from digest.models import (
    AcceptedMinute,
    Bounce,
    BounceKind,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
)
from tests.delivery.conftest import Press, readers
from tests.delivery.ledger.test_retention import ENDINGS
from tests.factories import NOW

SEVEN = datetime(2026, 11, 14, 7, 0, tzinfo=UTC)


def minutes(press: Press) -> dict[datetime, int]:
    with press.database.reading() as session:
        return {row.minute: row.readers for row in session.scalars(select(AcceptedMinute))}


def test_totals_are_those_of_the_ledger_now_and_after_it_is_folded(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(len(ENDINGS)))
    with press.database.transaction() as session:
        rows = session.scalars(select(Delivery).order_by(Delivery.subscriber_id)).all()
        for place, (row, (state, reason, code)) in enumerate(zip(rows, ENDINGS, strict=True)):
            row.state, row.reason, row.code = state, reason, code
            row.final_at = SEVEN + timedelta(seconds=40 * place)
        session.execute(update(Issue).values(state=IssueState.SENT, sent_at=SEVEN))
    count_issues(press.database, NOW)
    with press.database.reading() as session:
        issue = session.get_one(Issue, issue_id)
        live, counted = report(session, issue), report(session, issue, as_counted=True)
    assert counted == live
    assert counted.accepted == 4
    assert minutes(press) == {SEVEN: 2}

    # It comes back: its row has another moment now, but it was accepted when it was.
    with press.database.transaction() as session:
        first = session.scalars(select(Delivery).order_by(Delivery.subscriber_id).limit(1)).one()
        first.state, first.final_at = DeliveryState.BOUNCED, NOW
        bounce = {"issue_id": issue_id, "subscriber_id": first.subscriber_id, "at": NOW}
        session.add(Bounce(kind=BounceKind.PERMANENT, **bounce))
    count_issues(press.database, NOW + timedelta(minutes=1))
    with press.database.transaction() as session:
        counted = report(session, session.get_one(Issue, issue_id), as_counted=True)
        session.execute(update(Issue).values(watched_until=SEVEN))
    assert counted.counts[DeliveryState.BOUNCED] == 2
    assert minutes(press) == {SEVEN: 2}

    fold_deliveries(press.database, now=NOW + timedelta(366), months=12, go_on=lambda: True)
    with press.database.reading() as session:
        folded = report(session, session.get_one(Issue, issue_id))
    assert folded.counts == counted.counts
    assert folded.reasons == counted.reasons


def test_what_is_over_is_counted_no_more(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(2))

    def counted_at(later: timedelta) -> datetime | None:
        count_issues(press.database, NOW + later)
        return press.issue(issue_id).counted_at

    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    assert counted_at(minute) == NOW + minute
    assert counted_at(2 * minute) == NOW + 2 * minute, "it is being sent"
    # What was on the wire when it was paused has ended.
    with press.database.transaction() as session:
        session.execute(update(Delivery).values(state=DeliveryState.SENDING))
        session.execute(update(Issue).values(state=IssueState.PAUSED, counted_at=None))
    counted_at(2.1 * minute)
    with press.database.transaction() as session:
        session.execute(update(Delivery).values(state=DeliveryState.ACCEPTED))
    assert counted_at(2.2 * minute) == NOW + 2.2 * minute
    assert counted_at(2.3 * minute) == NOW + 2.2 * minute
    with press.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENT, sent_at=NOW + 2.5 * minute))
    assert counted_at(3 * minute) == NOW + 3 * minute, "its last rows have just ended"
    with press.database.transaction() as session:
        session.execute(update(Delivery).values(state=DeliveryState.IN_DOUBT))
    counted_at(12 * minute)
    assert counted_at(30 * minute) == NOW + 12 * minute
    assert counted_at(2 * hour) == NOW + 2 * hour, "what is in doubt may still move"
    with press.database.transaction() as session:
        session.execute(update(Delivery).values(state=DeliveryState.ACCEPTED))
    assert counted_at(4 * hour) == NOW + 4 * hour
    assert counted_at(6 * hour) == NOW + 4 * hour, "all of them have ended"
    with press.database.transaction() as session:
        session.execute(update(Delivery).values(state=DeliveryState.IN_DOUBT))
        session.execute(update(Issue).values(counted_at=None))
    assert counted_at(7 * hour) == NOW + 7 * hour
    with press.database.transaction() as session:
        session.execute(update(Issue).values(watched_until=SEVEN))
    assert counted_at(9 * hour) == NOW + 7 * hour


def test_only_what_cannot_move_any_more_is_settled(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(2))
    minute = timedelta(minutes=1)

    def settled() -> bool:
        with press.database.reading() as session:
            return is_settled(session, session.get_one(Issue, issue_id))

    count_issues(press.database, NOW + 9 * minute)
    assert not settled(), "it is being sent"
    with press.database.transaction() as session:
        session.execute(update(Delivery).values(state=DeliveryState.ACCEPTED, final_at=NOW))
        session.execute(update(Issue).values(state=IssueState.SENT, sent_at=NOW + 10 * minute))
    count_issues(press.database, NOW + 11 * minute)
    assert not settled(), "what was the last to be written down may not have been seen"
    count_issues(press.database, NOW + 19 * minute)
    assert settled()
    with press.database.transaction() as session:
        reader = session.scalars(select(Delivery.subscriber_id)).first()
        bounce = {"issue_id": issue_id, "subscriber_id": reader, "at": NOW + 30 * minute}
        session.add(Bounce(kind=BounceKind.PERMANENT, **bounce))
    assert not settled(), "mail has come back"
    count_issues(press.database, NOW + 31 * minute)
    count_issues(press.database, NOW + 39 * minute)
    assert settled()
    with press.database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENDING))
    assert not settled(), "it goes to others"
