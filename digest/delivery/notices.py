"""Notices: one mail to one person, from a table and a queue of their own.

The same ideas as the ledger's: claimed by a conditional statement with a lease, retried by
`next_attempt_at`. What is in doubt is sent again, under the same Message-ID, once its lease and
the final dot's time are over: a confirmation that never comes is worse than one that comes twice.
"""

import secrets
import threading
from dataclasses import dataclass
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP

import structlog
from sqlalchemy import ColumnElement, case, literal, or_, select, update
from sqlalchemy.orm import Session

from digest.addresses import wire_address
from digest.database import Database, database_now
from digest.delivery.backoff import GIVE_UP_AFTER, wait_before
from digest.delivery.editor_view import EditorView, view_for_editor
from digest.delivery.messages import Links
from digest.delivery.relay import connect_to_relay
from digest.delivery.rendering import masthead, render_notice
from digest.delivery.smtp import Connection, Envelope, Fate, Outcome, RelayTrouble, Stage
from digest.models import (
    Notice,
    NoticeKind,
    NoticeState,
    Publication,
    Subscription,
)
from digest.settings import Settings

BATCH = 10

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Letter:
    """A claimed notice as it goes on the wire, or why it cannot."""

    notice_id: int
    attempts: int
    envelope: Envelope | None
    reason: str = ""


def send_notices(
    database: Database, *, settings: Settings, links: Links, stopping: threading.Event
) -> int:
    """Send every notice that is due. Return how many the relay accepted."""
    accepted = 0
    connection: Connection | None = None
    try:
        while not stopping.is_set():
            with database.transaction() as session:
                claim = _claim(session, settings)
            if claim is None:
                break
            with database.reading() as session:
                letters = _write_letters(session, claim, links)
            try:
                if connection is None or not connection.usable:
                    connection = connect_to_relay(settings)
            except RelayTrouble as trouble:
                log.warning("notices wait for the relay", reason=str(trouble))
                with database.transaction() as session:
                    _put_off(session, claim)
                break
            outcomes = _send(connection, letters)
            with database.transaction() as session:
                for letter, outcome in outcomes:
                    _record(session, claim, letter, outcome)
            accepted += sum(outcome.fate is Fate.ACCEPTED for _, outcome in outcomes)
            if connection.trouble is not None:
                break
    finally:
        if connection is not None:
            connection.close()
    return accepted


def notices_due(session: Session, settings: Settings) -> bool:
    """Say whether `send_notices` would find work."""
    return session.execute(select(Notice.id).where(_is_due(settings)).limit(1)).first() is not None


def _is_due(settings: Settings) -> ColumnElement[bool]:
    lost = (Notice.state == NoticeState.SENDING) & (
        Notice.lease_until < database_now(-settings.final_dot_wait)
    )
    waiting = (Notice.state == NoticeState.QUEUED) & (Notice.next_attempt_at <= database_now())
    return or_(waiting, lost)


def _claim(session: Session, settings: Settings) -> bytes | None:
    token = secrets.token_bytes(16)
    due = (
        select(Notice.id)
        .where(_is_due(settings))
        .order_by(Notice.next_attempt_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    taken = session.execute(
        update(Notice)
        .where(Notice.id.in_(select(due.c.id)))
        .values(
            state=NoticeState.SENDING,
            claim=token,
            lease_until=database_now(settings.lease_seconds),
        )
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    ).all()
    return token if taken else None


def _write_letters(session: Session, claim: bytes, links: Links) -> list[_Letter]:
    publication = session.get(Publication, 1)
    notices = session.execute(select(Notice).where(Notice.claim == claim)).scalars()
    letters = []
    for notice in notices:
        try:
            assert publication is not None
            envelope = _write(session, notice, publication, links)
            letters.append(_Letter(notice.id, notice.attempts, envelope))
        except (ValueError, LookupError) as error:
            letters.append(_Letter(notice.id, notice.attempts, None, str(error)[:500]))
    return letters


def _write(session: Session, notice: Notice, publication: Publication, links: Links) -> Envelope:
    if notice.to_address is None:
        raise LookupError("The address was erased before the notice could be sent.")
    newsletter = notice.newsletter
    sender = wire_address(newsletter.from_address)
    recipient = wire_address(notice.to_address)
    if not recipient.isascii():
        raise ValueError("The address is not ASCII before the @, which few servers take yet.")
    head = masthead(publication, newsletter, links.public_url)
    rendered = render_notice(notice.kind, head, recipient, _about(session, notice, links))
    message = EmailMessage(policy=SMTP)
    message["From"] = MailAddress(newsletter.from_name, addr_spec=sender)
    message["To"] = MailAddress(addr_spec=recipient)
    message["Subject"] = rendered.subject
    message["Date"] = notice.created_at
    message["Message-ID"] = f"<notice.{notice.token_id.hex()}@{sender.rpartition('@')[2]}>"
    # RFC 3834 5: no vacation message should answer this.
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = head.language
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    # Random by default, and a retry shall send the same bytes.
    message.set_boundary(f"=-{notice.token_id.hex()}")
    return Envelope(notice.id, sender, recipient, message.as_bytes())


def _about(session: Session, notice: Notice, links: Links) -> str | EditorView:
    """Return what the notice is about: a link, or an issue that its editor is told of."""
    if notice.issue is not None:
        return view_for_editor(notice.issue, notice.created_at)
    if notice.kind is NoticeKind.CONFIRMATION:
        if notice.sign_up is None:
            raise LookupError("The sign-up is gone.")
        return links.confirm(notice.sign_up.token_id)
    token_id = session.execute(
        select(Subscription.token_id)
        .where(
            Subscription.subscriber_id == notice.subscriber_id,
            Subscription.newsletter_id == notice.newsletter_id,
        )
        .order_by(Subscription.started_at.desc())
        .limit(1)
    ).scalar_one_or_none()
    if token_id is None:
        raise LookupError("The subscription is gone.")
    return links.preferences(token_id)


def _send(connection: Connection, letters: list[_Letter]) -> list[tuple[_Letter, Outcome]]:
    by_id = {letter.notice_id: letter for letter in letters}
    done = [
        (letter, Outcome(letter.notice_id, Fate.REFUSED, None, Stage.CHECK, letter.reason))
        for letter in letters
        if letter.envelope is None
    ]
    envelopes = [letter.envelope for letter in letters if letter.envelope is not None]
    for outcome in connection.send(envelopes, deadline=lambda: False):
        assert isinstance(outcome.key, int)
        done.append((by_id[outcome.key], outcome))
    return done


def _put_off(session: Session, claim: bytes) -> None:
    """Give a claim back, to be tried when the relay may be there again."""
    session.execute(
        update(Notice)
        .where(Notice.claim == claim, Notice.state == NoticeState.SENDING)
        .values(
            state=NoticeState.QUEUED,
            claim=None,
            lease_until=None,
            next_attempt_at=database_now(60),
        )
    )


def _record(session: Session, claim: bytes, letter: _Letter, outcome: Outcome) -> None:
    if outcome.fate is Fate.IN_DOUBT:
        return
    final = {"final_at": database_now(), "lease_until": None, "to_address": None}
    wait = wait_before(letter.attempts + 1)
    queued = {"claim": None, "lease_until": None, "final_at": None}
    change: dict[str, object]
    if outcome.fate is Fate.ACCEPTED:
        change = {"state": NoticeState.ACCEPTED, **final}
    elif outcome.fate is Fate.REFUSED:
        change = {"state": NoticeState.FAILED, **final}
    elif outcome.fate is Fate.UNSENT:
        change = {
            "state": NoticeState.QUEUED,
            **queued,
            "next_attempt_at": database_now(60),
        }
    else:
        too_late = Notice.released_at < database_now(wait - GIVE_UP_AFTER.total_seconds())
        change = {
            **queued,
            "state": case(
                (too_late, literal(NoticeState.FAILED, Notice.state.type)),
                else_=literal(NoticeState.QUEUED, Notice.state.type),
            ),
            "to_address": case((too_late, None), else_=Notice.to_address),
            "next_attempt_at": database_now(wait),
        }
    reply = outcome.reply
    session.execute(
        update(Notice)
        .where(
            Notice.id == letter.notice_id,
            Notice.claim == claim,
            Notice.state == NoticeState.SENDING,
        )
        .values(
            attempts=letter.attempts + (outcome.fate is not Fate.UNSENT),
            code=reply.code if reply else None,
            enhanced=reply.enhanced if reply else None,
            reply=reply.text if reply else outcome.reason or None,
            **change,
        )
    )
