"""What became of an issue, so that the numbers add up."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from digest.models import (
    DID_NOT_GET_IT,
    OPEN,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    IssueTotal,
)


@dataclass(frozen=True)
class Report:
    """`audience` is always the sum of `counts`. `reasons`: who did not get it, largest first."""

    issue_id: int
    state: IssueState
    reason: str | None
    audience: int
    counts: dict[DeliveryState, int]
    reasons: tuple[tuple[str, int], ...]

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
    """Count the ledger's rows of an issue; of a folded one, read what was counted."""
    counts = dict.fromkeys(DeliveryState, 0)
    missed: Counter[str] = Counter()
    for state, reason, code, readers in session.execute(_counted(issue)):
        counts[state] += readers
        if state in DID_NOT_GET_IT:
            words = reason or str(state)
            missed[f"{words} ({code})" if code else words] += readers
    return Report(
        issue_id=issue.id,
        state=issue.state,
        reason=issue.reason,
        audience=issue.audience or 0,
        counts=counts,
        reasons=tuple(sorted(missed.items(), key=lambda found: (-found[1], found[0]))),
    )


def _counted(issue: Issue) -> Select[DeliveryState, Any, Any, int]:
    if issue.folded_at is not None:
        return select(
            IssueTotal.state, IssueTotal.reason, IssueTotal.code, IssueTotal.readers
        ).where(IssueTotal.issue_id == issue.id)
    return (
        select(Delivery.state, Delivery.reason, Delivery.code, func.count())
        .where(Delivery.issue_id == issue.id)
        .group_by(Delivery.state, Delivery.reason, Delivery.code)
    )
