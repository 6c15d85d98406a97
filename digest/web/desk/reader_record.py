"""Which reader is meant, and how much of what is held about them whoever asks may see."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.errors import NotFoundError
from digest.models import Newsletter, Role, Subscriber, Subscription
from digest.readers.data.exporting import ReaderRecord, show_reader
from digest.web.desk.signed_in import desk


def sees_all() -> bool:
    """Tell whether whoever asks may see readers of every newsletter."""
    return desk().may(Role.READERS)


def reader_or_404(session: Session, reader_id: int) -> Subscriber:
    """Return a reader whom whoever asks may see.

    Raises:
        NotFoundError: there is none, or none of a newsletter whose readers they may see.
    """
    reader = session.get(Subscriber, reader_id)
    if reader is None or not (sees_all() or _seen_newsletters(session, reader)):
        raise NotFoundError("There is no such reader.")
    return reader


def record_for(session: Session, reader: Subscriber) -> ReaderRecord:
    """Return what is held about a reader: all of it, or what is of the newsletters they may see."""
    record = show_reader(session, reader)
    if sees_all():
        return record
    seen = _seen_newsletters(session, reader)
    # What belongs to no newsletter is for those alone who may see everything.
    return replace(
        record,
        periods=tuple(each for each in record.periods if each.newsletter in seen),
        consents=tuple(each for each in record.consents if each.newsletter in seen),
        deliveries=tuple(each for each in record.deliveries if each.newsletter in seen),
        sign_ups=(),
        suppressions=(),
        address_changes=(),
        notices=(),
        sessions=(),
    )


def _seen_newsletters(session: Session, reader: Subscriber) -> set[str]:
    """Return the slugs of what a reader gets or got, and whoever asks may see the readers of."""
    rows = session.execute(
        select(Newsletter.id, Newsletter.slug)
        .join(Subscription, Subscription.newsletter_id == Newsletter.id)
        .where(Subscription.subscriber_id == reader.id)
    )
    return {slug for newsletter_id, slug in rows if desk().may(Role.READERS, newsletter_id)}
