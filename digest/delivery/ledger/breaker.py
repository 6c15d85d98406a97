"""The relay's breaker: while the relay is down nobody calls it, but one worker now and then.

    closed ──no session to be had──> open ──its time has come──> half open ──answered──> closed
                                       ^                             │
                                       └──────────no answer──────────┘

It is a row of the database, so that all workers see the same, moved by conditional statements. It
opens where no session with the relay is to be had: it does not answer, or turns us away. What a
relay says to one newsletter's sender, or to one issue's message, is that issue's own matter, which
is parked by itself. An issue that waits for the breaker has no `parked_until`.
"""

import secrets
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, or_, select, update
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.database.tables import database_now
from digest.delivery.ledger import sweeping
from digest.delivery.ledger.waiting import begin_waits, end_waits
from digest.delivery.relay.backoff import with_jitter
from digest.delivery.relay.connection import RelayDown, RelayRefused, RelayTrouble, Stage
from digest.logs import get_logger
from digest.models import Breaker, BreakerState, Issue, IssueState

# Minutes until it is tried again: where it was away, and where somebody has to change something.
AWAY_MINUTES = (1, 2, 5, 15)
REFUSED_MINUTES = (15,)
BEFORE_MAIL = frozenset({Stage.CONNECT, Stage.EHLO, Stage.STARTTLS, Stage.AUTH})
GOING_AWAY = 421

log = get_logger(__name__)


@dataclass(frozen=True)
class Admission:
    """Leave to call the relay. `probe`: to try it, on behalf of everybody."""

    probe: bytes | None = None


def is_of_relay(trouble: RelayTrouble) -> bool:
    """Tell trouble that everybody will have from that of one sender or one message."""
    closing = trouble.reply is not None and trouble.reply.code == GOING_AWAY
    return trouble.stage in BEFORE_MAIL or (trouble.stage is Stage.MAIL and closing)


def admit(
    session: Session, relay: str, *, lease_seconds: float, patience: float | None = None
) -> Admission | None:
    """Ask for leave to call the relay; None: it is down, or somebody is trying it right now.

    Bulk mail of an issue that is being sent is always let try an open breaker, as such an issue
    was parked when it opened: somebody, or the tick, wants to know. With `patience` (seconds) it
    has to be so long since the last try in vain.
    """
    state = session.execute(select(Breaker.state).where(Breaker.relay == relay)).scalar()
    if state in (None, BreakerState.CLOSED):
        return Admission()
    open_ = Breaker.state == BreakerState.OPEN
    if patience is not None:
        open_ &= or_(_is_due(), Breaker.failed_at <= database_now(-patience))
    probe = secrets.token_bytes(16)
    ours = session.execute(
        update(Breaker)
        .where(Breaker.relay == relay, or_(open_, _is_forsaken()))
        .values(state=BreakerState.HALF_OPEN, probe=probe, probe_until=database_now(lease_seconds))
        .returning(Breaker.relay)
        .execution_options(synchronize_session=False)
    )
    return Admission(probe) if ours.first() else None


def report_trouble(
    session: Session, relay: str, trouble: RelayTrouble, *, probe: bytes | None, claim: bytes
) -> None:
    """Open the breaker, and park every issue that is being sent.

    Unless the relay is merely too busy for one more: others have mail on the wire, and `claim`,
    which may hold none any more, steps back.
    """
    busy = isinstance(trouble, RelayDown) and trouble.reply is not None
    if probe is None and busy and sweeping.others_on_the_wire(session, claim):
        log.info("the relay takes no more connections", relay=relay, reason=str(trouble))
        return
    if _open(session, relay, trouble, probe):
        reason = str(trouble)[:500]
        parked = session.execute(
            update(Issue)
            .where(Issue.state == IssueState.SENDING)
            .values(state=IssueState.PARKED, reason=reason, parked_until=None)
            .returning(Issue.id)
            .execution_options(synchronize_session=False)
        )
        issues = list(parked.scalars())
        begin_waits(session, issues, reason)
        log.warning("the relay takes no mail", relay=relay, reason=reason, issues=issues)


def _open(session: Session, relay: str, trouble: RelayTrouble, probe: bytes | None) -> bool:
    """Open it, if we may. Return whether it is open now, be it by us or by another."""
    row = session.execute(select(Breaker).where(Breaker.relay == relay)).scalar_one_or_none()
    if row is None:
        # Unless another found out at the same moment.
        add_unless_there(session, Breaker(relay=relay, state=BreakerState.CLOSED, failures=0))
    failures = (row.failures if row else 0) + 1
    steps = REFUSED_MINUTES if isinstance(trouble, RelayRefused) else AWAY_MINUTES
    wait = with_jitter(steps[min(failures, len(steps)) - 1] * 60)
    is_closed = Breaker.state == BreakerState.CLOSED
    may = is_closed if probe is None else or_(is_closed, Breaker.probe == probe)
    session.execute(
        update(Breaker)
        .where(Breaker.relay == relay, may)
        .values(
            state=BreakerState.OPEN,
            reason=str(trouble)[:500],
            failures=failures,
            opened_at=case((is_closed, database_now()), else_=Breaker.opened_at),
            failed_at=database_now(),
            next_probe_at=database_now(wait),
            probe=None,
            probe_until=None,
        )
        .execution_options(synchronize_session=False)
    )
    state = session.execute(select(Breaker.state).where(Breaker.relay == relay)).scalar_one()
    # While another tries it, all shall wait for what comes of that.
    return state is BreakerState.OPEN


def report_success(session: Session, relay: str) -> list[int]:
    """Close the breaker. Return the issues that waited for it, and are sent on with now."""
    closed = session.execute(
        update(Breaker)
        .where(Breaker.relay == relay, Breaker.state != BreakerState.CLOSED)
        .values(
            state=BreakerState.CLOSED,
            reason=None,
            failures=0,
            next_probe_at=None,
            probe=None,
            probe_until=None,
        )
        .returning(Breaker.relay)
        .execution_options(synchronize_session=False)
    )
    if closed.first() is None:
        return []
    resumed = _resume(session, _waits_for_breaker())
    log.info("the relay takes mail again", relay=relay, issues=resumed)
    end_waits(session)
    return resumed


def withdraw(session: Session, probe: bytes) -> None:
    """Give up a try that nothing came of: the next may have it."""
    session.execute(
        update(Breaker)
        .where(Breaker.probe == probe)
        .values(state=BreakerState.OPEN, probe=None, probe_until=None)
        .execution_options(synchronize_session=False)
    )


def resume_for_probe(session: Session, relay: str) -> None:
    """Let one issue try the relay when it is time to; all of them where no breaker is open."""
    found = session.execute(
        select(Breaker.state, or_(_is_due(), _is_forsaken())).where(Breaker.relay == relay)
    ).one_or_none()
    if found is None or found[0] is BreakerState.CLOSED:
        # The relay's name may have changed in the settings.
        _resume(session, _waits_for_breaker())
        end_waits(session)
    elif found[1]:
        first = select(Issue.id).where(_waits_for_breaker()).order_by(Issue.send_at, Issue.id)
        _resume(session, Issue.id == first.limit(1).scalar_subquery())


def _resume(session: Session, which: ColumnElement[bool]) -> list[int]:
    resumed = session.execute(
        update(Issue)
        .where(which, Issue.state == IssueState.PARKED)
        .values(state=IssueState.SENDING, reason=None)
        .returning(Issue.id)
        .execution_options(synchronize_session=False)
    )
    return list(resumed.scalars())


def _waits_for_breaker() -> ColumnElement[bool]:
    return and_(Issue.state == IssueState.PARKED, Issue.parked_until.is_(None))


def _is_due() -> ColumnElement[bool]:
    return and_(Breaker.state == BreakerState.OPEN, Breaker.next_probe_at <= database_now())


def _is_forsaken() -> ColumnElement[bool]:
    return and_(Breaker.state == BreakerState.HALF_OPEN, Breaker.probe_until < database_now())
