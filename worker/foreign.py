"""The broker's list, into which others may write: what is no message of ours ends no worker.

Kombu takes what lies in a list for a message. What it cannot read as one it raises, out of the
worker's loop. Nothing is lost with such a thing: whatever rings finds its work in the database.
"""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

from digest.logs import get_logger

log = get_logger(__name__)


def read_on_behind_what_is_foreign() -> None:
    """Have this process's Celery take Redis's messages by the channel below.

    By the name of the transport, not by the setting `broker_transport`: with that kombu leaves out
    what rediss:// says about TLS.
    """
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"


class Channel(redis.Channel):
    """Kombu's channel, that reads on behind what is no message."""

    def _brpop_read(self, **options: Any) -> Any:
        held = set(self.qos._delivered or ())
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            # By then it is out of the list. It must not count as being worked on, either: a worker
            # that holds as many as it may asks for no more.
            for tag in set(self.qos._delivered or ()) - held:
                self.basic_reject(tag, requeue=False)
            log.warning(
                "something that is no message of ours was in the broker's list: another program's? "
                "Give each a DIGEST_REDIS_PREFIX of its own",
                error=type(error).__name__,
            )
            return True


class Transport(redis.Transport):
    """Kombu's transport, with those channels."""

    Channel = Channel
