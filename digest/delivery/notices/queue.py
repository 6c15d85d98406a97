"""The queue of notices: who takes which, and what became of each. The caller commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, literal, or_, update
from sqlalchemy.orm import Session

from digest import home
from digest.database.tables import database_now
from digest.delivery.notices import statements
from digest.delivery.notices.letters import Letter
from digest.delivery.relay.backoff import GIVE_UP_AFTER, wait_before
from digest.delivery.relay.connection import Fate, Outcome
from digest.models import Notice, NoticeState
from digest.settings.loading import Settings

# How long notices wait for a relay that is away.
AWAY_SECONDS = 60


@dataclass(frozen=True)
class Told:
    """What is known of a window and not yet written down. `token`: whose it is.

    `for_all`: a relay that took none of it takes none of others either, and all may wait.
    """

    token: bytes = b""
    outcomes: Sequence[tuple[Letter, Outcome]] = ()
    for_all: bool = True

    @property
    def accepted(self) -> list[Outcome]:
        """What the relay took."""
        return [outcome for _, outcome in self.outcomes if outcome.fate is Fate.ACCEPTED]

    @property
    def has_reply(self) -> bool:
        """Whether the relay said anything about any of them."""
        return any(outcome.reply is not None for _, outcome in self.outcomes)


NOTHING = Told()


def is_due(session: Session, settings: Settings) -> bool:
    """Say whether a notice is to be sent now."""
    found = statements.run(session, statements.due(), lost_seconds=-settings.final_dot_wait)
    return found.first() is not None


def claim(
    session: Session, token: bytes, settings: Settings, size: int, *, told: bytes = b""
) -> list[int]:
    """Take up to `size` due notices by this token. Return their ids, in no order.

    Not those of the window `told`.
    """
    moved = statements.run(
        session,
        statements.claiming(home.at_home(session), size),
        token=token,
        told=told,
        lease_seconds=float(settings.lease_seconds),
        lost_seconds=-settings.final_dot_wait,
    )
    return list(moved.scalars())


def give_back(session: Session, token: bytes) -> None:
    """Queue what was taken by this token, of which nothing was sent."""
    session.execute(
        update(Notice)
        .where(statements.is_open(), *statements.held(token))
        .values(state=NoticeState.QUEUED, claim=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )


def put_off(session: Session, token: bytes | None = None) -> None:
    """Let all that is due wait until the relay may be there again, and what is taken by `token`."""
    due = statements.is_in(NoticeState.QUEUED) & (Notice.next_attempt_at <= database_now())
    ours = statements.is_in(NoticeState.SENDING) & (Notice.claim == token)
    session.execute(
        update(Notice)
        .where(statements.is_open(), or_(due, ours) if token is not None else due)
        .values(
            state=NoticeState.QUEUED,
            claim=None,
            lease_until=None,
            next_attempt_at=database_now(AWAY_SECONDS),
        )
        .execution_options(synchronize_session=False)
    )


def write_down(session: Session, told: Told) -> None:
    """Write what came of a window: what the relay accepted together, all else one by one.

    Done again, it changes nothing.
    """
    accepted = told.accepted
    if accepted:
        _accept(session, told.token, accepted)
    # Where the relay took some, it is there: what it did not come to can follow at once.
    pause = 0 if accepted or not told.for_all else AWAY_SECONDS
    for letter, outcome in told.outcomes:
        if outcome.fate is not Fate.ACCEPTED:
            _record(session, told.token, letter, outcome, pause)


def _accept(session: Session, token: bytes, outcomes: Sequence[Outcome]) -> None:
    rows = [
        (outcome.key, outcome.reply.code, outcome.reply.enhanced, outcome.reply.text)
        for outcome in outcomes
        if outcome.reply is not None
    ]
    names = ("id", "code", "enhanced", "reply")
    if statements.has_arrays(session):
        columns = zip(*rows, strict=True)
        lists = {f"{name}_list": list(of) for name, of in zip(names, columns, strict=True)}
        statements.run(session, statements.accepting(arrays=True), token=token, **lists)
        return
    each = [
        {"token": token, **{f"its_{name}": said for name, said in zip(names, row, strict=True)}}
        for row in rows
    ]
    session.connection().execute(statements.accepting(arrays=False), each)


def _record(session: Session, token: bytes, letter: Letter, outcome: Outcome, pause: float) -> None:
    reply = outcome.reply
    session.execute(
        update(Notice)
        .where(Notice.id == letter.notice_id, *statements.held(token))
        .values(
            attempts=letter.attempts + (outcome.fate is not Fate.UNSENT),
            code=reply.code if reply else None,
            enhanced=reply.enhanced if reply else None,
            reply=reply.text if reply else outcome.reason[:500] or None,
            **_after(letter, outcome.fate, pause),
        )
        .execution_options(synchronize_session=False)
    )


def _after(letter: Letter, fate: Fate, pause: float) -> dict[str, Any]:
    final = {"final_at": database_now(), "lease_until": None, "to_address": None}
    free = {"claim": None, "lease_until": None}
    if letter.moot:
        return {"state": NoticeState.CANCELLED, **final}
    if fate is Fate.REFUSED:
        return {"state": NoticeState.FAILED, **final}
    if fate is Fate.UNSENT:
        seconds = AWAY_SECONDS if letter.waits else pause
        return {"state": NoticeState.QUEUED, **free, "next_attempt_at": database_now(seconds)}
    wait = wait_before(letter.attempts + 1)
    too_late = Notice.released_at < database_now(wait - GIVE_UP_AFTER.total_seconds())
    if fate is Fate.IN_DOUBT:
        # It stays as it is until lease and final dot are over: the lease is the wait.
        return {
            **_given_up(too_late, otherwise=NoticeState.SENDING),
            "lease_until": database_now(wait),
        }
    return {
        **_given_up(too_late, otherwise=NoticeState.QUEUED),
        **free,
        "next_attempt_at": database_now(wait),
    }


def _given_up(too_late: ColumnElement[bool], *, otherwise: NoticeState) -> dict[str, Any]:
    return {
        "state": case(
            (too_late, literal(NoticeState.FAILED, Notice.state.type)),
            else_=literal(otherwise, Notice.state.type),
        ),
        "to_address": case((too_late, None), else_=Notice.to_address),
        "final_at": case((too_late, database_now()), else_=None),
    }
