"""The statements that every window of notices runs, built once: to build one takes longer than to
run it. States are written out, as a plan that is kept finds a partial index only by them.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    CursorResult,
    Executable,
    Float,
    Integer,
    Select,
    SmallInteger,
    String,
    Update,
    any_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import TypeEngine

from digest.database.tables import database_now
from digest.models import Newsletter, Notice, NoticeState, Publication, SignUp, SignUpChoice

_TOKEN = bindparam("token", type_=Notice.claim.type)
_LEASE_SECONDS = bindparam("lease_seconds", type_=Float())
_LOST_SECONDS: BindParameter[float] = bindparam("lost_seconds", type_=Float())
# So many sizes of windows a process keeps: pacing varies them.
KEPT = 64


def run(
    session: Session, statement: Executable, **values: object
) -> CursorResult[*tuple[Any, ...]]:
    """Run one of these statements with its parameters."""
    return session.connection().execute(statement, values)


def has_arrays(session: Session) -> bool:
    """Say whether a parameter may be a list: one statement then does for any number of rows."""
    return session.get_bind().dialect.name == "postgresql"


@lru_cache(KEPT)
def claiming(at_home: ColumnElement[bool], size: int) -> Update:
    """Take up to `size` due notices, longest due first, and return their ids.

    `token`, `lease_seconds`; `lost_seconds` is as `due` has it. Not those of `told`, a window
    that is being written down.
    """
    told = bindparam("told", type_=Notice.claim.type)
    due_now = (
        select(Notice.id)
        .where(_is_due(), Notice.claim.is_distinct_from(told), at_home)
        .order_by(Notice.next_attempt_at)
        .limit(literal_column(f"{size:d}", Integer()))
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return (
        update(Notice)
        .where(Notice.id.in_(select(due_now.c.id)))
        .values(
            state=_said(NoticeState.SENDING),
            claim=_TOKEN,
            lease_until=database_now(_LEASE_SECONDS),
        )
        .returning(Notice.id)
    )


@lru_cache
def due() -> Select[int]:
    """Select a notice that is due.

    `lost_seconds`: below zero; how far back a lease has to have ended for what was being sent to
    be sent again.
    """
    # In the order of the index: whoever looks in any other reads all that is done, for one.
    return select(Notice.id).where(_is_due()).order_by(Notice.next_attempt_at).limit(1)


@lru_cache
def reading(arrays: bool) -> Select[*tuple[Any, ...]]:
    """Select the notices `ids` that are held by `token`, as `context.Waiting` has them."""
    return (
        select(
            Notice.id,
            Notice.kind,
            Notice.to_address,
            Notice.token_id,
            Notice.newsletter_id,
            Notice.subscriber_id,
            Notice.sign_up_id,
            Notice.issue_id,
            Notice.attempts,
            Notice.created_at,
            Notice.released_at,
            database_now().label("now"),
            SignUp.token_id.label("asked_by"),
            SignUp.confirmed_at.is_not(None).label("is_confirmed"),
        )
        .outerjoin(SignUp, SignUp.id == Notice.sign_up_id)
        .where(among(Notice.id, "ids", arrays), *held(_TOKEN))
        .order_by(Notice.next_attempt_at, Notice.id)
    )


@lru_cache
def choosing(arrays: bool) -> Select[*tuple[Any, ...]]:
    """Select what each of the sign-ups `ids` asks for."""
    return (
        select(SignUpChoice.sign_up_id, SignUpChoice.newsletter_id, SignUpChoice.topics)
        .where(among(SignUpChoice.sign_up_id, "ids", arrays))
        .order_by(SignUpChoice.sign_up_id, SignUpChoice.newsletter_id)
    )


@lru_cache
def papers(arrays: bool) -> Select[Newsletter, Publication | None]:
    """Select the newsletters `ids`, each with the publication."""
    return (
        select(Newsletter, Publication)
        .outerjoin(Publication, Publication.id == literal_column("1"))
        .where(among(Newsletter.id, "ids", arrays))
    )


@lru_cache
def accepting(arrays: bool) -> Update:
    """Write down what the relay accepted of the window `token`, with its answers.

    With arrays: `id_list`, `code_list`, `enhanced_list`, `reply_list`. Else of one notice:
    `its_id` and so on.
    """
    if arrays:
        columns: dict[str, TypeEngine[Any]] = {
            "id": BigInteger(),
            "code": SmallInteger(),
            "enhanced": String(),
            "reply": String(),
        }
        lists: list[BindParameter[Any]] = [
            bindparam(f"{name}_list", type_=ARRAY(kind)) for name, kind in columns.items()
        ]
        said = func.unnest(*lists).table_valued(*columns).render_derived("said")
        answers, which = {name: said.c[name] for name in columns}, Notice.id == said.c.id
    else:
        answers = {name: bindparam(f"its_{name}") for name in ("id", "code", "enhanced", "reply")}
        which = Notice.id == answers["id"]
    return (
        update(Notice)
        .where(which, *held(_TOKEN))
        .values(
            state=_said(NoticeState.ACCEPTED),
            attempts=Notice.attempts + literal_column("1"),
            final_at=database_now(),
            lease_until=None,
            to_address=None,
            code=answers["code"],
            enhanced=answers["enhanced"],
            reply=answers["reply"],
        )
    )


def held(token: bytes | BindParameter[bytes | None]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a notice is being sent by whoever has this token."""
    return (Notice.claim == token, is_in(NoticeState.SENDING))


def is_open() -> ColumnElement[bool]:
    """Return the condition that a notice is not final, as the index of those has it."""
    return Notice.state.in_([_said(NoticeState.QUEUED), _said(NoticeState.SENDING)])


def is_in(state: NoticeState) -> ColumnElement[bool]:
    """Return the condition that a notice is in this state."""
    return Notice.state == _said(state)


def among(column: InstrumentedAttribute[Any], name: str, arrays: bool) -> ColumnElement[bool]:
    """Return the condition that a column has one of the values that are given by this name."""
    if arrays:
        return column == any_(bindparam(name, type_=ARRAY(column.type)))
    return column.in_(bindparam(name, expanding=True))


def _is_due() -> ColumnElement[bool]:
    lost = is_in(NoticeState.SENDING) & (Notice.lease_until < database_now(_LOST_SECONDS))
    # What is being sent was due when it was claimed: so nobody need look at all that is not yet.
    is_time = Notice.next_attempt_at <= database_now()
    return is_open() & is_time & or_(is_in(NoticeState.QUEUED), lost)


def _said(state: NoticeState) -> ColumnElement[NoticeState]:
    return literal_column(f"'{state.value}'", Notice.state.type)
