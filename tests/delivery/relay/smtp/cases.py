"""What the tests of the SMTP client share."""

import time
from collections.abc import Callable

from digest.delivery.relay.connection import Connection, Envelope, Fate, Outcome, connect
from digest.settings.loading import RelayAddress
from tests.scripted_smtp import (
    EXTENSIONS,
    ScriptedRelay,
    self_signed,
)

ACCEPTED, DEFERRED, REFUSED, UNSENT, IN_DOUBT = Fate

MODES = {
    "pipelining": EXTENSIONS,
    "plain": tuple(each for each in EXTENSIONS if each != "PIPELINING"),
}
# Seconds: one that no test should ever see the end of, and one that some wait for.
LONG, SHORT = 8.0, 0.3

Opener = Callable[..., Connection]


def session(address: RelayAddress, *, timeout: float = LONG, **options: object) -> Connection:
    if address.security != "none":
        options.setdefault("tls_context", self_signed().client_context())
    options.setdefault("final_dot_timeout", timeout)
    return connect(address, timeout=timeout, local_hostname="client.test", **options)  # type: ignore[arg-type]


def content(number: int) -> bytes:
    return b"Subject: %d\r\n\r\n.leading dot\r\n.\r\n..\r\nend of %d\r\n" % (number, number)


def envelopes(count: int, message: bytes | None = None) -> list[Envelope]:
    return [
        Envelope(
            number,
            f"bounce-{number}@digest.test",
            f"r{number}@example.org",
            content(number) if message is None else message,
        )
        for number in range(count)
    ]


def never() -> bool:
    return False


def send(connection: Connection, window: list[Envelope]) -> list[Outcome]:
    outcomes = list(connection.send(window, deadline=never))
    assert [outcome.key for outcome in outcomes] == [envelope.key for envelope in window]
    return outcomes


def fates(outcomes: list[Outcome]) -> list[Fate]:
    return [outcome.fate for outcome in outcomes]


def recipients(relay: ScriptedRelay) -> list[str]:
    return [recipient for mail in relay.messages for recipient in mail.recipients]


def left_alone(relay: ScriptedRelay) -> None:
    """Whoever was connected has hung up, without being asked to."""
    end = time.monotonic() + 10
    while relay.active:
        assert time.monotonic() < end, "the connection is still open"
        time.sleep(0.002)
