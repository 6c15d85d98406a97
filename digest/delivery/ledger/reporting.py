"""What became of an issue, so that the numbers add up."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from digest.delivery.ledger.waiting import Waited, waits_of
from digest.errors import RefusedError
from digest.models import (
    DID_NOT_GET_IT,
    OPEN,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    IssueTotal,
)

log = structlog.get_logger(__name__)


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
    def unaccounted(self) -> int:
        """Readers of the audience of whom the ledger knows nothing; it should be none."""
        return self.audience - sum(self.counts.values())

    @property
    def adds_up(self) -> bool:
        return self.unaccounted == 0


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
        waits=waits_of(session, issue.id),
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


def check_account(session: Session, issue_id: int) -> None:
    """Write down how many of an issue's audience have no row; complain loudly unless it is none.

    Every row is in one of the states that the report adds up, so counting them is the whole sum.
    """
    rows = select(func.count()).select_from(Delivery).where(Delivery.issue_id == issue_id)
    checked = session.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.audience.is_not(None))
        .values(unaccounted=Issue.audience - rows.scalar_subquery())
        .returning(Issue.audience, Issue.unaccounted)
        .execution_options(synchronize_session=False)
    ).first()
    if checked is None or not checked.unaccounted:
        return
    reason = discrepancy(checked.audience, checked.unaccounted)
    log.error("issue does not add up", issue=issue_id, reason=reason)
    session.execute(
        update(Issue)
        .where(Issue.id == issue_id, Issue.state == IssueState.SENT)
        .values(reason=reason)
    )


def refuse_folded(issue: Issue) -> None:
    """Raise RefusedError where an issue's deliveries are kept no longer, reader by reader."""
    if issue.folded_at is not None:
        raise RefusedError(
            "It is so old that only its totals are kept (DIGEST_KEEP_MONTHS), so it cannot be told "
            "who got it. See: digest issue report"
        )


def discrepancy(audience: int, unaccounted: int) -> str:
    """Say that the numbers do not add up."""
    return (
        f"Its numbers do not add up: its audience is {audience:,}, and the ledger has "
        f"{audience - unaccounted:,}."
    )
