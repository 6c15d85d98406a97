"""What is done about a reader at the desk or by a command, with its event in the log.

An event about a reader holds none of their values, and what others wrote of that row goes with
their erasure.
"""

from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from digest.delivery.controls.as_reader import AsRead, preview_as_reader
from digest.delivery.messages import Links
from digest.desk.audit import Actor, forget_address, forget_row, record
from digest.errors import RefusedError
from digest.models import AuditEvent, Issue, Newsletter, Subscriber, Subscription
from digest.readers.consent.recording import Evidence
from digest.readers.data.erasing import erase
from digest.readers.preferences.leaving import leave
from digest.readers.preferences.pausing import pause, resume
from digest.readers.suppressed import lift_suppressions
from digest.suppression import SuppressionKey

TABLE = Subscriber.__tablename__
LOOK = "reader look"
LONGEST_NAME, LONGEST_WHY = 100, 500
# The views of one reader that a user goes through within this are one look.
A_LOOK = timedelta(minutes=1)


def note_look(session: Session, actor: Actor, reader: Subscriber, *, now: datetime) -> None:
    """Log that somebody looked at all that is held about a reader."""
    record(session, actor, LOOK, TABLE, reader.id, now=now)


def show_as_reader(
    session: Session, actor: Actor, issue: Issue, reader: Subscriber, *, links: Links, now: datetime
) -> AsRead:
    """Write an issue as a reader gets it, and log the look: once for a page and what it frames.

    Raises:
        RefusedError: as `preview_as_reader`.
    """
    seen = preview_as_reader(session, issue, reader, links=links, now=now)
    if not _looks_already(session, actor, reader, now=now):
        note_look(session, actor, reader, now=now)
    return seen


def _looks_already(session: Session, actor: Actor, reader: Subscriber, *, now: datetime) -> bool:
    if actor.user is None:
        return False
    found = exists().where(
        AuditEvent.of_table == TABLE,
        AuditEvent.row_id == reader.id,
        AuditEvent.verb == LOOK,
        AuditEvent.user_id == actor.user.id,
        AuditEvent.at > now - A_LOOK,
    )
    return session.execute(select(found)).scalar_one()


def note_search(session: Session, actor: Actor, *, now: datetime) -> None:
    """Log that somebody looked for readers; by which words is nobody's business later."""
    record(session, actor, "reader search", TABLE, None, now=now)


def note_export(
    session: Session,
    actor: Actor,
    reader: Subscriber | None,
    *,
    now: datetime,
    newsletter: Newsletter | None = None,
) -> None:
    """Log that somebody took a copy of what is held: about one reader, or a list of them."""
    row = reader.id if reader else None
    of = newsletter.id if newsletter else None
    record(session, actor, "reader export", TABLE, row, now=now, newsletter_id=of)


def pause_reader(
    session: Session,
    actor: Actor,
    reader: Subscriber,
    newsletter: Newsletter,
    *,
    now: datetime,
    until: datetime,
) -> None:
    """Stop a newsletter's issues for a reader until then, as the reader asked for.

    Raises:
        RefusedError: they do not get it.
    """
    period = _active(session, reader, newsletter)
    if pause(session, period.token_id, _evidence(actor), now=now, until=until).changed:
        _record(session, actor, "reader pause", reader, newsletter, now, "paused_until")


def resume_reader(
    session: Session, actor: Actor, reader: Subscriber, newsletter: Newsletter, *, now: datetime
) -> None:
    """End a reader's pause.

    Raises:
        RefusedError: they do not get it.
    """
    period = _active(session, reader, newsletter)
    if resume(session, period.token_id, _evidence(actor), now=now).changed:
        _record(session, actor, "reader resume", reader, newsletter, now, "paused_until")


def unsubscribe_reader(
    session: Session, actor: Actor, reader: Subscriber, newsletter: Newsletter, *, now: datetime
) -> None:
    """Let a reader leave a newsletter, as they asked for; it ends as if by their own link.

    Raises:
        RefusedError: they do not get it.
    """
    period = _active(session, reader, newsletter)
    if leave(session, period.token_id, _evidence(actor), now=now).changed:
        fields = ("ended_at", "ended_reason")
        _record(session, actor, "reader unsubscribe", reader, newsletter, now, *fields)


def lift_suppression(
    session: Session, actor: Actor, reader: Subscriber, *, by: str, why: str, now: datetime
) -> None:
    """Let a reader be mailed again whose address was not to be. `by`: a person's name.

    Raises:
        RefusedError: nothing stops mail to them, or it is not said by whom and why.
    """
    by, why = by.strip()[:LONGEST_NAME], why.strip()[:LONGEST_WHY]
    if not by or not why:
        raise RefusedError("Say why this reader may be mailed again, and who says so.")
    if not lift_suppressions(session, reader.suppression_mac, by, now=now):
        raise RefusedError("Nothing stops mail to this reader.")
    values = {"by": by, "reason": why}
    fields = ("lifted_at", "lifted_by")
    record(session, actor, "reader lift", TABLE, reader.id, now=now, fields=fields, values=values)


def erase_reader(
    session: Session,
    actor: Actor,
    reader: Subscriber,
    *,
    now: datetime,
    suppression: SuppressionKey,
) -> None:
    """Erase everything personal about a reader; done again, nothing changes."""
    if forget_reader(session, reader, now=now, suppression=suppression):
        fields = ("email", "email_key", "name", "suppression_mac", "erased_at")
        record(session, actor, "reader erase", TABLE, reader.id, now=now, fields=fields)


def forget_reader(
    session: Session, reader: Subscriber, *, now: datetime, suppression: SuppressionKey
) -> bool:
    """Erase a reader, from the log as well: for whoever erases, themselves included.

    Return whether there was anything to erase.
    """
    address = reader.email
    erased = erase(session, reader, now=now, suppression=suppression)
    forget_row(session, TABLE, reader.id)
    if address:
        forget_address(session, address)
    return erased


def _active(session: Session, reader: Subscriber, newsletter: Newsletter) -> Subscription:
    active = session.scalar(
        select(Subscription).where(
            Subscription.subscriber_id == reader.id,
            Subscription.newsletter_id == newsletter.id,
            Subscription.ended_at.is_(None),
        )
    )
    if active is None:
        raise RefusedError(f"This reader does not get {newsletter.name}.")
    return active


def _evidence(actor: Actor) -> Evidence:
    # Where the request came from is the user's, not the reader's.
    return Evidence(form="desk" if actor.user else "command")


def _record(
    session: Session,
    actor: Actor,
    verb: str,
    reader: Subscriber,
    newsletter: Newsletter,
    now: datetime,
    *fields: str,
) -> None:
    of = newsletter.id
    record(session, actor, verb, TABLE, reader.id, now=now, newsletter_id=of, fields=fields)
