"""The flood, and what became of it: how each sign-up was answered, and what each victim got."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Shot:
    """One sign-up for a victim, as a browser in some network would send it."""

    number: int
    email: str
    ip: str


def shots(count: int, victims: int, networks: int) -> Iterator[Shot]:
    """Return the sign-ups, each network with a few hosts, each address in changing case."""
    for number in range(count):
        victim, network = number % victims, (number * 7) % networks
        email = f"victim{victim}@example.org"
        ip = f"20.{network // 250}.{network % 250}.{1 + number % 200}"
        yield Shot(number, email.upper() if number % 3 == 0 else email, ip)


@dataclass
class Damage:
    """What it came to."""

    answers: Counter[int] = field(default_factory=Counter)
    mails: Counter[str] = field(default_factory=Counter)

    def told(self) -> str:
        """Say it in two lines."""
        counts = sorted(self.mails.values())
        answers = ", ".join(
            f"{count:,} × {status}" for status, count in sorted(self.answers.items())
        )
        each = (
            f"{counts[0]} to {counts[-1]} each, {statistics.median(counts):g} in the middle"
            if counts
            else "none"
        )
        return f"answers: {answers}\nmails: {sum(counts):,} for {len(counts)} victims, {each}"


def bomb(
    send: Callable[[Shot], int],
    *,
    count: int,
    victims: int,
    networks: int,
    hands: int = 1,
) -> Damage:
    """Send them all by so many hands at once. `send` returns the answer's status."""
    damage = Damage()
    with ThreadPoolExecutor(hands) as pool:
        damage.answers.update(pool.map(send, shots(count, victims, networks)))
    return damage
