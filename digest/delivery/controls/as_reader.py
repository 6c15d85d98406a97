"""An issue as one reader gets it: with what is theirs in it, but for links, which are nobody's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from digest import prose, zones
from digest.delivery.controls.previewing import Preview, Signed, preview_issue
from digest.delivery.ledger.audience import reason_left_out
from digest.delivery.messages import Links
from digest.errors import RefusedError
from digest.models import (
    Correction,
    Delivery,
    DeliveryState,
    Issue,
    Rendering,
    Subscriber,
    Subscription,
)

WHY_NOT = {
    "suppressed": "Mail to this reader is blocked, so they would not get it.",
    "left": "This reader has left, so they would not get it.",
    "paused": "This reader has paused, so they would not get it now.",
}

WHY_DID_NOT = {
    DeliveryState.FAILED: "failed",
    DeliveryState.EXCLUDED: "was left out",
    DeliveryState.CANCELLED: "was cancelled",
}


@dataclass(frozen=True)
class Edition:
    """Frozen bytes of an issue, and what they are called."""

    rendering_id: int
    called: str


def editions_of(session: Session, issue: Issue) -> Sequence[Edition]:
    """Return the frozen bytes of an issue where readers got more than one kind, the newest last."""
    rows = session.execute(
        select(Rendering.id, Correction.at)
        .outerjoin(
            Correction,
            and_(
                Correction.issue_id == Rendering.issue_id, Correction.edition == Rendering.edition
            ),
        )
        .where(Rendering.issue_id == issue.id)
        .order_by(Rendering.edition, Rendering.id)
    ).all()
    zone = zones.named(issue.newsletter.zone)
    if len(rows) < 2:
        return ()
    return tuple(
        Edition(id_, f"As corrected on {prose.short_day(at.astimezone(zone).date())}")
        if at
        else Edition(id_, "As it went out first")
        for id_, at in rows
    )


@dataclass(frozen=True)
class AsRead:
    """What a reader gets. `remark` is a sentence where they do not, or did not; else empty."""

    preview: Preview
    remark: str


def preview_as_reader(
    session: Session, issue: Issue, reader: Subscriber, *, links: Links, now: datetime
) -> AsRead:
    """Write an issue as a reader would get it now, or did: their edition, their name, their dates.

    Raises:
        RefusedError: they never had this newsletter, nothing personal is left of them, or the issue
            cannot be rendered as it is.
    """
    period = session.scalar(
        select(Subscription)
        .where(
            Subscription.subscriber_id == reader.id,
            Subscription.newsletter_id == issue.newsletter_id,
        )
        .order_by(Subscription.ended_at.is_not(None), Subscription.started_at.desc())
        .limit(1)
    )
    if period is None:
        raise RefusedError(f"This reader never had {issue.newsletter.name}.")
    if reader.email is None:
        raise RefusedError("This reader was erased: nothing is left to write a mail with.")
    rendering_id, remark = None, ""
    if issue.frozen_at is None:
        why = reason_left_out(session, issue.newsletter_id, reader.id, now)
        remark = WHY_NOT.get(why or "", "")
    else:
        # Which edition they get is decided when their mail leaves.
        delivery = session.execute(
            select(Delivery.rendering_id, Delivery.state).where(
                Delivery.issue_id == issue.id, Delivery.subscriber_id == reader.id
            )
        ).first()
        if delivery is None:
            remark = "No delivery of this issue to this reader is known: it shows what others got."
        else:
            rendering_id, state = delivery
            if state in WHY_DID_NOT:
                how = WHY_DID_NOT[state]
                remark = f"Its delivery to this reader {how}, so they did not get it."
    preview = preview_issue(
        session,
        issue,
        reader.email,
        links=links,
        now=now,
        signed=Signed(reader.name, period.site, period.started_at),
        rendering_id=rendering_id,
    )
    return AsRead(preview, remark)
