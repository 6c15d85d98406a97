"""What became of an issue, so that the numbers add up."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, literal, null, select, update
from sqlalchemy.orm import Session

from digest.database.tables import database_now
from digest.delivery.ledger.waiting import Waited, waits_of
from digest.errors import RefusedError
from digest.logs import get_logger
from digest.models import (
    DID_NOT_GET_IT,
    ONCE_ACCEPTED,
    OPEN,
    Correction,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    IssueTotal,
    Rendering,
)

# The pace is that of the last minute; before so many seconds of it nobody can say.
LATELY_SECONDS, TOO_SOON_SECONDS = 60, 5

log = get_logger(__name__)


@dataclass(frozen=True)
class Edition:
    """One edition of a corrected issue: how many were sent it, and what is said of its correction.

    Of the first there is no `correction`.
    """

    number: int
    accepted: int
    correction: Correction | None


@dataclass(frozen=True)
class Report:
    """`audience` is always the sum of `counts`. `reasons`: who did not get it, largest first.

    `waits`: what the issue was parked for, the longest first. `editions`: of an issue that was
    corrected on its way, the first one first. `a_minute`: how many the relay accepted lately, None
    where nothing was, or it is too soon to say.
    """

    issue_id: int
    state: IssueState
    reason: str | None
    audience: int
    counts: dict[DeliveryState, int]
    reasons: tuple[tuple[str, int], ...]
    waits: tuple[Waited, ...] = ()
    editions: tuple[Edition, ...] = ()
    a_minute: int | None = None

    @property
    def accepted(self) -> int:
        """Those that bounced later included."""
        return sum(self.counts[state] for state in ONCE_ACCEPTED)

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


def report(session: Session, issue: Issue, *, as_counted: bool = False) -> Report:
    """Count the ledger's rows of an issue; of a folded one, read what was counted.

    `as_counted`: read what the tick counted at `Issue.counted_at`, where it has: no delivery.
    """
    live = issue.folded_at is None and not (as_counted and issue.counted_at is not None)
    counts = dict.fromkeys(DeliveryState, 0)
    missed: Counter[str] = Counter()
    got: Counter[int | None] = Counter()
    pace = _Pace()
    for row in session.execute(_counted(issue, live)):
        counts[row.state] += row.readers
        if row.state in DID_NOT_GET_IT:
            words = row.reason or str(row.state)
            missed[f"{words} ({row.code})" if row.code else words] += row.readers
        elif row.state in ONCE_ACCEPTED:
            got[row.rendering_id] += row.readers
        pace.add(row.lately, row.first_at, row.now)
    return Report(
        issue_id=issue.id,
        state=issue.state,
        reason=issue.reason,
        audience=issue.audience or 0,
        counts=counts,
        reasons=tuple(sorted(missed.items(), key=lambda found: (-found[1], found[0]))),
        waits=waits_of(session, issue.id),
        editions=_editions(session, issue, got, live),
        a_minute=pace.a_minute,
    )


def _counted(issue: Issue, live: bool) -> Select[*tuple[Any, ...]]:
    if not live:
        return select(
            IssueTotal.state,
            IssueTotal.reason,
            IssueTotal.code,
            IssueTotal.readers,
            null().label("rendering_id"),
            literal(0).label("lately"),
            null().label("first_at"),
            null().label("now"),
        ).where(IssueTotal.issue_id == issue.id)
    accepted = Delivery.state == DeliveryState.ACCEPTED
    # Not what a person settled.
    by_relay = accepted & Delivery.reason.is_(None)
    lately = by_relay & (Delivery.final_at > database_now(-LATELY_SECONDS))
    return (
        select(
            Delivery.state,
            Delivery.reason,
            Delivery.code,
            func.count().label("readers"),
            Delivery.rendering_id,
            func.count(case((lately, 1))).label("lately"),
            func.min(case((accepted, Delivery.final_at))).label("first_at"),
            database_now().label("now"),
        )
        .where(Delivery.issue_id == issue.id)
        .group_by(Delivery.state, Delivery.reason, Delivery.code, Delivery.rendering_id)
    )


@dataclass
class _Pace:
    """How quickly it goes, by the database's clock."""

    lately: int = 0
    first_at: datetime | None = None
    now: datetime | None = None

    def add(self, lately: int, first_at: datetime | None, now: datetime | None) -> None:
        self.lately += lately
        self.now = now
        if first_at is not None:
            self.first_at = min(first_at, self.first_at or first_at)

    @property
    def a_minute(self) -> int | None:
        if not self.lately or self.first_at is None or self.now is None:
            return None
        seconds = min(LATELY_SECONDS, (self.now - self.first_at).total_seconds())
        return round(self.lately * 60 / seconds) if seconds >= TOO_SOON_SECONDS else None


def _editions(
    session: Session, issue: Issue, got: Counter[int | None], live: bool
) -> tuple[Edition, ...]:
    corrections = corrections_of(session, issue.id)
    if not corrections:
        return ()
    said = {each.edition: each for each in corrections}
    accepted: Counter[int] = Counter()
    found = session.execute(
        select(Rendering.id, Rendering.edition, Rendering.accepted).where(
            Rendering.issue_id == issue.id
        )
    )
    for rendering_id, edition, counted in found:
        if live:
            accepted[edition] += got[rendering_id]
        elif counted is None and edition == 1:
            # Folded before editions were counted: then there was one, and nothing is sent since.
            accepted[edition] += got[None]
        else:
            accepted[edition] += counted or 0
    return tuple(Edition(number, accepted[number], said.get(number)) for number in sorted(accepted))


def corrections_of(session: Session, issue_id: int) -> list[Correction]:
    """Return how an issue was corrected after its freeze, the first one first."""
    return list(
        session.scalars(
            select(Correction).where(Correction.issue_id == issue_id).order_by(Correction.edition)
        )
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
