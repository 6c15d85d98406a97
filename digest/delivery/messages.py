"""From a row of the ledger to the bytes and the envelope of one message."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest import prose, zones
from digest.addresses import AddressError, wire_address
from digest.delivery.ledger.claiming import Recipient
from digest.delivery.relay.connection import Envelope, Fate, Outcome, Stage
from digest.delivery.rendering import headers
from digest.delivery.rendering.slots import SlotValueError
from digest.delivery.rendering.stencil import Stencil
from digest.delivery.signing.signatory import Signatory
from digest.models import Issue, Rendering
from digest.tokens import KeyRing, Purpose

Seal = Callable[[Sequence[bytes]], bytes]
"""Makes the DKIM-Signature fields of a message, for `Stencil.fill`."""


@dataclass(frozen=True)
class Mailing:
    """What all messages of a frozen issue share; read once by a worker."""

    issue_id: int
    newsletter_id: int
    from_address: str
    date: str
    zone: str
    stencils: Mapping[int, Stencil]
    seals: Mapping[int, Seal] = field(default_factory=dict)
    """What signs a rendering's messages (DKIM), where they are signed."""


def load_mailing(session: Session, issue_id: int, signatory: Signatory | None = None) -> Mailing:
    """Read a frozen issue's stencils, by the id of their rendering.

    Raises:
        SigningError: its mail is to be signed, and cannot be.
    """
    issue = session.get_one(Issue, issue_id)
    assert issue.frozen_at is not None
    stencils = session.execute(
        select(Rendering.id, Rendering.stencil).where(Rendering.issue_id == issue_id)
    )
    from_address = wire_address(issue.newsletter.from_address)
    by_id = {rendering_id: Stencil.from_bytes(stored) for rendering_id, stored in stencils}
    return Mailing(
        issue_id=issue_id,
        newsletter_id=issue.newsletter_id,
        from_address=from_address,
        date=format_datetime(issue.frozen_at),
        zone=issue.newsletter.zone,
        stencils=by_id,
        seals=_seals(session, by_id, from_address, issue.frozen_at, signatory),
    )


def _seals(
    session: Session,
    stencils: Mapping[int, Stencil],
    from_address: str,
    frozen_at: datetime,
    signatory: Signatory | None,
) -> Mapping[int, Seal]:
    keys = signatory.keys_for(session, from_address) if signatory is not None else ()
    if not keys:
        return {}
    # Who does not sign never loads this.
    from digest.delivery.signing.signer import Signer

    # A retry is the same message, so it says the same moment.
    at = int(frozen_at.timestamp())
    return {
        rendering_id: partial(Signer(stencil, keys).sign, at=at)
        for rendering_id, stencil in stencils.items()
    }


@dataclass(frozen=True)
class Links:
    """Makes the addresses, in both senses, by which a reader acts on a subscription.

    Paths are short, so that a program that wraps text leaves them whole: 76 characters on a host of
    20, with a key's id of up to 4. The long ones of older mails work for ever.
    """

    ring: KeyRing
    public_url: str
    inbound_domain: str | None

    def unsubscribe(self, token_id: bytes) -> str:
        return f"{self.public_url}/u/{self.ring.sign(Purpose.UNSUBSCRIBE, token_id)}"

    def preferences(self, token_id: bytes) -> str:
        return f"{self.public_url}/p/{self.ring.sign(Purpose.PREFERENCES, token_id)}"

    def confirm(self, token_id: bytes) -> str:
        return f"{self.public_url}/c/{self.ring.sign(Purpose.CONFIRM, token_id)}"

    def fresh_link(self, token_id: bytes) -> str:
        token = self.ring.sign(Purpose.FRESH_LINK, token_id)
        return f"{self.public_url}/r/{token}"

    def new_address(self, token_id: bytes) -> str:
        token = self.ring.sign(Purpose.NEW_ADDRESS, token_id)
        return f"{self.public_url}/a/{token}"

    def user_link(self, token_id: bytes) -> str:
        token = self.ring.sign(Purpose.USER_LINK, token_id)
        return f"{self.public_url}/desk/password/{token}"

    def desk_issue(self, issue_id: int) -> str:
        """Return the page of an issue at the desk, which asks whoever opens it to sign in first."""
        return f"{self.public_url}/desk/issues/{issue_id}"

    def leave_by_mail(self, token_id: bytes) -> str:
        """Return the local part of the address that a reader leaves by; its domain is frozen."""
        return self.ring.sign_local_part(Purpose.LEAVE_BY_MAIL, token_id)

    def unsubscribe_mailto(self, token_id: bytes) -> str | None:
        """Return the same as a whole URI, for stencils that froze no domain."""
        if self.inbound_domain is None:
            return None
        local = self.leave_by_mail(token_id)
        return f"mailto:{local}@{self.inbound_domain}?subject=unsubscribe"

    def envelope_sender(self, token_id: bytes, issue_id: int, otherwise: str) -> str:
        """Return the VERP address that a bounce of this delivery comes back to.

        Of a notice, with its own `token_id`, `issue_id` is `OF_A_NOTICE`.
        """
        if self.inbound_domain is None:
            return otherwise
        local = self.ring.sign_local_part(Purpose.BOUNCE, token_id, issue_id)
        return f"{local}@{self.inbound_domain}"


def write_message(mailing: Mailing, reader: Recipient, links: Links) -> Envelope | Outcome:
    """Fill the stencil for one reader; or say why no message to them can be written."""
    assert reader.email is not None
    assert reader.token_id is not None
    assert reader.site is not None
    assert reader.started_at is not None
    try:
        address = wire_address(reader.email)
        stencil = mailing.stencils[reader.rendering_id]
        values = {
            **personal_values(address, reader.name, reader.site, reader.started_at, mailing.zone),
            headers.UNSUBSCRIBE_URL.name: links.unsubscribe(reader.token_id),
            headers.PREFERENCES_URL.name: links.preferences(reader.token_id),
            headers.MESSAGE_ID.name: _message_id(mailing, reader),
            headers.DATE.name: mailing.date,
        }
        if headers.LEAVE_BY_MAIL.name in stencil.slots:
            values[headers.LEAVE_BY_MAIL.name] = links.leave_by_mail(reader.token_id)
        elif headers.UNSUBSCRIBE_MAILTO.name in stencil.slots:
            mailto = links.unsubscribe_mailto(reader.token_id)
            values[headers.UNSUBSCRIBE_MAILTO.name] = mailto or ""
        message = stencil.fill(values, mailing.seals.get(reader.rendering_id))
    except AddressError:
        return _unwritable(reader, "is not an address")
    except SlotValueError as error:
        if error.slot != headers.ADDRESS.name:
            # Not the reader's fault: every message of the issue would fail alike.
            raise
        return _unwritable(reader, error.reason)
    sender = links.envelope_sender(reader.token_id, mailing.issue_id, mailing.from_address)
    # The stencil answers for 7-bit lines alone.
    return Envelope(reader.subscriber_id, sender, address, message, tidy=address.isascii())


def personal_values(
    address: str, name: str | None, site: str, since: datetime, zone: str
) -> dict[str, str]:
    """Return what stands in a reader's message alone, but for its links: `address` as on the wire.

    `since`: when their subscription began, which is told as a day of `zone`.
    """
    return {
        headers.ADDRESS.name: address,
        headers.NAME.name: name or "",
        headers.SIGNUP_SITE.name: site,
        headers.SIGNUP_DATE.name: prose.long_date(zones.local_date(since, zone)),
    }


def _unwritable(reader: Recipient, reason: str) -> Outcome:
    words = f"The reader's address {reason}"
    return Outcome(reader.subscriber_id, Fate.REFUSED, None, Stage.CHECK, words)


def _message_id(mailing: Mailing, reader: Recipient) -> str:
    # From the delivery alone, so that a retry is recognisably the same message (RFC 5322 3.6.4).
    digest = hashlib.sha256(b"%d %b" % (mailing.issue_id, reader.subject)).hexdigest()[:32]
    return f"{mailing.issue_id}.{digest}@{mailing.from_address.rpartition('@')[2]}"
