"""What became of an issue, so that the numbers add up."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from digest.delivery.waiting import Waited, waits_of
from digest.models import OPEN, Delivery, DeliveryState, Issue, IssueState


@dataclass(frozen=True)
class Report:
    """`audience` is always the sum of `counts`. `reasons`: who did not get it, largest first.

    `waits`: what the issue was parked for, the longest first.
    """

    issue_id: int
    state: IssueState
    reason: str | None
    audience: int
    counts: dict[DeliveryState, int]
    reasons: tuple[tuple[str, int], ...]
    waits: tuple[Waited, ...] = ()

    @property
    def accepted(self) -> int:
        """Those that bounced later included."""
        return sum(
            self.counts[state]
            for state in (DeliveryState.ACCEPTED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED)
        )

    @property
    def to_go(self) -> int:
        return sum(self.counts[state] for state in OPEN)

    @property
    def in_doubt(self) -> int:
        return self.counts[DeliveryState.IN_DOUBT]

    @property
    def missed(self) -> int:
        """Those who did not get it."""
        return self.audience - self.accepted - self.to_go - self.in_doubt

    @property
    def adds_up(self) -> bool:
        return self.audience == sum(self.counts.values())


def report(session: Session, issue: Issue) -> Report:
    """Count the ledger's rows of an issue."""
    counts = dict.fromkeys(DeliveryState, 0)
    found = session.execute(
        select(Delivery.state, func.count())
        .where(Delivery.issue_id == issue.id)
        .group_by(Delivery.state)
    )
    for state, readers in found:
        counts[state] = readers
    missed = session.execute(
        select(
            func.coalesce(Delivery.reason, Delivery.state),
            Delivery.code,
            func.count().label("readers"),
        )
        .where(
            Delivery.issue_id == issue.id,
            Delivery.state.in_(
                (DeliveryState.FAILED, DeliveryState.EXCLUDED, DeliveryState.CANCELLED)
            ),
        )
        .group_by(func.coalesce(Delivery.reason, Delivery.state), Delivery.code)
        .order_by(func.count().desc())
    )
    reasons = tuple(
        (f"{reason} ({code})" if code else str(reason), readers) for reason, code, readers in missed
    )
    return Report(
        issue_id=issue.id,
        state=issue.state,
        reason=issue.reason,
        audience=issue.audience or 0,
        counts=counts,
        reasons=reasons,
        waits=waits_of(session, issue.id),
    )
