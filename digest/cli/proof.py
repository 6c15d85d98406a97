"""What the story is held against: the bytes that arrived, and what a second connection reads."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from digest.database.transactions import Database
from digest.delivery.ledger.claiming import Recipient
from digest.delivery.messages import Links, load_mailing, write_message
from digest.delivery.relay.connection import Envelope
from digest.models import (
    Article,
    Consent,
    ConsentKind,
    Delivery,
    DeliveryState,
    EndedReason,
    Issue,
    IssueState,
    Notice,
    NoticeState,
    Rendering,
    SignUp,
    Source,
    Story,
    Subscriber,
    Subscription,
)

Person = type[SignUp] | type[Subscriber]


class StoryError(Exception):
    """A step did not hold: what was expected, and what was found."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"Expected: {expected}\nFound: {found}")
        self.expected = expected
        self.found = found


def expect(holds: bool, expected: str, found: str) -> None:
    """Raise StoryError unless it holds."""
    if not holds:
        raise StoryError(expected, found)


class ArrivedMail(Protocol):
    """A mail in the inbox."""

    @property
    def sender(self) -> str: ...
    @property
    def recipients(self) -> tuple[str, ...]: ...
    @property
    def content(self) -> bytes: ...


class ReadersInbox(Protocol):
    """Where the readers' mail arrives."""

    def messages(self) -> Sequence[ArrivedMail]: ...
    def wait_for(
        self, wanted: Callable[[ArrivedMail], bool], timeout_seconds: float
    ) -> ArrivedMail | None: ...


def parsed(mail: ArrivedMail) -> EmailMessage:
    """Read a mail, which must have no defect."""
    message = message_from_bytes(mail.content, policy=policy.default)
    defects = [defect for part in message.walk() for defect in part.defects]
    expect(not defects, "a mail without a defect", f"{defects}")
    return message


def both_parts(message: EmailMessage) -> tuple[str, str]:
    """Return a mail's text and its HTML; it must have exactly these, in this order."""
    kinds = [part.get_content_type() for part in message.iter_parts()]
    expect(kinds == ["text/plain", "text/html"], "a text part, then an HTML part", f"{kinds}")
    text, html = (str(part.get_content()) for part in message.iter_parts())
    return text, html


def first_difference(expected: bytes, found: bytes) -> str:
    """Say where two byte strings that should be the same begin to differ."""
    at = next(
        (at for at, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b),
        min(len(expected), len(found)),
    )
    start = max(0, at - 20)
    return (
        f"{len(found)} bytes instead of {len(expected)}, which differ from byte {at} on: "
        f"{found[start : at + 40]!r} instead of {expected[start : at + 40]!r}"
    )


@contextmanager
def witness_of(database_url: str) -> Iterator["Witness"]:
    """Open a connection of one's own, which sees only what was committed."""
    database = Database(database_url)
    try:
        yield Witness(database)
    finally:
        database.dispose()


class Witness:
    """Reads the database beside the product, each time in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def illustrated(self) -> set[str]:
        """Return the titles of the articles that have come in with a picture."""
        with self._database.reading() as session:
            return set(
                session.scalars(select(Article.title).where(Article.lead_image.is_not(None)))
            )

    def trouble(self, source_id: int) -> str | None:
        """Return why a source could not be fetched, if it could not."""
        with self._database.reading() as session:
            return session.get_one(Source, source_id).last_error

    def waiting_sign_ups(self, email: str) -> int:
        return self._count(SignUp.id, SignUp.email == email, SignUp.confirmed_at.is_(None))

    def consents(self, kind: ConsentKind, email: str, person: Person = Subscriber) -> int:
        subjects = select(person.subject).where(person.email == email)
        return self._count(Consent.id, Consent.kind == kind, Consent.subject.in_(subjects))

    def active_subscriptions(self) -> list[str | None]:
        with self._database.reading() as session:
            query = select(Subscriber.email).join(Subscription).order_by(Subscriber.email)
            return list(session.scalars(query.where(Subscription.ended_at.is_(None))))

    def reasons_to_leave(self, email: str) -> list[EndedReason | None]:
        with self._database.reading() as session:
            query = select(Subscription.ended_reason).join(Subscriber)
            return list(session.scalars(query.where(Subscriber.email == email)))

    def notices(self, email: str) -> list[tuple[NoticeState, str | None]]:
        """Return the state and the address of each notice for a sign-up."""
        with self._database.reading() as session:
            found = session.execute(
                select(Notice.state, Notice.to_address)
                .join(SignUp, Notice.sign_up_id == SignUp.id)
                .where(SignUp.email == email)
            )
            return [(state, address) for state, address in found]

    def open_notices(self) -> int:
        waits = Notice.state.in_((NoticeState.QUEUED, NoticeState.SENDING))
        return self._count(Notice.id, waits)

    def issue(self, issue_id: int) -> Issue:
        """Return an issue with its stories and their articles."""
        loading = selectinload(Issue.stories).selectinload(Story.article)
        with self._database.reading() as session:
            return session.scalars(select(Issue).where(Issue.id == issue_id).options(loading)).one()

    def ledger(self, issue_id: int) -> tuple[IssueState, list[tuple[str | None, DeliveryState]]]:
        """Return an issue's state, and its deliveries by reader."""
        with self._database.reading() as session:
            found = session.execute(
                select(Subscriber.email, Delivery.state)
                .join(Delivery, Delivery.subscriber_id == Subscriber.id)
                .where(Delivery.issue_id == issue_id)
                .order_by(Subscriber.email)
            )
            rows = [(email, state) for email, state in found]
            return session.get_one(Issue, issue_id).state, rows

    def frozen_message(self, issue_id: int, email: str, links: Links) -> Envelope:
        """Fill the frozen stencil for a reader: the bytes that ought to arrive."""
        with self._database.reading() as session:
            reader, period = session.execute(
                select(Subscriber, Subscription)
                .join(Subscription, Subscription.subscriber_id == Subscriber.id)
                .where(Subscriber.email == email)
            ).one()
            recipient = Recipient(
                subscriber_id=reader.id,
                reason=None,
                rendering_id=_rendering(session, issue_id),
                subject=reader.subject,
                email=reader.email,
                name=reader.name,
                token_id=period.token_id,
                site=period.site,
                started_at=period.started_at,
            )
            written = write_message(load_mailing(session, issue_id), recipient, links)
        if not isinstance(written, Envelope):
            raise StoryError(f"a message that can be written for {email}", written.reason)
        return written

    def _count(self, column: Any, *conditions: Any) -> int:
        with self._database.reading() as session:
            return session.scalar(select(func.count(column)).where(*conditions)) or 0


def _rendering(session: Session, issue_id: int) -> int:
    return session.scalars(select(Rendering.id).where(Rendering.issue_id == issue_id)).one()
