"""The relay as this installation's settings name it."""

from digest.delivery.relay.connection import Connection, Envelope, Fate, connect
from digest.delivery.relay.habits import Habits
from digest.settings.loading import Settings


def connect_to_relay(settings: Settings, habits: Habits | None = None) -> Connection:
    """Open a session with the relay. Raises RelayDown and RelayRefused."""
    return connect(
        settings.relay,
        timeout=settings.smtp_timeout,
        final_dot_timeout=settings.reply_timeout,
        local_hostname=settings.hello_name,
        habits=habits,
    )


def hand_over(settings: Settings, envelope: Envelope) -> tuple[Fate, str]:
    """Hand one mail to the relay, outside of any transaction. Return what came of it, in words too.

    Raises RelayTrouble: the relay is away, or does not take our mail.
    """
    with connect_to_relay(settings) as connection:
        outcome = next(iter(connection.send([envelope], deadline=lambda: False)))
        trouble = connection.trouble
    said = str(outcome.reply) if outcome.reply else outcome.reason or str(trouble or "")
    return outcome.fate, said
