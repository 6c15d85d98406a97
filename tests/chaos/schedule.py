"""What happens in which round: drawn from a seed, so that it can be played again.

A seed replays the schedule (how many readers, which faults, when by the progress of the send). It
cannot replay how processes interleave.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.chaos.faults import Fault

READERS = (500, 900)
MOST_FAULTS = 3
# By the part of the audience whose message the relay has.
EARLIEST, LATEST = 0.03, 0.75
# Readers who are refused for good, or put off once: at the recipient, or at the final dot.
REFUSED, DEFERRED = 3, 6


@dataclass(frozen=True)
class Strike:
    """A fault, and the progress of the send at which it strikes (0 to 1)."""

    at: float
    fault: type[Fault]
    seed: str


@dataclass(frozen=True)
class Plan:
    """One round: `number` from 1; `seed` draws whatever the faults leave to chance."""

    number: int
    seed: str
    readers: int
    strikes: tuple[Strike, ...]


def plans(seed: int, rounds: int, faults: Sequence[type[Fault]]) -> list[Plan]:
    """Draw the rounds of a run. The first ones do not change when more are asked for."""
    cards = _cards(Random(f"{seed} cards"), faults)
    return [_plan(f"{seed}/{number}", number, cards) for number in range(1, rounds + 1)]


def _plan(seed: str, number: int, cards: Iterator[type[Fault]]) -> Plan:
    hand: list[type[Fault]] = []
    for _ in range(Random(f"{seed} hand").randint(1, MOST_FAULTS)):
        card = next(cards)
        if card not in hand:
            hand.append(card)
    return plan(seed, number, hand)


def plan(seed: str, number: int, hand: Sequence[type[Fault]]) -> Plan:
    """Draw a round in which these faults strike, in this order."""
    draw = Random(seed)
    moments = sorted(draw.uniform(EARLIEST, LATEST) for _ in hand)
    strikes = (
        Strike(at, fault, f"{seed} {fault.name}") for at, fault in zip(moments, hand, strict=True)
    )
    return Plan(number, seed, draw.randint(*READERS), tuple(strikes))


def _cards(draw: Random, faults: Sequence[type[Fault]]) -> Iterator[type[Fault]]:
    """Deal from a shuffled deck again and again: so each fault comes as often as any other."""
    while True:
        yield from draw.sample(list(faults), len(faults))
