"""Whose matter a relay's answers are: a reader's, or ours, which is no reader's failure."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from digest.delivery.relay.connection import (
    Fate,
    Outcome,
    RelayDown,
    RelayRefused,
    RelayTrouble,
    Reply,
    Stage,
)

# So many readers refused, or put off, one after the other in the same words.
VERDICT_RUN = 10

# RFC 3463 3.2 and 3.3: no such mailbox, system or domain; bad syntax; moved; a null MX (RFC 7505);
# a mailbox that is disabled. RFC 6531 3.5: the next server takes no address beyond ASCII.
OF_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.6.7"})
# The same, said of the message: its header has such an address in it.
OF_ITS_LETTERS = frozenset({"5.6.7", "5.6.9"})
# RFC 3463 3.2: the sender's address, its syntax or its domain.
OF_SENDER = frozenset({"5.1.7", "5.1.8"})
SIGN_IN_FIRST = 530
# RFC 3463 3.4, 3.5 and 3.6: the relay is full or busy, wants fewer recipients, or has a policy.
OF_RATE = ("4.3.", "4.4.5", "4.5.3", "4.7.")
RATE_CODES = frozenset({421, 450, 451, 452})


class _Words(NamedTuple):
    """What makes answers alike. A refusal's text may name the reader; that of a rate does not."""

    fate: Fate
    stage: Stage
    code: int
    enhanced: str | None
    text: str


@dataclass(frozen=True)
class Verdict:
    """`outcomes` that stand, and the relay's `trouble`.

    `recalled`: readers written down as refused before, who were not meant. `postponed`: those whom
    the relay would not take at this pace.
    """

    outcomes: Sequence[Outcome]
    recalled: Sequence[Hashable] = ()
    postponed: Sequence[Outcome] = ()
    trouble: RelayTrouble | None = None


@dataclass
class Judge:
    """Looks at one connection after the other, of one sender of one issue.

    `has_arrived` asks the ledger whether the relay has accepted this issue for anybody.
    """

    has_arrived: Callable[[], bool]
    proven: bool = False
    """Whether the relay has given a definite answer in this connection: it lives."""
    arrived: bool = False
    run: list[Outcome] = field(default_factory=list)

    def new_connection(self) -> None:
        self.proven = False

    def judge(self, outcomes: Sequence[Outcome], trouble: RelayTrouble | None) -> Verdict:
        """Tell the relay's trouble from the readers': a verdict on the issue is not theirs."""
        accepted = any(outcome.fate is Fate.ACCEPTED for outcome in outcomes)
        self.arrived = self.arrived or accepted
        self.proven = self.proven or accepted or any(map(_is_definite, outcomes))
        if isinstance(trouble, RelayDown) and self.proven:
            # Many relays hang up after so many messages or refusals: it is there, so call again.
            trouble = None
        for outcome in outcomes:
            self._follow(outcome)
        if len(self.run) < VERDICT_RUN:
            return Verdict(outcomes, trouble=trouble)
        if self.run[-1].fate is Fate.DEFERRED:
            return self._too_quick(outcomes)
        if self._is_ours(self.run[-1]):
            return self._refused(outcomes)
        return Verdict(outcomes, trouble=trouble)

    def _follow(self, outcome: Outcome) -> None:
        if outcome.fate is Fate.UNSENT:
            return
        words = _words(outcome)
        if words is None:
            self.run.clear()
        elif self.run and _words(self.run[-1]) == words:
            self.run.append(outcome)
        else:
            self.run = [outcome]

    def _is_ours(self, outcome: Outcome) -> bool:
        if outcome.stage is Stage.FINAL_DOT or _speaks_of_us(outcome.reply):
            return True
        self.arrived = self.arrived or self.has_arrived()
        return not self.arrived

    def _refused(self, outcomes: Sequence[Outcome]) -> Verdict:
        refused = {outcome.key for outcome in self.run}
        last = self.run[-1]
        self.run.clear()
        kept = [
            Outcome(each.key, Fate.UNSENT, None, each.stage) if each.key in refused else each
            for each in outcomes
        ]
        what = "message" if last.stage is Stage.FINAL_DOT else "reader"
        words = f"The relay refuses every {what} of this issue: {last.reply}"
        recalled = refused - {each.key for each in outcomes}
        trouble = RelayRefused(words, stage=last.stage, reply=last.reply)
        return Verdict(kept, tuple(recalled), trouble=trouble)

    def _too_quick(self, outcomes: Sequence[Outcome]) -> Verdict:
        put_off = {outcome.key for outcome in self.run}
        last = self.run[-1]
        self.run.clear()
        words = f"The relay takes no more readers for now: {last.reply}"
        return Verdict(
            [each for each in outcomes if each.key not in put_off],
            postponed=[each for each in outcomes if each.key in put_off],
            trouble=RelayDown(words, stage=last.stage, reply=last.reply),
        )


def _is_definite(outcome: Outcome) -> bool:
    return outcome.stage is Stage.RCPT and outcome.fate is Fate.REFUSED


def _words(outcome: Outcome) -> _Words | None:
    """Return what a run is made of; None for what may be any single reader's matter."""
    reply, stage = outcome.reply, outcome.stage
    if reply is None:
        return None
    if outcome.fate is Fate.REFUSED and stage is Stage.FINAL_DOT:
        if reply.enhanced in OF_ITS_LETTERS:
            return None
        return _Words(outcome.fate, stage, reply.code, reply.enhanced, "")
    if outcome.fate is Fate.REFUSED and stage is Stage.RCPT and not _speaks_of_address(reply):
        return _Words(outcome.fate, stage, reply.code, reply.enhanced, "")
    if outcome.fate is Fate.DEFERRED and stage is Stage.RCPT and _may_speak_of_rate(reply):
        return _Words(outcome.fate, stage, reply.code, reply.enhanced, reply.text)
    return None


def _speaks_of_address(reply: Reply) -> bool:
    return reply.enhanced in OF_ADDRESS


def _speaks_of_us(reply: Reply | None) -> bool:
    assert reply is not None
    enhanced = reply.enhanced or ""
    return enhanced.startswith("5.7.") or enhanced in OF_SENDER or reply.code == SIGN_IN_FIRST


def _may_speak_of_rate(reply: Reply) -> bool:
    return reply.code in RATE_CODES and (reply.enhanced or "4.7.").startswith(OF_RATE)
