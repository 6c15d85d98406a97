"""Showing all that is held about one reader."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, joinedload

from digest.models import (
    AddressChange,
    Consent,
    ConsentDetail,
    Delivery,
    Issue,
    Newsletter,
    Notice,
    ReaderSession,
    SignUp,
    Subscriber,
    Subscription,
    Suppression,
    Terms,
    Wording,
)


@dataclass(frozen=True)
class PeriodRecord:
    """One period of one newsletter."""

    newsletter: str
    topics: list[str]
    site: str
    started_at: datetime
    paused_until: datetime | None
    ended_at: datetime | None
    ended_reason: str | None


@dataclass(frozen=True)
class ConsentRecord:
    """One event, with the words that were shown and where it came from."""

    kind: str
    at: datetime
    newsletter: str | None
    words: str | None
    terms_version: int | None
    email: str | None
    name: str | None
    ip: str | None
    user_agent: str | None
    page_url: str | None
    form: str | None


@dataclass(frozen=True)
class SignUpRecord:
    """A sign-up that still waits for its confirmation."""

    requested_at: datetime
    expires_at: datetime
    email: str | None
    name: str | None
    site: str
    form: str | None


@dataclass(frozen=True)
class DeliveryRecord:
    """An issue that was handed to the relay for this reader, or was not, and why."""

    newsletter: str
    number: int | None
    state: str
    reason: str | None
    at: datetime | None


@dataclass(frozen=True)
class SuppressionRecord:
    """Why the address must not be mailed."""

    reason: str
    created_at: datetime
    lifted_at: datetime | None


@dataclass(frozen=True)
class AddressChangeRecord:
    """A new address that waits to be confirmed."""

    email: str
    requested_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class NoticeRecord:
    """One mail to this reader alone: a link to confirm with, a fresh link, and the like.

    `reply`: what the relay said to it last, or why it could not be given to the relay.
    """

    kind: str
    state: str
    at: datetime
    reply: str | None


@dataclass(frozen=True)
class SessionRecord:
    """When the reader opened their own data by a fresh link."""

    opened_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class ReaderRecord:
    """Everything that is held about one reader (GDPR Article 15). `dataclasses.asdict` is JSON."""

    email: str | None
    name: str | None
    language: str
    created_at: datetime
    erased_at: datetime | None
    subject: str
    periods: tuple[PeriodRecord, ...]
    consents: tuple[ConsentRecord, ...]
    sign_ups: tuple[SignUpRecord, ...]
    deliveries: tuple[DeliveryRecord, ...]
    suppressions: tuple[SuppressionRecord, ...]
    address_changes: tuple[AddressChangeRecord, ...]
    notices: tuple[NoticeRecord, ...]
    sessions: tuple[SessionRecord, ...]


def show_reader(session: Session, reader: Subscriber) -> ReaderRecord:
    """Gather everything that is held about a reader."""
    return ReaderRecord(
        email=reader.email,
        name=reader.name,
        language=reader.language,
        created_at=reader.created_at,
        erased_at=reader.erased_at,
        subject=reader.subject.hex(),
        periods=tuple(_periods(session, reader)),
        consents=tuple(_consents(session, reader)),
        sign_ups=tuple(_sign_ups(session, reader)),
        deliveries=tuple(_deliveries(session, reader)),
        suppressions=tuple(_suppressions(session, reader)),
        address_changes=tuple(_address_changes(session, reader)),
        notices=tuple(_notices(session, reader)),
        sessions=tuple(_sessions(session, reader)),
    )


def _periods(session: Session, reader: Subscriber) -> Iterator[PeriodRecord]:
    statement = select(Subscription).where(Subscription.subscriber_id == reader.id)
    periods = session.scalars(
        statement.options(joinedload(Subscription.newsletter)).order_by(Subscription.id)
    )
    for period in periods:
        yield PeriodRecord(
            newsletter=period.newsletter.slug,
            topics=list(period.topics),
            site=period.site,
            started_at=period.started_at,
            paused_until=period.paused_until,
            ended_at=period.ended_at,
            ended_reason=period.ended_reason.value if period.ended_reason else None,
        )


def _consents(session: Session, reader: Subscriber) -> Iterator[ConsentRecord]:
    rows = session.execute(
        select(Consent, ConsentDetail, Newsletter.slug, Wording.label, Terms.version)
        .outerjoin(ConsentDetail, ConsentDetail.consent_id == Consent.id)
        .outerjoin(Newsletter, Newsletter.id == Consent.newsletter_id)
        .outerjoin(Wording, Wording.id == Consent.wording_id)
        .outerjoin(Terms, Terms.id == Consent.terms_id)
        .where(Consent.subject == reader.subject)
        .order_by(Consent.id)
    )
    for consent, detail, slug, label, version in rows:
        yield ConsentRecord(
            kind=consent.kind.value,
            at=consent.at,
            newsletter=slug,
            words=label,
            terms_version=version,
            email=detail.email if detail else None,
            name=detail.name if detail else None,
            ip=detail.ip if detail else None,
            user_agent=detail.user_agent if detail else None,
            page_url=detail.page_url if detail else None,
            form=detail.form if detail else None,
        )


def show_sign_ups(
    session: Session, key: str
) -> tuple[tuple[SignUpRecord, ...], tuple[NoticeRecord, ...]]:
    """Gather the sign-ups of an address that wait, and what became of their mails."""
    of_these = Notice.sign_up_id.in_(select(SignUp.id).where(SignUp.email_key == key))
    return tuple(_waiting(session, key)), tuple(map(_noticed, session.scalars(_to(of_these))))


def _sign_ups(session: Session, reader: Subscriber) -> Iterator[SignUpRecord]:
    if reader.email_key is not None:
        yield from _waiting(session, reader.email_key)


def _waiting(session: Session, key: str) -> Iterator[SignUpRecord]:
    statement = select(SignUp).where(SignUp.email_key == key).order_by(SignUp.id)
    for row in session.scalars(statement):
        yield SignUpRecord(
            requested_at=row.requested_at,
            expires_at=row.expires_at,
            email=row.email,
            name=row.name,
            site=row.site,
            form=row.form,
        )


def _deliveries(session: Session, reader: Subscriber) -> Iterator[DeliveryRecord]:
    # Named, so that a delivery is found by its key instead of in all of everybody's.
    had = select(Subscription.newsletter_id).where(Subscription.subscriber_id == reader.id)
    issues = session.scalars(
        select(Issue.id).where(Issue.newsletter_id.in_(had), Issue.folded_at.is_(None))
    ).all()
    rows = session.execute(
        select(Delivery, Issue.number, Newsletter.slug)
        .join(Issue, Issue.id == Delivery.issue_id)
        .join(Newsletter, Newsletter.id == Issue.newsletter_id)
        .where(Delivery.issue_id.in_(issues), Delivery.subscriber_id == reader.id)
        .order_by(Delivery.issue_id)
    )
    for delivery, number, slug in rows:
        yield DeliveryRecord(
            newsletter=slug,
            number=number,
            state=delivery.state.value,
            reason=delivery.reason,
            at=delivery.final_at,
        )


def _suppressions(session: Session, reader: Subscriber) -> Iterator[SuppressionRecord]:
    if reader.suppression_mac is None:
        return
    statement = select(Suppression).where(Suppression.mac == reader.suppression_mac)
    for row in session.scalars(statement.order_by(Suppression.id)):
        yield SuppressionRecord(row.reason.value, row.created_at, row.lifted_at)


def _address_changes(session: Session, reader: Subscriber) -> Iterator[AddressChangeRecord]:
    statement = select(AddressChange).where(AddressChange.subscriber_id == reader.id)
    for row in session.scalars(statement.order_by(AddressChange.id)):
        yield AddressChangeRecord(row.email, row.requested_at, row.expires_at)


def _notices(session: Session, reader: Subscriber) -> Iterator[NoticeRecord]:
    found = {each.id: each for each in session.scalars(_to(Notice.subscriber_id == reader.id))}
    # Whoever was erased has no key, and neither have strangers' sign-ups that were confirmed.
    if reader.email_key is not None:
        asked = session.scalars(select(SignUp.id).where(SignUp.email_key == reader.email_key)).all()
        # Apart, and only where there are any: by sign-up a notice has no index.
        if asked:
            waiting = session.scalars(_to(Notice.sign_up_id.in_(asked)))
            found |= {each.id: each for each in waiting}
    yield from map(_noticed, (found[notice_id] for notice_id in sorted(found)))


def _to(which: ColumnElement[bool]) -> Select[Notice]:
    return select(Notice).where(which).order_by(Notice.id)


def _noticed(notice: Notice) -> NoticeRecord:
    return NoticeRecord(notice.kind.value, notice.state.value, notice.created_at, notice.reply)


def _sessions(session: Session, reader: Subscriber) -> Iterator[SessionRecord]:
    statement = select(ReaderSession).where(ReaderSession.subscriber_id == reader.id)
    for row in session.scalars(statement.order_by(ReaderSession.id)):
        yield SessionRecord(row.opened_at, row.ends_at)
