"""The audit log: who did what to which row, sought and shown by pages, and taken out as a file."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict

from flask import Response, request
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from digest.desk.audit import (
    OPERATOR,
    EventShown,
    Sought,
    each_event,
    list_events,
    record,
    tables_touched,
)
from digest.desk.users import list_users
from digest.models import AuditEvent, Role, User
from digest.spreadsheet import csv_cell, csv_line
from digest.web.context import current_runtime
from digest.web.desk.signed_in import (
    actor,
    desk,
    desk_blueprint,
    moment_here,
    prove_first,
    show,
)

A_PAGE = 50
LONGEST_TABLE = 60
COLUMNS = (
    "id",
    "at",
    "user",
    "by_operator",
    "email",
    "verb",
    "table",
    "row",
    "newsletter",
    "fields",
    "ip",
    "values",
    "link",
)

audit_pages = desk_blueprint("desk_audit", __name__, role=Role.OWNER)


@audit_pages.get("/audit")
def show_log() -> Response:
    """Show a page of the log, the newest first: by a user, or about a table."""
    with current_runtime().database.reading() as session:
        sought = _sought(session, request.args)
        events = list_events(session, sought, at_most=A_PAGE + 1)
        users, tables = list_users(session), tables_touched(session)
    return show(
        "audit.html",
        events=events[:A_PAGE],
        older=events[A_PAGE - 1].id if len(events) > A_PAGE else None,
        first=sought.before is None,
        users=[("", "Everybody"), *((str(each.id), each.name) for each in users)],
        tables=[("", "Everything"), *((each, each.replace("_", " ")) for each in tables)],
        user=str(sought.user.id) if sought.user else "",
        table=sought.table or "",
        who=_who,
        at=moment_here,
    )


@audit_pages.post("/audit/export")
def export() -> AnyResponse:
    """Hand out the events that are sought, as CSV or as lines of JSON."""
    if (first := prove_first()) is not None:
        return first
    runtime, as_json = current_runtime(), request.form.get("as") == "json"
    with runtime.database.transaction() as session:
        sought = _sought(session, request.form)
        table = AuditEvent.__tablename__
        record(session, actor(session), "audit export", table, None, now=desk().now)
    write: Callable[[EventShown], str] = _json_line if as_json else _csv_line

    def lines() -> Iterator[str]:
        if not as_json:
            yield csv_line(COLUMNS)
        with runtime.database.reading() as session:
            for event in each_event(session, sought):
                yield write(event)

    kind = "application/jsonl" if as_json else "text/csv; charset=utf-8"
    response = Response(lines(), content_type=kind)
    name = f"audit-{desk().now:%Y-%m-%d}.{'jsonl' if as_json else 'csv'}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _sought(session: Session, given: "MultiDict[str, str]") -> Sought:
    user_id, before = _number(given.get("user", "")), _number(given.get("before", ""))
    table = given.get("table", "")
    return Sought(
        user=session.get(User, user_id) if user_id else None,
        table=table if table.isidentifier() and len(table) <= LONGEST_TABLE else None,
        before=before,
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _who(event: EventShown) -> str:
    return event.user or (OPERATOR.name if event.by_operator else "somebody")


def _json_line(event: EventShown) -> str:
    return json.dumps(asdict(event) | {"at": event.at.isoformat()}, ensure_ascii=False) + "\n"


def _csv_line(event: EventShown) -> str:
    said = asdict(event) | {
        "at": event.at.isoformat(),
        "fields": ", ".join(event.fields),
        "values": json.dumps(event.values, ensure_ascii=False) if event.values else None,
    }
    return csv_line([csv_cell(said[column]) for column in COLUMNS])
