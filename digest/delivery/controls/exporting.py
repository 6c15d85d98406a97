"""The list of those who did not get an issue, each with the reason."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from digest.models import OPEN, Delivery, DeliveryState, Subscriber
from digest.spreadsheet import csv_cell, csv_line

MISSED = (
    DeliveryState.FAILED,
    DeliveryState.BOUNCED,
    DeliveryState.EXCLUDED,
    DeliveryState.CANCELLED,
    DeliveryState.IN_DOUBT,
    *OPEN,
)
IN_WORDS = {
    "refused": "The relay refused this reader, or the message to them, for good.",
    "gave_up": "It was tried for 48 hours, and put off each time.",
    "left": "The reader had left before their turn came.",
    "paused": "The reader had paused.",
    "suppressed": "The address must not be mailed.",
    "erased": "The reader was erased.",
    DeliveryState.BOUNCED: "The relay accepted it, and it came back.",
    DeliveryState.CANCELLED: "The issue was cancelled before their turn came.",
    DeliveryState.IN_DOUBT: "The relay was handed it and never answered: it may have arrived.",
    DeliveryState.QUEUED: "It is still to be sent.",
    DeliveryState.CLAIMED: "It is about to be sent.",
    DeliveryState.SENDING: "It is on the wire.",
}
PUT_OFF = "The relay put it off; it is tried again."


@dataclass(frozen=True, slots=True)
class MissedRow:
    """One line of the list. `reader` is their public reference, which outlives an erasure.

    `at` is when it was settled; of one in doubt, when nobody was left to hear the answer.
    """

    email: str | None
    reader: str
    state: str
    reason: str
    code: int | None
    enhanced_code: str | None
    reply: str | None
    attempts: int
    at: datetime | None
    next_attempt_at: datetime | None


COLUMNS = tuple(field.name for field in fields(MissedRow))


def list_missed(session: Session, issue_id: int) -> Iterator[MissedRow]:
    """Yield everyone whom an issue has not reached, for all that is known; read as they are asked.

    Addresses are those of this moment: who was erased has none.
    """
    rows = session.execute(
        select(
            Subscriber.email,
            Subscriber.subject,
            Delivery.state,
            Delivery.reason,
            Delivery.code,
            Delivery.enhanced,
            Delivery.reply,
            Delivery.attempts,
            Delivery.final_at,
            Delivery.lease_until,
            Delivery.next_attempt_at,
        )
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(_missed(issue_id))
        .order_by(Delivery.subscriber_id)
        .execution_options(yield_per=1000)
    )
    for row in rows:
        yield MissedRow(
            email=row.email,
            reader=row.subject.hex(),
            state=row.state.value,
            reason=_reason(row.state, row.reason, row.attempts),
            code=row.code,
            enhanced_code=row.enhanced,
            reply=row.reply,
            attempts=row.attempts,
            at=row.lease_until if row.state is DeliveryState.IN_DOUBT else row.final_at,
            next_attempt_at=row.next_attempt_at if row.state is DeliveryState.QUEUED else None,
        )


def count_missed(session: Session, issue_id: int) -> int:
    """Return how many `list_missed` yields: for a progress bar."""
    return session.scalar(select(func.count()).select_from(Delivery).where(_missed(issue_id))) or 0


def csv_lines(rows: Iterator[MissedRow]) -> Iterator[str]:
    """Yield a CSV file (RFC 4180) line by line, safe to open in a spreadsheet."""
    yield csv_line(COLUMNS)
    for row in rows:
        yield csv_line([csv_cell(getattr(row, column)) for column in COLUMNS])


def _missed(issue_id: int) -> ColumnElement[bool]:
    return (Delivery.issue_id == issue_id) & Delivery.state.in_(MISSED)


def _reason(state: DeliveryState, reason: str | None, attempts: int) -> str:
    if state is DeliveryState.QUEUED and attempts:
        return PUT_OFF
    return IN_WORDS.get(reason or state, reason or state)
