"""Mail to the inbound domain: the address that it was sent to says what it is, and is the proof.

The mail may be anybody's and anything: for the addresses, only its header is looked at.

*To the address in List-Unsubscribe* (RFC 2369): who knows it has had a mail of ours, so a mail to
it is the wish to leave, whatever it says; also one that says that a machine wrote it
(`Auto-Submitted`), as mail programs do on a click. A vacation message does not get here: no mail
of ours comes from that address.

*To the address that an issue came from* (VERP): a report about that one delivery, or a vacation
message, which changes nothing.

*To the address of an echo*: the mail of `digest doctor` to itself, which proves that such mail
arrives. It concerns no reader.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from digest.database.transactions import Database
from digest.delivery.bounces.notices import note_notice
from digest.delivery.bounces.noting import Noted, note_bounce
from digest.delivery.ledger.echoes import note_arrival
from digest.models import Subscriber, SuppressionReason
from digest.readers.consent.recording import Evidence
from digest.readers.preferences.leaving import end_all, leave
from digest.readers.suppressed import lifted_since, suppress
from digest.tokens import OF_A_NOTICE, BadTokenError, KeyRing, Purpose, Token

LONGEST_MAIL = 1024 * 1024
LONGEST_HEADER_BLOCK = 256 * 1024
MOST_CANDIDATES = 50

# Where a mail server writes whom a mail was for, and where a sender does.
RECIPIENT_FIELDS = frozenset(
    {b"to", b"cc", b"delivered-to", b"x-original-to", b"envelope-to", b"resent-to"}
)
END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
FOLD = re.compile(rb"\r?\n[ \t]+")
# Exactly the form of `KeyRing.sign_local_part`: nothing else of the mail is taken apart.
LOCAL_PART = re.compile(rb"(?<![\w.+-])(\d[a-z][a-z0-9]{1,8}-[a-z2-7]{1,60})@", re.IGNORECASE)


class MailFor(StrEnum):
    """What a mail to the inbound domain turned out to be."""

    LEFT = "left"
    LEFT_BEFORE = "left before"
    BOUNCE = "bounce"
    ECHO = "echo"
    NOBODY = "nobody"


_SENTENCES = {
    Noted.BOUNCED: "A mail came back for good: its delivery counts as bounced.",
    Noted.DELAYED: "A mail has not arrived yet, says the server that has it. That was noted; its "
    "delivery counts as it did.",
    Noted.UNCLEAR: "A mail came back, and the report does not say whether for good. That was "
    "noted; its delivery counts as it did.",
    Noted.KNOWN: "That this mail came back was known already: nothing was changed.",
    Noted.NO_REPORT: "This came to an address for reports about mail that failed, and is none: "
    "nothing was changed.",
    Noted.AUTO_REPLY: "This is an absence notice, or another answer of a machine: nothing was "
    "changed.",
    Noted.COMPLAINT: "The reader reported a mail as spam: nothing more is sent to them.",
    Noted.UNKNOWN_DELIVERY: "This is about a mail that Digest has no record of: nothing was "
    "changed.",
}
_GONE = (
    "A mail came back for good, as there is no such address: its delivery counts as bounced, and "
    "nothing more is sent to that reader."
)


@dataclass(frozen=True)
class ActedOn:
    """What was done about a mail, and the same in a sentence."""

    what: MailFor
    sentence: str


def act_on_mail(
    database: Database,
    ring: KeyRing,
    content: bytes,
    recipients: Sequence[str] = (),
    *,
    now: datetime,
) -> ActedOn:
    """End the subscription, or note the bounce, that the mail's address speaks of. Repeatable.

    `recipients` are those of the envelope, where they are known; the header's are looked at too.
    """
    candidates = list(_local_parts(content, recipients))
    token = _first_token(ring, Purpose.LEAVE_BY_MAIL, candidates)
    if token is not None:
        return _leave(database, token, now)
    token = _first_token(ring, Purpose.BOUNCE, candidates)
    if token is not None:
        return _note(database, token, content[:LONGEST_MAIL], now)
    token = _first_token(ring, Purpose.ECHO, candidates)
    if token is not None:
        return _hear(database, token)
    return ActedOn(
        MailFor.NOBODY,
        "None of the addresses that this mail is for is one of ours: nothing was changed.",
    )


def _leave(database: Database, token: Token, now: datetime) -> ActedOn:
    with database.transaction() as session:
        standing = leave(
            session, token.id, Evidence(form="mail to the unsubscribe address"), now=now
        )
    if standing.changed:
        return ActedOn(MailFor.LEFT, "The reader has left, as the mail asked.")
    return ActedOn(MailFor.LEFT_BEFORE, "The reader had left before: nothing was changed.")


def _note(database: Database, token: Token, content: bytes, now: datetime) -> ActedOn:
    gone: list[Subscriber] = []
    with database.transaction() as session:
        complained: list[Subscriber] = []

        def complain(reader: Subscriber, mailed_at: datetime) -> None:
            # One that comes again, after a person has let them be mailed again, says nothing new.
            mac, reason = reader.suppression_mac, SuppressionReason.COMPLAINED
            if not lifted_since(session, mac, reason, mailed_at):
                complained.append(reader)

        if token.number == OF_A_NOTICE:
            told = (gone.append, complain)
            noted = note_notice(session, token.id, content, *told)
        else:
            noted = note_bounce(
                session, token.number, token.id, content, now, gone.append, complain
            )
        for reader in complained:
            end_all(session, reader, Evidence(form="report of spam"), now=now)
        reasons = ((gone, SuppressionReason.BOUNCED), (complained, SuppressionReason.COMPLAINED))
        for readers, reason in reasons:
            for reader in readers:
                if reader.suppression_mac is not None:
                    suppress(session, reader.suppression_mac, reason, now=now)
    if gone:
        return ActedOn(MailFor.BOUNCE, _GONE)
    return ActedOn(MailFor.BOUNCE, _SENTENCES[noted])


def _hear(database: Database, token: Token) -> ActedOn:
    with database.transaction() as session:
        proves = note_arrival(session, token)
    return ActedOn(
        MailFor.ECHO,
        "Digest’s mail to itself has arrived: issues offer an address to leave by."
        if proves
        else "This is a mail of Digest to itself that proves nothing, as it is old, known, or of "
        "another domain: nothing was changed.",
    )


def _first_token(ring: KeyRing, purpose: Purpose, candidates: Iterable[str]) -> Token | None:
    for candidate in candidates:
        try:
            return ring.read_local_part(purpose, candidate)
        except BadTokenError:
            continue
    return None


def _local_parts(content: bytes, recipients: Sequence[str]) -> Iterator[str]:
    for recipient in recipients[:MOST_CANDIDATES]:
        yield recipient.rpartition("@")[0]
    found = 0
    for value in _recipient_fields(content):
        for match in LOCAL_PART.finditer(value):
            yield match[1].decode("ascii")
            found += 1
            if found == MOST_CANDIDATES:
                return


def _recipient_fields(content: bytes) -> Iterator[bytes]:
    block = content[:LONGEST_HEADER_BLOCK].lstrip(b"\r\n")
    end = END_OF_HEADER.search(block)
    header = FOLD.sub(b" ", block[: end.start()] if end else block)
    for line in header.splitlines():
        name, colon, value = line.partition(b":")
        if colon and name.strip().lower() in RECIPIENT_FIELDS:
            yield value
