"""The hash chain over the log of the desk: what a link says of an event, and of its parts."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session, aliased

from digest.chain.log import Log, Part, write_moment
from digest.chain.sealing import seal
from digest.database.transactions import Database
from digest.desk.audit import detail_mac
from digest.models import AuditDetail, AuditEvent, AuditPart, AuditSeal

COLUMNS = (
    AuditEvent.id,
    AuditEvent.at,
    AuditEvent.user_id,
    AuditEvent.verb,
    AuditEvent.of_table,
    AuditEvent.row_id,
    AuditEvent.newsletter_id,
    AuditEvent.fields,
    AuditEvent.origin_mac,
    AuditEvent.values_mac,
)


class _EventWriter:
    def __init__(self, _: Session) -> None:
        pass

    def fields(self, record: AuditEvent) -> dict[str, Any]:
        return {
            "id": record.id,
            "at": write_moment(record.at),
            "user": record.user_id,
            "verb": record.verb,
            "table": record.of_table,
            "row": record.row_id,
            "newsletter": record.newsletter_id,
            "fields": record.fields,
            "origin_mac": _hex(record.origin_mac),
            "values_mac": _hex(record.values_mac),
        }

    def suspects(self, _: AuditEvent) -> str:
        return "it"


def _hex(mac: bytes | None) -> str | None:
    return None if mac is None else mac.hex()


def _part(part: AuditPart, what: str) -> Part:
    table = aliased(AuditDetail, name=part.value)
    salt, content = f"{part.value}_salt", f"{part.value}_content"
    return Part(
        name=part.value,
        what=what,
        of=table.event_id,
        columns=(table.salt.label(salt), table.content.label(content)),
        mac=f"{part.value}_mac",
        reckon=lambda row: detail_mac(getattr(row, salt), getattr(row, content)),
        only=table.part == part,
    )


AUDIT = Log(
    command="audit",
    noun="event",
    kind=lambda event: event.verb,
    record=AuditEvent,
    columns=COLUMNS,
    writer=_EventWriter,
    seal=AuditSeal,
    sealed=AuditSeal.event_id,
    detail=AuditDetail.event_id,
    parts=(
        _part(AuditPart.ORIGIN, "where it was done from"),
        _part(AuditPart.VALUES, "what stood in the row"),
    ),
    searched="audit_seals",
)


def seal_events(database: Database, now: datetime) -> int:
    """Extend the chain by what is not in it yet; return how many events were sealed."""
    return seal(database, AUDIT, now)
