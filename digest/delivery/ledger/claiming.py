"""The delivery ledger: every move of a row, each a conditional statement, committed by the caller.

    queued → claimed → sending → accepted | failed | in_doubt | queued again | excluded

Leases are measured by the database's clock. A worker may only move rows that bear its claim. One
that wakes after its lease finds its rows in doubt: it may still say what the relay told it, as
nobody else can, unless the rows were queued again meanwhile, when they bear its claim no longer.
docs/explanation/ledger.md tells why nothing is sent twice.
"""

import secrets
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Table,
    Update,
    case,
    exists,
    false,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from digest import home
from digest.database.tables import database_now
from digest.delivery.ledger import statements
from digest.delivery.relay.backoff import GIVE_UP_AFTER, TRIES_AT_LEAST, wait_before
from digest.delivery.relay.connection import Fate, Outcome
from digest.models import (
    ONCE_ACCEPTED,
    Attempt,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
)

# Others are sent to before those whom the relay would not take at this pace.
POSTPONED_SECONDS = 120.0
_NOTHING_SAID: dict[str, Any] = {"code": None, "enhanced": None, "reply": None}


class Recipient(NamedTuple):
    """One row of a window, with what its message needs. `reason` is why it may not be sent."""

    subscriber_id: int
    reason: str | None
    rendering_id: int
    subject: bytes
    email: str | None
    name: str | None
    token_id: bytes | None
    site: str | None
    started_at: datetime | None


def start_sending(session: Session, issue_id: int) -> bool:
    """Move a frozen issue to sending. Return whether it is now being sent."""
    session.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.state == IssueState.FROZEN)
        .values(state=IssueState.SENDING)
    )
    return session.execute(
        select(statements.still_sends(issue_id, home.at_home(session)))
    ).scalar_one()


def claim(session: Session, issue_id: int, *, size: int, lease_seconds: float) -> bytes | None:
    """Take up to `size` due rows for this worker. Return the claim, or None if none was due."""
    token = new_token()
    moved = statements.run(
        session,
        statements.claiming(statements.rows_of(session, issue_id), home.at_home(session), size),
        issue=issue_id,
        token=token,
        lease_seconds=float(lease_seconds),
    )
    return token if moved.all() else None


def new_token() -> bytes:
    """Return what a claim, or a window that is taken at once, shall be known by."""
    return secrets.token_bytes(16)


def take_window(
    session: Session, issue_id: int, token: bytes, *, size: int, lease_seconds: float, now: datetime
) -> int:
    """Move up to `size` due rows to sending under a new `token`: a claim and its window in one.

    As `open_window` in all else.
    """
    return _open(
        session, statements.taking, issue_id, token, size=size, lease_seconds=lease_seconds, now=now
    )


def open_window(
    session: Session, issue_id: int, token: bytes, *, size: int, lease_seconds: float, now: datetime
) -> int:
    """Move up to `size` claimed rows to sending, if the claim holds and the issue still sends.

    Subscription, pause and suppression are looked at again. Return how many rows left `claimed`;
    commit before the first byte leaves.
    """
    return _open(
        session,
        statements.opening,
        issue_id,
        token,
        size=size,
        lease_seconds=lease_seconds,
        now=now,
    )


def count_window(session: Session, issue_id: int, token: bytes) -> int:
    """Return how many rows of an open window bear this token."""
    rows = statements.rows_of(session, issue_id)
    found = statements.run(session, statements.counting(rows), issue=issue_id, token=token)
    return int(found.scalar_one())


def _open(
    session: Session,
    statement: Callable[[Table, ColumnElement[bool], int], Update],
    issue_id: int,
    token: bytes,
    *,
    size: int,
    lease_seconds: float,
    now: datetime,
) -> int:
    rows = statements.run(
        session,
        statement(statements.rows_of(session, issue_id), home.at_home(session), size),
        issue=issue_id,
        token=token,
        lease_seconds=float(lease_seconds),
        now=now,
    )
    moved = len(rows.all())
    if moved:
        home.raise_mark(session)
    return moved


def read_window(
    session: Session, issue_id: int, token: bytes, newsletter_id: int, now: datetime
) -> list[Recipient]:
    """Read who is in the open window, after its commit.

    Whoever left before that commit is seen to have left here, so that no lock on the reader's
    subscription is needed: their row comes with a reason, and must not be sent.
    """
    rows = statements.run(
        session,
        statements.reading(statements.rows_of(session, issue_id)),
        issue=issue_id,
        token=token,
        newsletter=newsletter_id,
        now=now,
    )
    # Two suppressions of one address would give the reader two rows.
    found = {row.subscriber_id: Recipient(*row) for row in rows}
    return list(found.values())


def record(session: Session, issue_id: int, token: bytes, outcomes: Iterable[Outcome]) -> None:
    """Write what came of a window. `Outcome.key` is the subscriber's id."""
    accepted = []
    for outcome in outcomes:
        if outcome.fate is Fate.ACCEPTED:
            accepted.append(outcome.key)
        elif outcome.fate is Fate.UNSENT:
            _requeue(session, issue_id, token, outcome)
        else:
            _record_failure(session, issue_id, token, outcome)
    if accepted:
        rows = statements.rows_of(session, issue_id)
        statements.run(
            session, statements.accepting(rows), issue=issue_id, token=token, readers=accepted
        )


def postpone(session: Session, issue_id: int, token: bytes, outcomes: Iterable[Outcome]) -> None:
    """Put off readers whom the relay would not take at this pace: that was no try of theirs.

    Others come first now. Only what is older than any row that is still tried is given up.
    """
    too_late = Delivery.released_at < database_now(-GIVE_UP_AFTER.total_seconds())
    given_back = statements.given_back(issue_id)
    failed = literal(DeliveryState.FAILED, Delivery.state.type)
    for outcome in outcomes:
        reply = outcome.reply
        session.execute(
            update(Delivery)
            .where(*_held(issue_id, token, outcome.key, statements.ON_THE_WIRE))
            .values(
                **given_back
                | {
                    "state": case((too_late, failed), else_=given_back["state"]),
                    "reason": case((too_late, "gave_up"), else_=None),
                    "final_at": case((too_late, database_now()), else_=given_back["final_at"]),
                    "next_attempt_at": database_now(POSTPONED_SECONDS),
                    "code": reply.code if reply else None,
                    "enhanced": reply.enhanced if reply else None,
                    "reply": reply.text if reply else None,
                }
            )
        )


def recall(session: Session, issue_id: int, readers: Sequence[Hashable]) -> None:
    """Queue readers again who were written down as refused, when it was not them that was meant."""
    if not readers:
        return
    session.execute(
        update(Delivery)
        .where(
            Delivery.issue_id == issue_id,
            Delivery.subscriber_id.in_(readers),
            Delivery.state == DeliveryState.FAILED,
            Delivery.reason == "refused",
        )
        .values(
            **statements.given_back(issue_id)
            | {
                "reason": None,
                "attempts": Delivery.attempts - 1,
                "next_attempt_at": database_now(),
                **_NOTHING_SAID,
            }
        )
        .execution_options(synchronize_session=False)
    )


def has_arrived(session: Session, issue_id: int) -> bool:
    """Say whether the relay has accepted this issue for anybody."""
    found = exists().where(Delivery.issue_id == issue_id, Delivery.state.in_(ONCE_ACCEPTED))
    return session.execute(select(found)).scalar_one()


def others_are_sending(session: Session, issue_id: int, token: bytes) -> bool:
    """Say whether a window of this issue is on the wire that is not the one called `token`."""
    found = exists().where(
        Delivery.issue_id == issue_id,
        Delivery.state == DeliveryState.SENDING,
        Delivery.claim != token,
    )
    return session.execute(select(found)).scalar_one()


def exclude(session: Session, issue_id: int, token: bytes, readers: Sequence[Recipient]) -> None:
    """Close the rows of an open window whose readers left before it was committed."""
    for reader in readers:
        session.execute(
            update(Delivery)
            .where(*_held(issue_id, token, reader.subscriber_id, statements.ON_THE_WIRE))
            .values(
                state=DeliveryState.EXCLUDED,
                reason=reader.reason,
                final_at=database_now(),
                lease_until=None,
                **_NOTHING_SAID,
            )
        )


def release(session: Session, issue_id: int, token: bytes) -> None:
    """Give back what is claimed and was not put on the wire."""
    rows = statements.rows_of(session, issue_id)
    claimed = statements.releasing(rows, DeliveryState.CLAIMED)
    statements.run(session, claimed, issue=issue_id, token=token)


def take_back(session: Session, issue_id: int, token: bytes) -> None:
    """Give back what was put in doubt of a window of which nothing was sent.

    `token` is of that window alone: what another has in doubt may have arrived.
    """
    rows = statements.rows_of(session, issue_id)
    in_doubt = statements.releasing(rows, DeliveryState.IN_DOUBT)
    statements.run(session, in_doubt, issue=issue_id, token=token)


def _held(
    issue_id: int, token: bytes, subscriber_id: object, states: Sequence[DeliveryState]
) -> tuple[ColumnElement[bool], ...]:
    return (
        Delivery.issue_id == issue_id,
        Delivery.subscriber_id == subscriber_id,
        Delivery.claim == token,
        Delivery.state.in_(states),
    )


def _requeue(session: Session, issue_id: int, token: bytes, outcome: Outcome) -> None:
    session.execute(
        update(Delivery)
        .where(*_held(issue_id, token, outcome.key, statements.ON_THE_WIRE))
        .values(**statements.given_back(issue_id), next_attempt_at=database_now())
    )


def _record_failure(session: Session, issue_id: int, token: bytes, outcome: Outcome) -> None:
    # What is in doubt is so once: the same words written down again change nothing.
    states = statements.ON_THE_WIRE[:1] if outcome.fate is Fate.IN_DOUBT else statements.ON_THE_WIRE
    held = _held(issue_id, token, outcome.key, states)
    attempts = session.execute(select(Delivery.attempts).where(*held)).scalar_one_or_none()
    if attempts is None:
        return
    reply = outcome.reply
    said: dict[str, Any] = {
        "code": reply.code if reply else None,
        "enhanced": reply.enhanced if reply else None,
        "reply": reply.text if reply else outcome.reason[:500] or None,
    }
    session.execute(
        update(Delivery)
        .where(*held)
        .values(
            attempts=attempts + 1, **said, **_after_failure(issue_id, outcome.fate, attempts + 1)
        )
    )
    session.execute(
        insert(Attempt).values(
            issue_id=issue_id,
            subscriber_id=outcome.key,
            at=database_now(),
            outcome=outcome.fate.value,
            stage=outcome.stage,
            **said,
        )
    )


def _after_failure(issue_id: int, fate: Fate, attempts: int) -> dict[str, Any]:
    if fate is Fate.IN_DOUBT:
        # The claim and its lease stay: by them the holder may still say that it was accepted.
        return {"state": DeliveryState.IN_DOUBT}
    if fate is Fate.REFUSED:
        return {
            "state": DeliveryState.FAILED,
            "reason": "refused",
            "final_at": database_now(),
            "lease_until": None,
        }
    wait = wait_before(attempts)
    too_late = (
        Delivery.released_at < database_now(wait - GIVE_UP_AFTER.total_seconds())
        if attempts >= TRIES_AT_LEAST
        else false()
    )
    given_back = statements.given_back(issue_id)
    failed = literal(DeliveryState.FAILED, Delivery.state.type)
    return {
        **given_back,
        "state": case((too_late, failed), else_=given_back["state"]),
        "reason": case((too_late, "gave_up"), else_=None),
        "final_at": case((too_late, database_now()), else_=given_back["final_at"]),
        "next_attempt_at": database_now(wait),
    }
