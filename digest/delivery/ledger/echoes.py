"""Whether mail to the inbound domain arrives: seen of a mail of Digest to itself, its *echo*.

Only then is an address offered in List-Unsubscribe: some mail programs ask for that one first, and
a wish to leave that is lost is worse than one that has to be made on a page.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, literal, or_, select, update
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.database.tables import database_now
from digest.models import InboundDomain
from digest.tokens import KeyRing, Purpose, Token, new_token_id

# An echo that comes later than this proves nothing: servers try for days (RFC 5321 4.5.4.1).
LIVES = timedelta(days=2)
# One that has not come by then counts as lost, and whatever arrived before it no longer counts.
LOST_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class Standing:
    """What is known of a domain, and the database's time at which it was looked up."""

    now: datetime
    asked_at: datetime | None = None
    waiting_since: datetime | None = None
    seen_at: datetime | None = None
    seen_asked_at: datetime | None = None

    @property
    def proved(self) -> bool:
        """Whether mail is known to arrive."""
        if self.seen_at is None:
            return False
        return self.waiting_since is None or self.now - self.waiting_since < LOST_AFTER

    def answers(self, asked_at: datetime) -> bool:
        """Whether the echo that was sent at that moment, or a later one, has arrived."""
        return self.seen_asked_at is not None and self.seen_asked_at >= asked_at


def standing(session: Session, domain: str) -> Standing:
    """Look up what is known of `domain`."""
    now = session.execute(select(database_now())).scalar_one().astimezone(UTC)
    row = session.get(InboundDomain, domain)
    if row is None:
        return Standing(now)
    return Standing(now, row.asked_at, row.waiting_since, row.seen_at, row.seen_asked_at)


def proved_domain(session: Session, domain: str | None) -> str | None:
    """Return the inbound domain, if there is one and mail to it is known to arrive."""
    return domain if domain is not None and standing(session, domain).proved else None


def begin_echo(session: Session, ring: KeyRing, domain: str) -> tuple[str, datetime]:
    """Return an address to send an echo to, and the moment, in whole seconds, that it names.

    What is known of any other domain is forgotten: whoever changes it has to prove it anew.
    """
    session.execute(delete(InboundDomain).where(InboundDomain.name != domain))
    if session.get(InboundDomain, domain) is None:
        add_unless_there(session, InboundDomain(name=domain, token_id=new_token_id()))
    row = session.get_one(InboundDomain, domain)
    now = session.execute(select(database_now())).scalar_one()
    asked_at = datetime.fromtimestamp(int(now.timestamp()), UTC)
    local = ring.sign_local_part(Purpose.ECHO, row.token_id, int(asked_at.timestamp()))
    return f"{local}@{domain}", asked_at


def note_sent(session: Session, domain: str, asked_at: datetime) -> None:
    """Note that the relay took the echo of that moment; it may have arrived already."""
    moment = literal(asked_at, InboundDomain.asked_at.type)
    session.execute(
        update(InboundDomain).where(InboundDomain.name == domain).values(asked_at=moment)
    )
    session.execute(
        update(InboundDomain)
        .where(
            InboundDomain.name == domain,
            or_(InboundDomain.seen_asked_at.is_(None), InboundDomain.seen_asked_at < moment),
        )
        .values(waiting_since=func.coalesce(InboundDomain.waiting_since, moment))
    )


def note_arrival(session: Session, token: Token) -> bool:
    """Note that an echo arrived; return False, and note nothing, where it proves nothing.

    That is one of another domain, one that is too old, and one of which, or of a later one, it is
    known: whoever has a copy can send it for ever.
    """
    moment = literal(datetime.fromtimestamp(token.number, UTC), InboundDomain.asked_at.type)
    seen = session.execute(
        update(InboundDomain)
        .where(
            InboundDomain.token_id == token.id,
            or_(InboundDomain.seen_asked_at.is_(None), InboundDomain.seen_asked_at < moment),
            moment > database_now(-LIVES.total_seconds()),
        )
        .values(seen_at=database_now(), seen_asked_at=moment, waiting_since=None)
        .returning(InboundDomain.name)
    )
    return seen.first() is not None
