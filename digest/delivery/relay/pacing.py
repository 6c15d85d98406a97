"""How fast mail goes to the relay, and to each reader's domain, from all workers together."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from digest.addresses import AddressError, wire_address
from digest.delivery.relay.meters import Ask, LocalMeters, Meters, RedisMeters
from digest.settings.loading import Settings

# A window holds no more than what may leave in this time: mail flows, rather than come in bursts.
WINDOW_SECONDS = 0.25
# Those who wait for their domain come back together so often, and no row is woken for itself.
BOOKED_SECONDS = 0.5
EVERY_OTHER = "*"


@dataclass(frozen=True)
class Turn:
    """So many messages may be sent now; if none, ask again in `wait` seconds."""

    granted: int
    wait: float = 0.0


@dataclass(frozen=True)
class Postponed:
    """A reader whose domain is to get no more just now, and who waits for so many seconds."""

    subscriber_id: int
    seconds: float


class Pace:
    """The limits of an installation, for all threads of a process. Without any, it asks nobody."""

    def __init__(
        self,
        meters: Meters,
        *,
        relay: str = "",
        relay_rate: float = 0,
        domain_rates: Mapping[str, float] | None = None,
    ) -> None:
        """`relay_rate` and `domain_rates`: messages a second; 0, or no entry, is no limit."""
        self._meters = meters
        self._relay = f"pace:relay:{relay}"
        self._relay_rate = relay_rate
        self._domain_rates = dict(domain_rates or {})
        self._domain = f"pace:domain:{relay}:"

    @property
    def holds_domains_back(self) -> bool:
        """Whether any domain has a limit."""
        return any(self._domain_rates.values())

    def claim_size(self, most: int, seconds: float) -> int:
        """Return how many rows to claim: `most`, or what may leave in `seconds`, if that is less.

        Raises nothing, and asks nobody.
        """
        if not self._relay_rate:
            return most
        return max(1, min(most, int(self._relay_rate * self._meters.share * seconds)))

    def take(self, most: int) -> Turn:
        """Ask for a window of up to `most` messages: all of it is granted, or none."""
        if not self._relay_rate:
            return Turn(most)
        rate = self._relay_rate * self._meters.share
        window = max(1, min(most, int(rate * WINDOW_SECONDS)))
        return self._ask(Ask(self._relay, self._relay_rate, window, window))

    def take_for_notices(self, most: int) -> Turn:
        """Ask for up to `most` notices, before all bulk mail, which pays for it by waiting."""
        if not self._relay_rate:
            return Turn(most)
        most = max(1, min(most, int(self._relay_rate * self._meters.share)))
        return self._ask(Ask(self._relay, self._relay_rate, most, bursts=2))

    def give_back(self, unused: int) -> None:
        """Return what was granted and not needed."""
        if self._relay_rate and unused > 0:
            self._meters.take([Ask(self._relay, self._relay_rate, -unused)])

    def close(self) -> None:
        """Let go of the connection with Redis, where there is one."""
        self._meters.close()

    def _ask(self, ask: Ask) -> Turn:
        [told] = self._meters.take([ask])
        return Turn(told.granted, told.wait)

    def hold_back(self, addresses: Iterable[tuple[int, str]]) -> list[Postponed]:
        """Return those of these (subscriber, address) who have to wait for their domain's sake.

        They are given different moments, at the rate of their domain, so that all the others can
        go out meanwhile and nobody is taken up in vain.
        """
        limited: defaultdict[str, list[int]] = defaultdict(list)
        for subscriber_id, email in addresses:
            domain = _domain_of(email)
            if self._rate_of(domain):
                limited[domain].append(subscriber_id)
        asks = [
            Ask(self._domain + domain, self._rate_of(domain), len(those), books=True)
            for domain, those in limited.items()
        ]
        later: list[Postponed] = []
        for ask, those, told in zip(
            asks, limited.values(), self._meters.take(asks) if asks else [], strict=True
        ):
            interval = 1 / (ask.rate * self._meters.share)
            later += [
                Postponed(subscriber_id, _on_the_beat(told.wait + place * interval))
                for place, subscriber_id in enumerate(those[told.granted :])
            ]
        return later

    def _rate_of(self, domain: str) -> float:
        rates = self._domain_rates
        return rates[domain] if domain in rates else rates.get(EVERY_OTHER, 0) if domain else 0


def _domain_of(email: str) -> str:
    domain = email.rpartition("@")[2].lower()
    if domain.isascii():
        return domain
    try:
        return wire_address(email).rpartition("@")[2].lower()
    except AddressError:
        # It is refused where its message is written.
        return ""


def _on_the_beat(seconds: float) -> float:
    return ceil(seconds / BOOKED_SECONDS) * BOOKED_SECONDS


def open_pace(settings: Settings) -> Pace:
    """Return the pace that the settings ask for. Call it after any fork; it connects when asked."""
    shared = not settings.embedded and (settings.relay_rate or settings.domain_rates)
    return Pace(
        RedisMeters(settings.redis_url, prefix=settings.redis_prefix) if shared else LocalMeters(),
        relay=settings.relay.name,
        relay_rate=settings.relay_rate,
        domain_rates=dict(settings.domain_rates),
    )
