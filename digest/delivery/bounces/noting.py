"""A mail that came back: what it means for the delivery it was, and for an old issue's totals."""

import enum
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.database.tables import database_now
from digest.delivery.bounces.delivery_status import RecipientStatus
from digest.delivery.bounces.reading import Mail, read_mail
from digest.delivery.bounces.reasons import reason_of
from digest.models import (
    Bounce,
    BounceKind,
    BounceReason,
    Delivery,
    DeliveryState,
    Issue,
    IssueTotal,
    Subscriber,
    Subscription,
)

# A report proves that the relay had taken the message, also where its 250 is not written down yet.
RETURNABLE = (DeliveryState.ACCEPTED, DeliveryState.SENDING, DeliveryState.IN_DOUBT)
# RFC 3464 2.3.3; `deliverable` is Postfix’s, of an address that was only asked about.
NO_FAILURE = ("delivered", "relayed", "expanded", "deliverable")


class Noted(enum.Enum):
    """What came of a mail to a bounce address."""

    BOUNCED = "bounced"
    DELAYED = "delayed"
    UNCLEAR = "unclear"
    KNOWN = "known"
    NO_REPORT = "no report"
    AUTO_REPLY = "auto-reply"
    COMPLAINT = "complaint"
    UNKNOWN_DELIVERY = "unknown delivery"


NO_BOUNCE = {
    Mail.OTHER: Noted.NO_REPORT,
    Mail.AUTO_REPLY: Noted.AUTO_REPLY,
}
_NOTED = {
    BounceKind.PERMANENT: Noted.BOUNCED,
    BounceKind.TRANSIENT: Noted.DELAYED,
    BounceKind.UNKNOWN: Noted.UNCLEAR,
}


def note_bounce(
    session: Session,
    issue_id: int,
    token_id: bytes,
    content: bytes,
    now: datetime,
    on_dead: Callable[[Subscriber], object] | None = None,
    on_complaint: Callable[[Subscriber, datetime], object] | None = None,
) -> Noted:
    """Write down what a mail to the VERP address of (issue, subscription) reports. Repeatable.

    A report of a failure (action `failed`, whatever its status; RFC 3464 2.3.3) makes an accepted
    delivery a bounced one. One that machines cannot read says that it came back, not why, nor
    whether for good. Of a folded issue the totals are moved instead, once for each reader:
    the bounce's own row is the proof that it was done. Addresses are never kept, and nothing in
    words is where the reader has been erased.

    `on_dead` is told of the reader, once for a delivery, where the report proves that there is no
    such address: where it names theirs, and not one that their mail was forwarded to.
    `on_complaint` is told of one who reported the mail as spam (RFC 5965), each time, and of when
    that mail was frozen.
    """
    mail, recipients = read_mail(content)
    if mail in NO_BOUNCE:
        return NO_BOUNCE[mail]
    found = _find(session, issue_id, token_id)
    if found is None:
        return Noted.UNKNOWN_DELIVERY
    subscriber, folded, frozen_at = found
    if mail is Mail.COMPLAINT:
        if on_complaint:
            on_complaint(subscriber, frozen_at or now)
        return Noted.COMPLAINT
    status = _about(subscriber, recipients)
    if status is not None and status.action in NO_FAILURE:
        return Noted.NO_REPORT
    bounce = _bounce(issue_id, subscriber, status, now)
    is_new = add_unless_there(session, bounce)
    if on_dead and is_new and not folded and _proves_dead(subscriber, bounce, status):
        on_dead(subscriber)
    moved = False
    if bounce.kind is BounceKind.PERMANENT and not folded:
        moved = _move_row(session, bounce, status.code if status else None)
    elif bounce.kind is BounceKind.PERMANENT and is_new:
        moved = _move_total(session, issue_id)
    return _NOTED[bounce.kind] if is_new or moved else Noted.KNOWN


def _find(
    session: Session, issue_id: int, token_id: bytes
) -> tuple[Subscriber, bool, datetime | None] | None:
    """Return whose delivery it was, whether it is folded, and when its issue was frozen.

    None where there was none.
    """
    # Folding waits for this transaction, or this one for it.
    issue = session.execute(
        select(Issue.newsletter_id, Issue.folded_at, Issue.frozen_at)
        .where(Issue.id == issue_id)
        .with_for_update(read=True)
    ).first()
    reader = session.execute(
        select(Subscriber, Subscription.newsletter_id)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(Subscription.token_id == token_id)
    ).first()
    if issue is None or reader is None or reader.newsletter_id != issue.newsletter_id:
        return None
    folded = issue.folded_at is not None
    if not folded and session.get(Delivery, (issue_id, reader.Subscriber.id)) is None:
        return None
    return reader.Subscriber, folded, issue.frozen_at


def _bounce(
    issue_id: int, subscriber: Subscriber, status: RecipientStatus | None, now: datetime
) -> Bounce:
    text = None
    if status is not None and subscriber.email is not None:
        text = status.text(subscriber.email.rpartition("@")[0])
    kind, reason = kind_of(status), BounceReason.UNKNOWN
    if status is not None and kind is not BounceKind.UNKNOWN:
        final = kind is BounceKind.PERMANENT
        reason = reason_of(status.enhanced, status.words, code=status.code, final=final)
    return Bounce(
        issue_id=issue_id,
        subscriber_id=subscriber.id,
        kind=kind,
        reason=reason,
        at=now,
        enhanced=status.enhanced if status else None,
        text=text,
    )


def _proves_dead(subscriber: Subscriber, bounce: Bounce, status: RecipientStatus | None) -> bool:
    return (
        bounce.kind is BounceKind.PERMANENT
        and bounce.reason is BounceReason.ADDRESS
        and status is not None
        and status.is_of(known_of(subscriber))
    )


def known_of(subscriber: Subscriber) -> set[str]:
    """Return how a report may write a reader's address, in lower case."""
    return {each.lower() for each in (subscriber.email, subscriber.email_key) if each}


def _about(subscriber: Subscriber, recipients: Sequence[RecipientStatus]) -> RecipientStatus | None:
    """Find what is said of the reader. Whoever forwards mail is reported by another address."""
    known = known_of(subscriber)
    theirs = [found for found in recipients if found.addresses & known]
    candidates = theirs or recipients
    # Of several recipients that are not the reader, none speaks for the reader unless all agree.
    if len({kind_of(found) for found in candidates}) != 1:
        return None
    return candidates[0]


def kind_of(status: RecipientStatus | None) -> BounceKind:
    """Say whether a recipient's mail came back for good, is late, or may be either."""
    if status is None:
        return BounceKind.UNKNOWN
    if status.given_up:
        return BounceKind.PERMANENT
    klass = (status.enhanced or "")[:1]
    return (
        BounceKind.TRANSIENT if status.action == "delayed" or klass == "4" else BounceKind.UNKNOWN
    )


def _move_row(session: Session, bounce: Bounce, code: int | None) -> bool:
    moved = session.execute(
        update(Delivery)
        .where(
            Delivery.issue_id == bounce.issue_id,
            Delivery.subscriber_id == bounce.subscriber_id,
            Delivery.state.in_(RETURNABLE),
        )
        .values(
            state=DeliveryState.BOUNCED,
            final_at=database_now(),
            lease_until=None,
            code=code,
            enhanced=bounce.enhanced,
            reply=bounce.text,
        )
        .returning(Delivery.subscriber_id)
        .execution_options(synchronize_session=False)
    )
    return moved.first() is not None


def _move_total(session: Session, issue_id: int) -> bool:
    for state in (DeliveryState.ACCEPTED, DeliveryState.IN_DOUBT):
        if _add(session, issue_id, state, -1):
            return _add(session, issue_id, DeliveryState.BOUNCED, 1)
    return False


def _add(session: Session, issue_id: int, state: DeliveryState, readers: int) -> bool:
    changed = session.execute(
        update(IssueTotal)
        .where(
            IssueTotal.issue_id == issue_id,
            IssueTotal.state == state,
            IssueTotal.reason == "",
            IssueTotal.code == 0,
            IssueTotal.readers + readers >= 0,
        )
        .values(readers=IssueTotal.readers + readers)
        .returning(IssueTotal.issue_id)
        .execution_options(synchronize_session=False)
    )
    return changed.first() is not None
