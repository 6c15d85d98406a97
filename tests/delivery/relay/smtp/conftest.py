"""Scripted relays in both ways of speaking, and connections that are closed in time."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from digest.delivery.relay.connection import Connection
from tests.delivery.relay.smtp.cases import (
    LONG,
    MODES,
    Opener,
    session,
)
from tests.scripted_smtp import (
    ScriptedRelay,
)


@pytest.fixture(params=list(MODES))
def mode(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
def relay(mode: str) -> Iterator[ScriptedRelay]:
    with ScriptedRelay(extensions=MODES[mode]) as relay:
        yield relay
        assert relay.violations == []


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Open connections that are closed when the test ends, before its relay is."""
    with ExitStack() as stack:

        def opened(relay: ScriptedRelay, timeout: float = LONG, **options: object) -> Connection:
            connection = stack.enter_context(session(relay.address, timeout=LONG, **options))
            # Only now: a busy machine may take its time to answer a call.
            connection._wire.timeout = timeout
            return connection

        yield opened


@pytest.fixture(scope="module")
def persistent() -> Iterator[dict[str, tuple[ScriptedRelay, Connection]]]:
    """A relay and a connection for each mode, for tests with many examples."""
    with ExitStack() as stack:
        made = {}
        for mode, extensions in MODES.items():
            relay = stack.enter_context(ScriptedRelay(extensions=extensions))
            made[mode] = relay, stack.enter_context(session(relay.address))
        yield made
