"""Whether mail to the inbound domain arrives: Digest mails itself an *echo*, and waits for it."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest import home
from digest.addresses import wire_address
from digest.checkup.finding import SECONDS_AT_MOST, Finding, fine, warning
from digest.checkup.machinery import WAIT_SECONDS
from digest.database.transactions import Database
from digest.delivery.ledger.echoes import Standing, begin_echo, note_sent, standing
from digest.delivery.relay.connecting import hand_over
from digest.delivery.relay.connection import Envelope, Fate, RelayTrouble
from digest.errors import RefusedError
from digest.models import Newsletter
from digest.settings.loading import Settings
from digest.tokens import KeyRing

CHECK = "returning mail"
# A mail server may have been changed since: what arrived longer ago is proved anew.
HOLDS = timedelta(days=30)
# However often doctor runs; --mail asks for one whatever there was.
NO_OFTENER = timedelta(hours=1)
ARRIVAL_SECONDS = 10.0
LOOK_AGAIN_SECONDS = 0.2

LINK_ALONE = "List-Unsubscribe offers the link alone"
REMEDY = (
    "Mail may take minutes: run `digest doctor` again. If it does not come: has {domain} an MX "
    "record that leads to your mail server, and does that give the mail to `digest bounce "
    "process`, with this database and these keys? The mail server’s log tells. Once it is mended: "
    "digest doctor --mail"
)


@dataclass(frozen=True)
class Echoing:
    """How doctor is to mail itself: whether `now`, whatever is known, and how long to wait."""

    now: bool = False
    wait_seconds: float = ARRIVAL_SECONDS

    @property
    def seconds_at_most(self) -> float:
        """How long it may take in all, the relay's time and the database's included."""
        return 2 * SECONDS_AT_MOST + self.wait_seconds


def without_domain() -> Finding:
    """Return what there is to say where no inbound domain is set."""
    return warning(
        CHECK,
        "DIGEST_INBOUND_DOMAIN is not set: no bounce tells which reader it is about, and nobody "
        "can leave by mail. Links and the one-click button work.",
        "Give Digest a domain of its own, as the documentation says under “Mail that comes back”.",
    )


def look_at_returning_mail(
    database: Database, settings: Settings, domain: str, echoing: Echoing
) -> Iterator[Finding]:
    """Return whether mail to `domain` arrives. Sends one mail to itself where that is unknown."""
    with database.reading() as session:
        known = standing(session, domain)
        sender = _sender(session)
        # A database that is new does not know yet where it lives.
        moved = sender is not None and home.look(session).moved
    if not echoing.now and _is_fresh(known):
        yield _arrives(domain, known)
        return
    if moved:
        why = "A database that was restored or copied mails nobody."
        yield _unproved(domain, known, why, "See what is said of its home.")
        return
    asked_at = known.asked_at
    if echoing.now or asked_at is None or known.now - asked_at >= NO_OFTENER:
        try:
            asked_at = send_echo(database, settings, domain)
        except (RelayTrouble, RefusedError) as trouble:
            why = f"No mail to itself could be sent: {trouble}"
            yield _unproved(domain, known, why, "Mend that first; then: digest doctor --mail")
            return
    known = _await(database, domain, asked_at, echoing.wait_seconds)
    if known.answers(asked_at):
        yield _arrives(domain, known)
        return
    why = f"A mail to itself was sent on {_moment(asked_at)}, and has not come yet."
    yield _unproved(domain, known, why, REMEDY.format(domain=domain))


def send_echo(database: Database, settings: Settings, domain: str) -> datetime:
    """Hand the relay a mail to an address of `domain` that proves itself; return its moment.

    Raises:
        RelayTrouble: the relay is away, or does not take our mail.
        RefusedError: there is no newsletter to send as, or the relay did not accept the mail.
    """
    with database.transaction() as session:
        sender = _sender(session)
        if sender is None:
            raise RefusedError("there is no newsletter yet, whose address it would come from.")
        address, asked_at = begin_echo(session, KeyRing(settings.keys), domain)
    envelope = Envelope(0, sender, address, _echo(sender, address, asked_at))
    # As for every look of doctor's: nobody is waited for long.
    impatient = replace(
        settings,
        smtp_timeout=min(settings.smtp_timeout, WAIT_SECONDS),
        reply_timeout=min(settings.reply_timeout, WAIT_SECONDS),
    )
    fate, said = hand_over(impatient, envelope)
    # One that a slow relay says nothing of may be on its way.
    if fate not in (Fate.ACCEPTED, Fate.IN_DOUBT):
        raise RefusedError(f"The relay did not accept it. It said: {said}")
    with database.transaction() as session:
        note_sent(session, domain, asked_at)
    return asked_at


def _sender(session: Session) -> str | None:
    found = session.scalar(select(Newsletter.from_address).order_by(Newsletter.id).limit(1))
    return wire_address(found) if found else None


def _echo(sender: str, address: str, at: datetime) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = address
    message["Subject"] = "Digest’s mail to itself"
    message["Date"] = at
    message["Message-ID"] = f"<echo.{secrets.token_hex(16)}@{sender.rpartition('@')[2]}>"
    # RFC 3834 5: nobody should answer.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        "digest doctor sent this to see whether mail to this domain arrives.\n"
        "If a person reads it, the mail server does not give it to `digest bounce process`.\n",
        cte="quoted-printable",
    )
    return message.as_bytes()


def _await(database: Database, domain: str, asked_at: datetime, seconds: float) -> Standing:
    until = time.monotonic() + seconds
    while True:
        with database.reading() as session:
            known = standing(session, domain)
        if known.answers(asked_at) or time.monotonic() >= until:
            return known
        time.sleep(LOOK_AGAIN_SECONDS)


def _is_fresh(known: Standing) -> bool:
    return known.seen_at is not None and not (
        known.waiting_since or known.now - known.seen_at >= HOLDS
    )


def _arrives(domain: str, known: Standing) -> Finding:
    return fine(
        CHECK,
        f"Mail to {domain} arrives: a mail of Digest to itself did on {_moment(known.seen_at)}. So "
        "issues offer an address to leave by.",
    )


def _unproved(domain: str, known: Standing, why: str, remedy: str) -> Finding:
    if known.seen_at is None:
        found = f"Mail to {domain} was not seen to arrive yet, so {LINK_ALONE}."
    elif known.proved:
        found = (
            f"Mail to {domain} was last seen to arrive on {_moment(known.seen_at)}. Issues go on "
            "offering an address to leave by, until a mail to itself has been lost for a day."
        )
    else:
        found = (
            f"Mail to {domain} arrived on {_moment(known.seen_at)}, and does no longer, so "
            f"{LINK_ALONE}."
        )
    return warning(CHECK, f"{found} {why}", remedy)


def _moment(at: datetime | None) -> str:
    assert at is not None
    return f"{at:%d %B %Y, %H:%M} UTC"
