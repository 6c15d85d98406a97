"""The delivery ledger: every move of a row, each a conditional statement, committed by the caller.

    queued → claimed → sending → accepted | failed | in_doubt | queued again | excluded

Leases are measured by the database's clock. A worker may only move rows that bear its claim. One
that wakes after its lease finds its rows in doubt: it may still say what the relay told it, as
nobody else can, unless the rows were queued again meanwhile, when they bear its claim no longer.
docs/explanation/ledger.md tells why nothing is sent twice.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Executable,
    Float,
    Integer,
    Select,
    Table,
    Update,
    and_,
    bindparam,
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
from digest.database import database_now
from digest.delivery.backoff import GIVE_UP_AFTER, TRIES_AT_LEAST, wait_before
from digest.delivery.smtp import Fate, Outcome
from digest.models import (
    Attempt,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Subscriber,
    Subscription,
    Suppression,
    blocks_mail,
    reason_not_to_mail,
)

# Where a worker's rows may be when it writes down what came of them: after the lease in doubt.
ON_THE_WIRE = (DeliveryState.SENDING, DeliveryState.IN_DOUBT)
# How many forms of “the database is at home” one process may meet.
KINDS = 8
_NOTHING_SAID: dict[str, Any] = {"code": None, "enhanced": None, "reply": None}


@dataclass(frozen=True, slots=True)
class Recipient:
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
    return session.execute(select(_still_sends(issue_id, home.at_home(session)))).scalar_one()


def claim(
    session: Session, issue_id: int, *, size: int, lease_seconds: float, now: datetime
) -> bytes | None:
    """Take up to `size` due rows for this worker. Return the claim, or None if none was due.

    Rows of readers who may not be mailed become excluded instead.
    """
    token = secrets.token_bytes(16)
    moved = _run(
        session,
        _claiming(home.at_home(session)),
        issue=issue_id,
        token=token,
        size=size,
        lease_seconds=float(lease_seconds),
        now=now,
    )
    return token if moved.all() else None


def open_window(
    session: Session, issue_id: int, token: bytes, *, size: int, lease_seconds: float, now: datetime
) -> int:
    """Move up to `size` claimed rows to sending, if the claim holds and the issue still sends.

    Subscription, pause and suppression are looked at again. Return how many rows left `claimed`;
    commit before the first byte leaves.
    """
    rows = _run(
        session,
        _opening(home.at_home(session)),
        issue=issue_id,
        token=token,
        size=size,
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
    rows = _run(session, _reading(), issue=issue_id, token=token, newsletter=newsletter_id, now=now)
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
        _run(session, _accepting(), issue=issue_id, token=token, readers=accepted)


def exclude(session: Session, issue_id: int, token: bytes, readers: Sequence[Recipient]) -> None:
    """Close the rows of an open window whose readers left before it was committed."""
    for reader in readers:
        session.execute(
            update(Delivery)
            .where(*_held(issue_id, token, reader.subscriber_id, ON_THE_WIRE))
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
    session.execute(
        update(Delivery)
        .where(
            Delivery.issue_id == issue_id,
            Delivery.claim == token,
            Delivery.state == DeliveryState.CLAIMED,
        )
        .values(**_given_back(issue_id))
    )


def standing(issue_id: int, now: datetime) -> Select[int, DeliveryState, str | None, str | None]:
    """Select the rows of an issue with `why_not`: why their readers may not be mailed now, or NULL.

    By the claim's own rule. A reader whose address is suppressed twice comes twice.
    """
    return (
        select(
            Delivery.subscriber_id, Delivery.state, Delivery.reason, _why_not(now).label("why_not")
        )
        .join(Issue, Issue.id == Delivery.issue_id)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .outerjoin(Subscription, _active_period(Issue.newsletter_id))
        .outerjoin(Suppression, _in_force())
        .where(Delivery.issue_id == issue_id)
    )


def _still_sends(
    issue_id: int | ColumnElement[int], at_home: ColumnElement[bool]
) -> ColumnElement[bool]:
    # Read, not locked: workers that take turns at a shared lock keep whoever pauses waiting until
    # the issue is sent. A window that is opening while the issue is paused counts as open.
    return exists().where(Issue.id == issue_id, Issue.state == IssueState.SENDING) & at_home


def _is_cancelled(issue_id: int) -> ColumnElement[bool]:
    return exists().where(Issue.id == issue_id, Issue.state == IssueState.CANCELLED)


def _given_back(issue_id: int) -> dict[str, Any]:
    """Where a row goes that was not handed over: to the queue, or out with its issue."""
    cancelled = _is_cancelled(issue_id)
    return {
        "state": case(
            (cancelled, literal(DeliveryState.CANCELLED, Delivery.state.type)),
            else_=literal(DeliveryState.QUEUED, Delivery.state.type),
        ),
        "final_at": case((cancelled, database_now()), else_=None),
        "claim": None,
        "lease_until": None,
    }


# The statements that every window runs are built once, and say what they need by these names: to
# build one takes longer than to run it. Of the table, for an update of a class would be made over
# each time.
_TABLE = cast(Table, Delivery.__table__)
_ISSUE = bindparam("issue", type_=Delivery.issue_id.type)
_TOKEN = bindparam("token", type_=Delivery.claim.type)
_SIZE = bindparam("size", type_=Integer())
_LEASE_SECONDS = bindparam("lease_seconds", type_=Float())
_NEWSLETTER = bindparam("newsletter", type_=Issue.newsletter_id.type)
_NOW = bindparam("now", type_=Delivery.released_at.type)


def _run(
    session: Session, statement: Executable, **values: object
) -> CursorResult[*tuple[Any, ...]]:
    return session.connection().execute(statement, values)


@lru_cache(KINDS)
def _claiming(at_home: ColumnElement[bool]) -> Update:
    due = (
        select(Delivery.subscriber_id)
        .where(
            Delivery.issue_id == _ISSUE,
            Delivery.state == DeliveryState.QUEUED,
            Delivery.next_attempt_at <= database_now(),
            _still_sends(_ISSUE, at_home),
        )
        .order_by(Delivery.next_attempt_at)
        .limit(_SIZE)
        .with_for_update(skip_locked=True)
    )
    return _moving_if_mailable(due, DeliveryState.CLAIMED)


@lru_cache(KINDS)
def _opening(at_home: ColumnElement[bool]) -> Update:
    ours = (
        select(Delivery.subscriber_id)
        .where(
            Delivery.issue_id == _ISSUE,
            Delivery.claim == _TOKEN,
            Delivery.state == DeliveryState.CLAIMED,
            Delivery.lease_until > database_now(),
            _still_sends(_ISSUE, at_home),
        )
        .limit(_SIZE)
        .with_for_update(skip_locked=True)
    )
    return _moving_if_mailable(ours, DeliveryState.SENDING)


@lru_cache(1)
def _reading() -> Executable:
    return (
        select(
            Delivery.subscriber_id,
            _why_not(_NOW).label("reason"),
            Delivery.rendering_id,
            Subscriber.subject,
            Subscriber.email,
            Subscriber.name,
            Subscription.token_id,
            Subscription.site,
            Subscription.started_at,
        )
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .outerjoin(Subscription, _active_period(_NEWSLETTER))
        .outerjoin(Suppression, _in_force())
        .where(
            Delivery.issue_id == _ISSUE,
            Delivery.claim == _TOKEN,
            Delivery.state == DeliveryState.SENDING,
        )
    )


@lru_cache(1)
def _accepting() -> Update:
    return (
        update(_TABLE)
        .where(
            Delivery.issue_id == _ISSUE,
            Delivery.subscriber_id.in_(bindparam("readers", expanding=True)),
            Delivery.claim == _TOKEN,
            Delivery.state.in_(ON_THE_WIRE),
        )
        .values(
            state=DeliveryState.ACCEPTED,
            attempts=Delivery.attempts + 1,
            final_at=database_now(),
            lease_until=None,
            code=250,
            enhanced=None,
            reply=None,
        )
    )


def _moving_if_mailable(readers: Select[int], state: DeliveryState) -> Update:
    """Move the rows of `readers` to `state`, or to excluded with the reason."""
    # A CTE with FOR UPDATE is run once, where a subquery might be run again and lock more rows.
    picked = readers.cte("picked")
    newsletter_id = select(Issue.newsletter_id).where(Issue.id == _ISSUE).scalar_subquery()
    judged = (
        select(picked.c.subscriber_id, _why_not(_NOW).label("reason"))
        .join(Subscriber, Subscriber.id == picked.c.subscriber_id)
        .outerjoin(Subscription, _active_period(newsletter_id))
        .outerjoin(Suppression, _in_force())
        .cte("judged")
    )
    mailable = judged.c.reason.is_(None)
    return (
        update(_TABLE)
        .where(
            Delivery.issue_id == _ISSUE,
            Delivery.subscriber_id == judged.c.subscriber_id,
        )
        .values(
            state=case(
                (mailable, literal(state, Delivery.state.type)),
                else_=literal(DeliveryState.EXCLUDED, Delivery.state.type),
            ),
            reason=judged.c.reason,
            claim=_TOKEN,
            lease_until=case((mailable, database_now(_LEASE_SECONDS)), else_=None),
            final_at=case((mailable, None), else_=database_now()),
            code=case((mailable, Delivery.code), else_=None),
            enhanced=case((mailable, Delivery.enhanced), else_=None),
            reply=case((mailable, Delivery.reply), else_=None),
        )
        # Python's sqlite3 counts no rows of an update that begins with WITH.
        .returning(_TABLE.c.subscriber_id)
    )


def _active_period(newsletter_id: object) -> ColumnElement[bool]:
    # The period that is active now, not the one at freeze: who left and came back is a reader.
    return and_(
        Subscription.subscriber_id == Subscriber.id,
        Subscription.newsletter_id == newsletter_id,
        Subscription.ended_at.is_(None),
    )


def _in_force() -> ColumnElement[bool]:
    return and_(Suppression.mac == Subscriber.suppression_mac, blocks_mail())


def _why_not(now: datetime | ColumnElement[datetime]) -> ColumnElement[str | None]:
    return case((Subscriber.erased_at.is_not(None), "erased"), else_=reason_not_to_mail(now))


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
        .where(*_held(issue_id, token, outcome.key, ON_THE_WIRE))
        .values(**_given_back(issue_id), next_attempt_at=database_now())
    )


def _record_failure(session: Session, issue_id: int, token: bytes, outcome: Outcome) -> None:
    # What is in doubt is so once: the same words written down again change nothing.
    states = ON_THE_WIRE[:1] if outcome.fate is Fate.IN_DOUBT else ON_THE_WIRE
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
    given_back = _given_back(issue_id)
    failed = literal(DeliveryState.FAILED, Delivery.state.type)
    return {
        **given_back,
        "state": case((too_late, failed), else_=given_back["state"]),
        "reason": case((too_late, "gave_up"), else_=None),
        "final_at": case((too_late, database_now()), else_=given_back["final_at"]),
        "next_attempt_at": database_now(wait),
    }
