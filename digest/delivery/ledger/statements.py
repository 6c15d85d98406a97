"""The statements that every window runs, built once; and who may be mailed, as they ask it.

To build one takes longer than to run it, so they say what they need by the names of parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    BindParameter,
    ClauseElement,
    ColumnElement,
    CursorResult,
    Dialect,
    Executable,
    Float,
    Integer,
    MetaData,
    Select,
    Table,
    Update,
    and_,
    any_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Session

from digest.database.spelling import spell
from digest.database.tables import database_now
from digest.database.transactions import HeldDatabase
from digest.delivery.ledger import partitions
from digest.models import (
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Rendering,
    Subscriber,
    Subscription,
    Suppression,
    blocks_mail,
    reason_not_to_mail,
)

# Where a worker's rows may be when it writes down what came of them: after the lease in doubt.
ON_THE_WIRE = (DeliveryState.SENDING, DeliveryState.IN_DOUBT)
# So many statements of each kind a process keeps: pacing varies their sizes.
KEPT = 64

_WHOLE = cast(Table, Delivery.__table__)
_ISSUE = bindparam("issue", type_=Delivery.issue_id.type)
_TOKEN = bindparam("token", type_=Delivery.claim.type)
_LEASE_SECONDS = bindparam("lease_seconds", type_=Float())
_NEWSLETTER = bindparam("newsletter", type_=Issue.newsletter_id.type)
_NOW = bindparam("now", type_=Delivery.released_at.type)
_READERS = bindparam("readers", type_=ARRAY(BigInteger()))
_READERS_ONE_BY_ONE: BindParameter[Any] = bindparam("readers", expanding=True)


@dataclass(frozen=True)
class Plain:
    """A statement in PostgreSQL's own words, for `HeldDatabase.run`, and what is constant in it."""

    text: str
    constants: Mapping[str, object]

    def run(self, held: HeldDatabase, **values: object) -> list[tuple[Any, ...]]:
        """Run it as a transaction of its own."""
        return held.run(self.text, {**self.constants, **values})


@lru_cache(4 * KEPT)
def plain(statement: ClauseElement, dialect: Dialect) -> Plain:
    """Spell a statement out."""
    spelt = spell(statement, dialect)
    return Plain(spelt.text, spelt.constants)


def run(
    session: Session, statement: Executable, **values: object
) -> CursorResult[*tuple[Any, ...]]:
    """Run one of these statements with its parameters."""
    return session.connection().execute(statement, values)


@lru_cache(KEPT)
def claiming(rows: Table, at_home: ColumnElement[bool], size: int) -> Update:
    """Claim up to `size` due rows: `issue`, `token`, `lease_seconds`.

    Who may not be mailed is claimed as well: the window looks, and its look is what counts.
    """
    due = _due(rows, at_home, size)
    return (
        update(rows)
        .where(rows.c.issue_id == _ISSUE, rows.c.subscriber_id == due.c.subscriber_id)
        .values(
            state=_said(DeliveryState.CLAIMED),
            claim=_TOKEN,
            lease_until=database_now(_LEASE_SECONDS),
        )
        # Python's sqlite3 counts no rows of an update that begins with WITH.
        .returning(rows.c.subscriber_id)
    )


@lru_cache(KEPT)
def taking(rows: Table, at_home: ColumnElement[bool], size: int) -> Update:
    """Move due rows to sending, or to excluded with the reason: with the values of `opening`."""
    due = _due(rows, at_home, size)
    return _moving_if_mailable(rows, due, rows.c.issue_id == _ISSUE)


@lru_cache(KEPT)
def opening(rows: Table, at_home: ColumnElement[bool], size: int) -> Update:
    """Move up to `size` claimed rows to sending, or to excluded with the reason: `issue`, `token`,
    `lease_seconds`, `now`."""
    held = and_(
        rows.c.issue_id == _ISSUE,
        rows.c.claim == _TOKEN,
        _is(rows, DeliveryState.CLAIMED),
        rows.c.lease_until > database_now(),
    )
    ours = (
        select(rows.c.subscriber_id)
        .where(held, still_sends(_ISSUE, at_home))
        .limit(_written(size))
        .cte("picked")
    )
    # Asked again of the row that is moved: another may have moved it since it was picked.
    return _moving_if_mailable(rows, ours, held)


def _due(rows: Table, at_home: ColumnElement[bool], size: int) -> CTE:
    # A CTE with FOR UPDATE is run once, where a subquery might be run again and lock more rows.
    return (
        select(rows.c.subscriber_id)
        .where(
            rows.c.issue_id == _ISSUE,
            _is(rows, DeliveryState.QUEUED),
            rows.c.next_attempt_at <= database_now(),
            still_sends(_ISSUE, at_home),
        )
        .order_by(rows.c.next_attempt_at)
        .limit(_written(size))
        .with_for_update(skip_locked=True)
        .cte("due")
    )


def _moving_if_mailable(rows: Table, picked: CTE, held: ColumnElement[bool]) -> Update:
    """Move the rows `picked` that are still `held` to sending, or to excluded with the reason."""
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
        update(rows)
        .where(held, rows.c.subscriber_id == judged.c.subscriber_id)
        .values(
            state=case(
                (mailable, _said(DeliveryState.SENDING)), else_=_said(DeliveryState.EXCLUDED)
            ),
            reason=judged.c.reason,
            # Where the issue was corrected since its freeze, what goes out from now on is that.
            rendering_id=_newest(rows.c.rendering_id),
            claim=_TOKEN,
            lease_until=case((mailable, database_now(_LEASE_SECONDS)), else_=None),
            final_at=case((mailable, None), else_=database_now()),
            code=case((mailable, rows.c.code), else_=None),
            enhanced=case((mailable, rows.c.enhanced), else_=None),
            reply=case((mailable, rows.c.reply), else_=None),
        )
        .returning(rows.c.subscriber_id)
    )


def _newest(rendering_id: ColumnElement[int]) -> ColumnElement[int]:
    # Asked once for the statement: hardly an issue is corrected, and none pays for it row by row.
    is_corrected = exists().where(Rendering.issue_id == _ISSUE, Rendering.replaced_by.is_not(None))
    replaced_by = select(Rendering.replaced_by).where(Rendering.id == rendering_id)
    newest = func.coalesce(replaced_by.scalar_subquery(), rendering_id)
    return case((is_corrected, newest), else_=rendering_id)


@lru_cache(KEPT)
def reading(rows: Table) -> Select[Any]:
    """Select what the messages of a window need: `issue`, `token`, `newsletter`, `now`."""
    return (
        select(
            rows.c.subscriber_id,
            why_not(_NOW).label("reason"),
            rows.c.rendering_id,
            Subscriber.subject,
            Subscriber.email,
            Subscriber.name,
            Subscription.token_id,
            Subscription.site,
            Subscription.started_at,
        )
        .join(Subscriber, Subscriber.id == rows.c.subscriber_id)
        .outerjoin(Subscription, active_period(_NEWSLETTER))
        .outerjoin(Suppression, in_force())
        .where(
            rows.c.issue_id == _ISSUE,
            rows.c.claim == _TOKEN,
            _is(rows, DeliveryState.SENDING),
        )
    )


@lru_cache(KEPT)
def turning(rows: Table, at_home: ColumnElement[bool], size: int) -> Select[int]:
    """Do `accepting` and `taking` in one, and select how many rows were taken.

    The window that ends is `told`, and `readers` are its; the one that begins is `token`.
    """
    accepted = accepting(rows, bindparam("told", type_=Delivery.claim.type))
    taken = taking(rows, at_home, size).cte("taken")
    return select(func.count()).select_from(taken).add_cte(accepted.cte("accepted"))


@lru_cache(KEPT)
def accepting(rows: Table, token: BindParameter[bytes | None] = _TOKEN) -> Update:
    """Write down what the relay accepted: `issue`, `token`, `readers`."""
    return (
        update(rows)
        .where(
            rows.c.issue_id == _ISSUE,
            rows.c.subscriber_id == any_(_READERS)
            if _is_partition(rows)
            else rows.c.subscriber_id.in_(_READERS_ONE_BY_ONE),
            rows.c.claim == token,
            _is(rows, *ON_THE_WIRE),
        )
        .values(
            state=_said(DeliveryState.ACCEPTED),
            attempts=rows.c.attempts + literal_column("1"),
            final_at=database_now(),
            lease_until=None,
            code=literal_column("250"),
            enhanced=None,
            reply=None,
        )
        .returning(rows.c.subscriber_id)
    )


@lru_cache(KEPT)
def counting(rows: Table) -> Select[int]:
    """Count the rows of a window: `issue`, `token`."""
    return select(func.count()).where(
        rows.c.issue_id == _ISSUE, rows.c.claim == _TOKEN, _is(rows, DeliveryState.SENDING)
    )


@lru_cache(KEPT)
def releasing(rows: Table, state: DeliveryState) -> Update:
    """Give back what is in a state, to the queue, or out with its issue: `issue`, `token`."""
    return (
        update(rows)
        .where(
            rows.c.issue_id == _ISSUE,
            rows.c.claim == _TOKEN,
            _is(rows, state),
        )
        .values(**given_back(_ISSUE))
    )


def given_back(issue_id: int | ColumnElement[int]) -> dict[str, Any]:
    """Return what becomes of a row that was not handed over."""
    cancelled = exists().where(Issue.id == issue_id, Issue.state == IssueState.CANCELLED)
    return {
        "state": case(
            (cancelled, _said(DeliveryState.CANCELLED)), else_=_said(DeliveryState.QUEUED)
        ),
        "final_at": case((cancelled, database_now()), else_=None),
        "claim": None,
        "lease_until": None,
    }


def rows_of(session: Session, issue_id: int) -> Table:
    """Return the table that an issue's deliveries are in.

    A partition by its own name: to find it anew takes PostgreSQL longer than what is then done
    there, and a plan that can be kept would look at all of them.
    """
    return partition(issue_id) if partitions.are_kept(session) else _WHOLE


@lru_cache(KEPT)
def partition(issue_id: int) -> Table:
    return _WHOLE.to_metadata(MetaData(), name=partitions.name_of(issue_id))


def _is_partition(rows: Table) -> bool:
    return rows is not _WHOLE


def _is(rows: Table, *states: DeliveryState) -> ColumnElement[bool]:
    """Return the condition that rows are in one of these states.

    Written out: a plan that is kept can use a partial index only for a state that it knows.
    """
    return rows.c.state.in_([_said(state) for state in states])


def _written(size: int) -> ColumnElement[int]:
    # A plan for any number of rows would be one for a tenth of all.
    return literal_column(f"{size:d}", Integer())


def _said(state: DeliveryState) -> ColumnElement[DeliveryState]:
    return literal_column(f"'{state.value}'", Delivery.state.type)


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
