"""The relay as this installation's settings name it."""

from digest.delivery.relay.connection import Connection, connect
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
