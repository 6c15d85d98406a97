"""A notice that came back: a confirmation, a fresh link, a word to an editor."""

from collections.abc import Callable

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.delivery.bounces.noting import NO_BOUNCE, NO_FAILURE, Noted, kind_of, known_of
from digest.delivery.bounces.reading import Mail, read_mail
from digest.delivery.bounces.reasons import reason_of
from digest.models import BounceKind, BounceReason, Notice, NoticeState, Subscriber

CAME_BACK = "It came back."

Tell = Callable[[Subscriber], object]


def note_notice(
    session: Session, token_id: bytes, content: bytes, on_dead: Tell, on_complaint: Tell
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
    reader = found.subscriber
    if mail is Mail.COMPLAINT:
        if reader is None:
            return Noted.NO_REPORT
        on_complaint(reader)
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
        .where(Notice.id == found.id, Notice.state == NoticeState.ACCEPTED)
        .values(
            state=NoticeState.FAILED,
            final_at=database_now(),
            code=status.code,
            enhanced=status.enhanced,
            reply=CAME_BACK,
        )
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    )
    if failed.first() is None:
        return Noted.KNOWN
    dead = reason_of(status.enhanced, status.words) is BounceReason.ADDRESS
    if dead and reader is not None and status.addresses & known_of(reader):
        on_dead(reader)
    return Noted.BOUNCED
