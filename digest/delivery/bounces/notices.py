"""A notice that came back: a confirmation, a fresh link, a word to an editor."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.delivery.bounces.noting import NO_BOUNCE, NO_FAILURE, Noted, kind_of, known_of
from digest.delivery.bounces.reading import Mail, read_mail
from digest.delivery.bounces.reasons import reason_of
from digest.models import BounceKind, BounceReason, Notice, NoticeKind, NoticeState, Subscriber

CAME_BACK = "It came back."
TO_ANOTHER_ADDRESS = (NoticeKind.CONFIRMATION, NoticeKind.ADDRESS_CHANGED)
# A report proves that the relay had taken it, also where its 250 is not written down yet.
RETURNABLE = (NoticeState.ACCEPTED, NoticeState.SENDING)


def note_notice(
    session: Session,
    token_id: bytes,
    content: bytes,
    on_dead: Callable[[Subscriber], object],
    on_complaint: Callable[[Subscriber, datetime], object],
) -> Noted:
    """Write down what a mail to the VERP address of a notice reports. Repeatable.

    One that was accepted and came back for good has failed. Nothing more follows where it was to
    somebody who is no reader: their sign-up runs out by itself. `on_dead` and `on_complaint` are
    told of a reader, as by `note_bounce`.
    """
    mail, recipients = read_mail(content)
    if mail in NO_BOUNCE:
        return NO_BOUNCE[mail]
    found = session.scalar(select(Notice).where(Notice.token_id == token_id))
    if found is None:
        return Noted.UNKNOWN_DELIVERY
    # Some are about a reader, and to an address that is not theirs yet, or not any more.
    reader = found.subscriber if found.kind not in TO_ANOTHER_ADDRESS else None
    if mail is Mail.COMPLAINT:
        if reader is None:
            return Noted.NO_REPORT
        on_complaint(reader, found.created_at)
        return Noted.COMPLAINT
    # It went to one address: several that a report tells apart say nothing for certain.
    status = recipients[0] if len({kind_of(each) for each in recipients}) == 1 else None
    if status is not None and status.action in NO_FAILURE:
        return Noted.NO_REPORT
    kind = kind_of(status)
    if status is None or kind is not BounceKind.PERMANENT:
        return Noted.DELAYED if kind is BounceKind.TRANSIENT else Noted.UNCLEAR
    failed = session.execute(
        update(Notice)
        .where(Notice.id == found.id, Notice.state.in_(RETURNABLE))
        .values(
            state=NoticeState.FAILED,
            final_at=database_now(),
            code=status.code,
            enhanced=status.enhanced,
            reply=CAME_BACK,
            to_address=None,
            lease_until=None,
        )
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    )
    if failed.first() is None:
        return Noted.KNOWN
    dead = reason_of(status.enhanced, status.words, code=status.code) is BounceReason.ADDRESS
    if dead and reader is not None and status.is_of(known_of(reader)):
        on_dead(reader)
    return Noted.BOUNCED
