"""A reader leaves a newsletter; and, for an hour, may say that it was a mistake."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, and_, or_, select, update
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.database.tables import database_now
from digest.models import (
    ConsentKind,
    EndedReason,
    Notice,
    NoticeKind,
    NoticeState,
    SignUp,
    SignUpChoice,
    Subscriber,
    Subscription,
    Wording,
)
from digest.readers.consent.recording import Evidence, record_readers_consent
from digest.readers.preferences.standing import (
    Standing,
    can_undo,
    find_period,
    newest_period,
    standing_of,
)
from digest.readers.suppressed import is_suppressed
from digest.tokens import new_token_id


def leave(
    session: Session,
    token_id: bytes,
    evidence: Evidence | None = None,
    *,
    now: datetime,
    wording: Wording | None = None,
) -> Standing:
    """End whichever period of the link's newsletter is active now, however old the link is.

    Repeatable. An id that nothing is known of is not an error: whoever was erased has left.
    """
    period = find_period(session, token_id)
    if period is None:
        return Standing()
    changed = _end(
        session, period.subscriber, period.newsletter_id, EndedReason.LEFT, now, wording, evidence
    )
    return standing_of(session, period, now, changed=changed)


def end_all(session: Session, reader: Subscriber, evidence: Evidence, *, now: datetime) -> None:
    """End all that a reader gets, who reported mail of ours as spam. Repeatable."""
    active = select(Subscription.newsletter_id).where(
        Subscription.subscriber_id == reader.id, Subscription.ended_at.is_(None)
    )
    for newsletter_id in session.scalars(active.order_by(Subscription.id)).all():
        _end(session, reader, newsletter_id, EndedReason.COMPLAINED, now, None, evidence)


def _end(
    session: Session,
    reader: Subscriber,
    newsletter_id: int,
    reason: EndedReason,
    now: datetime,
    wording: Wording | None,
    evidence: Evidence | None,
) -> bool:
    ended = session.execute(
        update(Subscription)
        .where(
            Subscription.subscriber_id == reader.id,
            Subscription.newsletter_id == newsletter_id,
            Subscription.ended_at.is_(None),
        )
        .values(ended_at=now, ended_reason=reason)
    )
    changed = cast("CursorResult[Any]", ended).rowcount > 0
    if changed:
        _let_links_run_out(session, reader, newsletter_id, now)
        record_readers_consent(
            session,
            ConsentKind.WITHDRAWN,
            reader,
            now=now,
            newsletter_id=newsletter_id,
            wording=wording,
            evidence=evidence,
        )
    return changed


def undo_leaving(
    session: Session,
    token_id: bytes,
    evidence: Evidence | None = None,
    *,
    now: datetime,
    wording: Wording | None = None,
) -> Standing:
    """Open a new period after the one that ended within the hour; done again, nothing changes.

    Not after an erasure, nor where a suppression stops mail, nor for any period but the last.
    """
    period = find_period(session, token_id)
    if period is None:
        return Standing()
    reader = period.subscriber
    newest = newest_period(session, period.subscriber_id, period.newsletter_id)
    may = newest.id == period.id and can_undo(period, now)
    if not may or reader.erased_at or is_suppressed(session, reader.suppression_mac):
        return standing_of(session, period, now)
    restored = Subscription(
        token_id=new_token_id(),
        subscriber_id=period.subscriber_id,
        newsletter_id=period.newsletter_id,
        topics=list(period.topics),
        site=period.site,
        started_at=now,
        paused_until=period.paused_until,
    )
    if not add_unless_there(session, restored):
        # Pressed twice at the same moment: the other one has done it.
        return standing_of(session, period, now)
    record_readers_consent(
        session,
        ConsentKind.RESTORED,
        reader,
        now=now,
        newsletter_id=period.newsletter_id,
        wording=wording,
        evidence=evidence,
    )
    return standing_of(session, period, now, changed=True)


def _let_links_run_out(
    session: Session, reader: Subscriber, newsletter_id: int, now: datetime
) -> None:
    """A confirmation asked for before the goodbye must not undo it afterwards, nor arrive then."""
    if reader.email_key is None:
        return
    asks_for_it = select(SignUpChoice.sign_up_id).where(SignUpChoice.newsletter_id == newsletter_id)
    waiting = select(SignUp.id).where(
        SignUp.email_key == reader.email_key,
        SignUp.confirmed_at.is_(None),
        SignUp.id.in_(asks_for_it),
    )
    session.execute(
        update(Notice)
        .where(
            Notice.state.in_((NoticeState.QUEUED, NoticeState.SENDING)),
            or_(
                Notice.sign_up_id.in_(waiting),
                and_(
                    Notice.kind == NoticeKind.ALREADY_SIGNED_UP,
                    Notice.subscriber_id == reader.id,
                    Notice.newsletter_id == newsletter_id,
                ),
            ),
        )
        .values(state=NoticeState.CANCELLED, to_address=None, claim=None, final_at=database_now())
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(SignUp)
        .where(SignUp.id.in_(waiting), SignUp.expires_at > now)
        .values(expires_at=now)
        .execution_options(synchronize_session=False)
    )
