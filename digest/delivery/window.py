"""The statements that every window runs, built once; and who may be mailed, as they ask it.

To build one takes longer than to run it, so they say what they need by the names of parameters.
"""

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
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from digest.database import database_now
from digest.models import (
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

# Of the table, for an update of a class would be made over each time.
_TABLE = cast(Table, Delivery.__table__)
_ISSUE = bindparam("issue", type_=Delivery.issue_id.type)
_TOKEN = bindparam("token", type_=Delivery.claim.type)
_SIZE = bindparam("size", type_=Integer())
_LEASE_SECONDS = bindparam("lease_seconds", type_=Float())
_NEWSLETTER = bindparam("newsletter", type_=Issue.newsletter_id.type)
_NOW = bindparam("now", type_=Delivery.released_at.type)


def run(
    session: Session, statement: Executable, **values: object
) -> CursorResult[*tuple[Any, ...]]:
    """Run one of these statements with its parameters."""
    return session.connection().execute(statement, values)


@lru_cache(KINDS)
def claiming(at_home: ColumnElement[bool]) -> Update:
    """Claim due rows: `issue`, `token`, `size`, `lease_seconds`, `now`."""
    due = (
        select(Delivery.subscriber_id)
        .where(
            Delivery.issue_id == _ISSUE,
            Delivery.state == DeliveryState.QUEUED,
            Delivery.next_attempt_at <= database_now(),
            still_sends(_ISSUE, at_home),
        )
        .order_by(Delivery.next_attempt_at)
        .limit(_SIZE)
        .with_for_update(skip_locked=True)
    )
    return _moving_if_mailable(due, DeliveryState.CLAIMED)


@lru_cache(KINDS)
def opening(at_home: ColumnElement[bool]) -> Update:
    """Move claimed rows to sending: `issue`, `token`, `size`, `lease_seconds`, `now`."""
    ours = (
        select(Delivery.subscriber_id)
        .where(
            Delivery.issue_id == _ISSUE,
            Delivery.claim == _TOKEN,
            Delivery.state == DeliveryState.CLAIMED,
            Delivery.lease_until > database_now(),
            still_sends(_ISSUE, at_home),
        )
        .limit(_SIZE)
        .with_for_update(skip_locked=True)
    )
    return _moving_if_mailable(ours, DeliveryState.SENDING)


@lru_cache(1)
def reading() -> Executable:
    """Select what the messages of a window need: `issue`, `token`, `newsletter`, `now`."""
    return (
        select(
            Delivery.subscriber_id,
            why_not(_NOW).label("reason"),
            Delivery.rendering_id,
            Subscriber.subject,
            Subscriber.email,
            Subscriber.name,
            Subscription.token_id,
            Subscription.site,
            Subscription.started_at,
        )
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .outerjoin(Subscription, active_period(_NEWSLETTER))
        .outerjoin(Suppression, in_force())
        .where(
            Delivery.issue_id == _ISSUE,
            Delivery.claim == _TOKEN,
            Delivery.state == DeliveryState.SENDING,
        )
    )


@lru_cache(1)
def accepting() -> Update:
    """Write down what the relay accepted: `issue`, `token`, `readers`."""
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
        select(picked.c.subscriber_id, why_not(_NOW).label("reason"))
        .join(Subscriber, Subscriber.id == picked.c.subscriber_id)
        .outerjoin(Subscription, active_period(newsletter_id))
        .outerjoin(Suppression, in_force())
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


def active_period(newsletter_id: object) -> ColumnElement[bool]:
    """Join a reader's period of a newsletter that is active now."""
    # The period that is active now, not the one at freeze: who left and came back is a reader.
    return and_(
        Subscription.subscriber_id == Subscriber.id,
        Subscription.newsletter_id == newsletter_id,
        Subscription.ended_at.is_(None),
    )


def in_force() -> ColumnElement[bool]:
    """Join a suppression that blocks mail to the reader."""
    return and_(Suppression.mac == Subscriber.suppression_mac, blocks_mail())


def why_not(now: datetime | ColumnElement[datetime]) -> ColumnElement[str | None]:
    """Return why a reader may not be mailed, NULL where they may; for a statement so joined."""
    return case((Subscriber.erased_at.is_not(None), "erased"), else_=reason_not_to_mail(now))


def still_sends(
    issue_id: int | ColumnElement[int], at_home: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Return the condition that an issue is being sent, from a database that is at home."""
    # Read, not locked: workers that take turns at a shared lock keep whoever pauses waiting until
    # the issue is sent. A window that is opening while the issue is paused counts as open.
    return exists().where(Issue.id == issue_id, Issue.state == IssueState.SENDING) & at_home


def standing(issue_id: int, now: datetime) -> Select[int, DeliveryState, str | None, str | None]:
    """Select the rows of an issue with `why_not`: why their readers may not be mailed now, or NULL.

    By the claim's own rule. A reader whose address is suppressed twice comes twice.
    """
    return (
        select(
            Delivery.subscriber_id, Delivery.state, Delivery.reason, why_not(now).label("why_not")
        )
        .join(Issue, Issue.id == Delivery.issue_id)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .outerjoin(Subscription, active_period(Issue.newsletter_id))
        .outerjoin(Suppression, in_force())
        .where(Delivery.issue_id == issue_id)
    )
