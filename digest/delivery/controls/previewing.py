"""An issue as it would arrive, for its editor: to look at, or to get as a mail of its own."""

import email
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email import policy
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import format_datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest import prose
from digest.addresses import wire_address
from digest.delivery.ledger.echoes import proved_domain
from digest.delivery.messages import Links, personal_values
from digest.delivery.relay.connecting import hand_over
from digest.delivery.relay.connection import Envelope, Fate
from digest.delivery.relay.wire import RelayTrouble
from digest.delivery.rendering import headers
from digest.delivery.rendering.direct_links import with_direct_links
from digest.delivery.rendering.encoding import unstructured
from digest.delivery.rendering.issue import ReaderSlots, build_stencil, render_issue, view_issue
from digest.delivery.rendering.slots import SlotValueError, clean_text
from digest.delivery.rendering.stencil import Stencil
from digest.delivery.signing.signatory import Signatory, SigningError
from digest.errors import RefusedError
from digest.models import Issue, Publication, Rendering
from digest.settings.loading import Settings
from digest.tokens import new_token_id

if TYPE_CHECKING:
    from digest.delivery.signing.signer import SigningKey

MARK = "[Test]"
# The field with the lines that it is folded to (RFC 5322 2.2.3).
SUBJECT = re.compile(rb"^Subject:[^\r]*(?:\r\n[ \t][^\r]*)*", re.MULTILINE)


@dataclass(frozen=True)
class Preview:
    """A whole message (`eml`), its parts as text, and the envelope it would travel in."""

    subject: str
    text: str
    html: str
    eml: bytes
    sender: str
    recipient: str
    written_at: datetime
    keys: tuple["SigningKey", ...] = ()
    """Those that sign it when it is sent."""
    cannot_be_signed: str = ""
    """Why it is to be signed, and cannot be, so that it is not sent."""


@dataclass(frozen=True)
class Signed:
    """What a mail says of whoever it goes to: their name, and where and when they signed up."""

    name: str | None
    site: str
    since: datetime


def preview_issue(
    session: Session,
    issue: Issue,
    to: str,
    *,
    links: Links,
    now: datetime,
    signatory: Signatory | None = None,
    signed: Signed | None = None,
    rendering_id: int | None = None,
) -> Preview:
    """Write an issue for one address, checked before, from the frozen bytes where there are some.

    Its links to leave and to change lead to the real pages, and belong to nobody. Those to stories
    are direct, so that no look at it is counted as a click. `signed`: the reader whose address it
    is; None: it says that they signed up at the paper, now. `rendering_id`: which of the frozen
    bytes, where that is one of this issue's; else the newest.

    `signatory`: signs it where it is sent.

    Raises:
        AddressError: `to` is not an address.
        RefusedError: the issue cannot be rendered as it is; the message says why.
    """
    sender = wire_address(issue.newsletter.from_address)
    recipient = wire_address(to)
    nobody = new_token_id()
    if signed is None:
        site = session.get_one(Publication, 1).site_url.partition("://")[2].partition("/")[0]
        signed = Signed(None, site, now)
    zone = issue.newsletter.zone
    values = {
        **personal_values(recipient, signed.name, signed.site, signed.since, zone),
        headers.UNSUBSCRIBE_URL.name: links.unsubscribe(nobody),
        headers.PREFERENCES_URL.name: links.preferences(nobody),
        headers.LEAVE_BY_MAIL.name: links.leave_by_mail(nobody),
        headers.UNSUBSCRIBE_MAILTO.name: links.unsubscribe_mailto(nobody) or "",
        headers.MESSAGE_ID.name: f"preview.{secrets.token_hex(16)}@{sender.rpartition('@')[2]}",
        headers.DATE.name: format_datetime(now),
    }
    try:
        eml = _stencil(session, issue, links, rendering_id).fill(values)
    except SlotValueError as error:
        raise RefusedError(f"No mail can be written to that address: it {error.reason}.") from None
    targets = {story.id: story.url for story in issue.stories if story.url is not None}
    eml = with_direct_links(eml, links.public_url, targets)
    preview = _opened(eml, sender, recipient, now)
    if signatory is None:
        return preview
    try:
        return replace(preview, keys=signatory.keys_for(session, sender))
    except SigningError as error:
        return replace(preview, cannot_be_signed=str(error))


def _stencil(session: Session, issue: Issue, links: Links, rendering_id: int | None) -> Stencil:
    frozen = session.scalar(
        select(Rendering.stencil)
        .where(Rendering.issue_id == issue.id)
        .order_by((Rendering.id == (rendering_id or 0)).desc(), Rendering.edition.desc())
        .limit(1)
    )
    if frozen is not None:
        return Stencil.from_bytes(frozen)
    view = view_issue(session, issue, links.public_url)
    rendered = render_issue(view, ReaderSlots())
    mail_domain = proved_domain(session, links.inbound_domain)
    return build_stencil(view, issue, rendered, mail_domain=mail_domain)


def _opened(eml: bytes, sender: str, recipient: str, written_at: datetime) -> Preview:
    # The older policy reads a body in a third of the time, and somebody may be typing.
    parts = email.message_from_bytes(eml).walk()
    text, html = (_decoded(part) for part in parts if not part.is_multipart())
    head = BytesHeaderParser(policy=policy.default).parsebytes(eml.partition(b"\r\n\r\n")[0])
    return Preview(
        subject=str(head["Subject"]),
        text=text,
        html=html,
        eml=eml,
        sender=sender,
        recipient=recipient,
        written_at=written_at,
    )


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")


def send_preview(preview: Preview, settings: Settings) -> str:
    """Hand a preview to the relay, outside of any transaction. Return what the relay said.

    Its subject is marked, so that nobody takes it for the issue itself.

    Raises:
        RelayTrouble: the relay is away, or does not take our mail.
        RefusedError: it did not accept this message, with its words; or it cannot be signed.
    """
    if preview.cannot_be_signed:
        raise RefusedError(preview.cannot_be_signed)
    envelope = Envelope(0, preview.sender, preview.recipient, _marked(preview))
    fate, said = hand_over(settings, envelope)
    if fate is not Fate.ACCEPTED:
        raise RefusedError(f"The relay did not accept it. It said: {said}")
    return said


def send_previews(previews: Sequence[Preview], settings: Settings) -> dict[str, str]:
    """Hand several to the relay. Return why by address, for those that it did not accept.

    Once the relay is away, the others are not tried.
    """
    refused: dict[str, str] = {}
    for number, preview in enumerate(previews):
        try:
            send_preview(preview, settings)
        except RefusedError as error:
            refused[preview.recipient] = str(error)
        except RelayTrouble as error:
            away = f"The relay could not take it. {prose.ended(str(error))} Try again later."
            refused |= {each.recipient: away for each in previews[number:]}
            break
    return refused


def _marked(preview: Preview) -> bytes:
    # Folded anew: a mark put into a line that is full makes it too long.
    field = unstructured("Subject", clean_text(f"{MARK} {preview.subject}"))
    marked = SUBJECT.sub(lambda _: field, preview.eml, count=1)
    if not preview.keys:
        return marked
    # Who does not sign never loads this.
    from digest.delivery.signing.signer import sign_message

    return sign_message(marked, preview.keys, at=int(preview.written_at.timestamp()))
