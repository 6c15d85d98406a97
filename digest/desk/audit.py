"""What was done at the desk, by whom, to which row: written in the transaction that does it."""

import hmac
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import rfc8785
from sqlalchemy import (
    ColumnElement,
    Insert,
    String,
    Table,
    bindparam,
    cast,
    delete,
    func,
    select,
)
from sqlalchemy.orm import Session, aliased

from digest.database.prepared import Prepared
from digest.models import AuditDetail, AuditEvent, AuditPart, AuditSeal, Newsletter, User

if TYPE_CHECKING:
    from digest.models import Issue

SALT_BYTES = 32
# Where things were done from is personal, and of no use for longer.
ORIGIN_KEPT = timedelta(days=90)
AT_ONCE = 1000

# Of the tables: nobody needs the rows as objects, and each look at a reader adds some.
_EVENTS, _DETAILS = (each.metadata.tables[each.__tablename__] for each in (AuditEvent, AuditDetail))


def _adding(table: Table) -> Insert:
    """Say how a row is added, all of whose values are given, but for an id of its own."""
    given = (each for each in table.columns if each is not table.autoincrement_column)
    return table.insert().values({each: bindparam(f"given_{each.key}") for each in given})


_ADD = Prepared(_adding(_EVENTS).returning(_EVENTS.c.id))
_ADD_DETAIL = Prepared(_adding(_DETAILS))


@dataclass(frozen=True)
class Actor:
    """Who does something, and from where: `user` is None for the server's operator."""

    user: User | None
    ip: str | None = None

    @property
    def name(self) -> str:
        return self.user.name if self.user else "the operator"


OPERATOR = Actor(None)


def record(
    session: Session,
    actor: Actor,
    verb: str,
    of_table: str,
    row_id: int | None,
    *,
    now: datetime,
    newsletter_id: int | None = None,
    fields: Iterable[str] = (),
    values: Mapping[str, Any] | None = None,
) -> int:
    """Add one event; return its id. `verb`: "issue approve"; `fields`: the changed columns.

    `values` is what of it is personal, or somebody's words: it can be forgotten, and what is left
    still verifies.

    Raises:
        ValueError: the row's id is none that a link of the chain could hold.
    """
    if row_id is not None and not 0 < row_id < 2**53:
        raise ValueError("no id of a row")
    origin = {"ip": actor.ip} if actor.ip else None
    parts = {AuditPart.ORIGIN: origin, AuditPart.VALUES: dict(values) if values else None}
    salts = {part: secrets.token_bytes(SALT_BYTES) for part, content in parts.items() if content}
    macs = {part: detail_mac(salt, parts[part] or {}) for part, salt in salts.items()}
    event = {
        "at": now,
        "user_id": actor.user.id if actor.user else None,
        "verb": verb,
        "of_table": of_table,
        "row_id": row_id,
        "newsletter_id": newsletter_id,
        "fields": sorted(fields),
        "origin_mac": macs.get(AuditPart.ORIGIN),
        "values_mac": macs.get(AuditPart.VALUES),
    }
    [(event_id,)] = _ADD.rows(session, **_given(event))
    for part, salt in salts.items():
        detail = {"event_id": event_id, "part": part, "salt": salt, "content": parts[part] or {}}
        _ADD_DETAIL.rows(session, **_given(detail))
    return int(event_id)


def _given(row: Mapping[str, object]) -> dict[str, object]:
    return {f"given_{name}": value for name, value in row.items()}


def record_issue(
    session: Session,
    actor: Actor,
    verb: str,
    issue: "Issue",
    *,
    now: datetime,
    fields: Iterable[str] = (),
    values: Mapping[str, Any] | None = None,
) -> None:
    """Add the event that something was done to an issue; see `record`."""
    record(
        session,
        actor,
        verb,
        issue.__tablename__,
        issue.id,
        now=now,
        newsletter_id=issue.newsletter_id,
        fields=fields,
        values=values,
    )


def detail_mac(salt: bytes, content: dict[str, Any]) -> bytes:
    """Return the HMAC-SHA256 of a personal part, as canonical JSON (RFC 8785), under its salt."""
    return hmac.digest(salt, rfc8785.dumps(content), "sha256")


@dataclass(frozen=True)
class EventShown:
    """An event as it is listed. `dataclasses.asdict` is JSON, with `at` as text.

    `user` is None where the operator did it (`by_operator`), or somebody who did not prove who they
    are. `ip` and `values` are None where they were not known, or are
    forgotten. `link` is the number of the link that sealed it, None until the tick came.
    """

    id: int
    at: datetime
    user: str | None
    by_operator: bool
    email: str | None
    verb: str
    table: str
    row: int | None
    newsletter: str | None
    fields: tuple[str, ...]
    ip: str | None
    values: dict[str, Any] | None
    link: int | None


@dataclass(frozen=True)
class Sought:
    """Which events are sought: all but what is said.

    From a moment on; by one user; about one table, or one row of it; older than another event.
    """

    since: datetime | None = None
    user: User | None = None
    table: str | None = None
    row: int | None = None
    before: int | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield what the events fulfil."""
        if self.since is not None:
            yield AuditEvent.at >= self.since
        if self.user is not None:
            yield AuditEvent.user_id == self.user.id
        if self.table is not None:
            yield AuditEvent.of_table == self.table
        if self.row is not None:
            yield AuditEvent.row_id == self.row
        if self.before is not None:
            yield AuditEvent.id < self.before


ALL = Sought()


def list_events(session: Session, sought: Sought = ALL, *, at_most: int) -> list[EventShown]:
    """Return the newest events of those that are sought, the newest first."""
    origin, values = aliased(AuditDetail), aliased(AuditDetail)
    rows = session.execute(
        select(AuditEvent, User, Newsletter.slug, origin, values, AuditSeal.sequence)
        .outerjoin(User, User.id == AuditEvent.user_id)
        .outerjoin(Newsletter, Newsletter.id == AuditEvent.newsletter_id)
        .outerjoin(origin, (origin.event_id == AuditEvent.id) & (origin.part == AuditPart.ORIGIN))
        .outerjoin(values, (values.event_id == AuditEvent.id) & (values.part == AuditPart.VALUES))
        .outerjoin(AuditSeal, AuditSeal.event_id == AuditEvent.id)
        .where(*sought.conditions())
        .order_by(AuditEvent.id.desc())
        .limit(at_most)
    )
    return [
        EventShown(
            id=event.id,
            at=event.at,
            user=by.name if by else None,
            # A command comes from nowhere.
            by_operator=event.user_id is None and event.origin_mac is None,
            email=by.email if by else None,
            verb=event.verb,
            table=event.of_table,
            row=event.row_id,
            newsletter=slug,
            fields=tuple(event.fields),
            ip=done_from.content.get("ip") if done_from else None,
            values=stood.content if stood else None,
            link=link,
        )
        for event, by, slug, done_from, stood, link in rows
    ]


def each_event(session: Session, sought: Sought = ALL) -> Iterator[EventShown]:
    """Yield all events that are sought, the newest first, without holding them all."""
    while found := list_events(session, sought, at_most=AT_ONCE):
        yield from found
        sought = replace(sought, before=found[-1].id)


def count_events(session: Session, sought: Sought = ALL) -> int:
    """Return how many events there are of those that are sought."""
    matching = select(func.count()).select_from(AuditEvent).where(*sought.conditions())
    return session.scalar(matching) or 0


def tables_touched(session: Session) -> list[str]:
    """Return the tables that there are events about, by name."""
    return list(
        session.scalars(select(AuditEvent.of_table).distinct().order_by(AuditEvent.of_table))
    )


def forget_origins(session: Session, now: datetime) -> int:
    """Delete where things were done from, of what is older than 90 days; return how many."""
    old = select(AuditEvent.id).where(AuditEvent.at < now - ORIGIN_KEPT)
    return _forget(session, AuditDetail.part == AuditPart.ORIGIN, AuditDetail.event_id.in_(old))


def forget_row(session: Session, of_table: str, row_id: int) -> int:
    """Delete the values of all events about one row: a reader who is erased, say."""
    events = select(AuditEvent.id).where(
        AuditEvent.of_table == of_table, AuditEvent.row_id == row_id
    )
    return _forget(session, AuditDetail.part == AuditPart.VALUES, AuditDetail.event_id.in_(events))


def forget_address(session: Session, address: str) -> int:
    """Delete the values that a mail address stands in, whatever row they are about.

    A test of an issue may have gone to a reader: the event is about the issue.
    """
    # As a word of its own: robin@ is not obin@.
    named = re.compile(rf"(?<![^\s\"<>(),;:]){re.escape(address.lower())}(?![\w-])")
    values, has_any = AuditDetail.part == AuditPart.VALUES, cast(AuditDetail.content, String)
    rows = session.execute(
        select(AuditDetail.event_id, AuditDetail.content).where(values, has_any.contains("@"))
    ).all()
    found = [
        event_id
        for event_id, content in rows
        if named.search(json.dumps(content, ensure_ascii=False).lower())
    ]
    return _forget(session, values, AuditDetail.event_id.in_(found)) if found else 0


def _forget(session: Session, *which: Any) -> int:
    gone = session.execute(
        delete(AuditDetail).where(*which).execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]
