"""A real SMTP server on loopback that takes every mail and keeps it."""

import asyncio
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True)
class Mail:
    """A mail as it came over the wire."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)


class SmtpSink:
    """Keeps what it gets in `messages`. The first answer is 250 as soon as a mail is kept."""

    def __init__(self) -> None:
        self.messages: list[Mail] = []
        self._arrival = threading.Condition()
        self._controller = _Controller(self, hostname="127.0.0.1", port=0)
        self._controller.start()
        self.port: int = self._controller.port
        self.url = f"smtp://127.0.0.1:{self.port}"

    def wait_for(self, count: int, timeout: float = 10.0) -> list[Mail]:
        """All mails, as soon as there are `count`."""
        with self._arrival:
            arrived = self._arrival.wait_for(lambda: len(self.messages) >= count, timeout)
            assert arrived, f"{len(self.messages)} of {count} mails came in {timeout:g} s"
            return list(self.messages)

    def close(self) -> None:
        self._controller.stop()

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        assert envelope.mail_from is not None
        with self._arrival:
            self.messages.append(Mail(envelope.mail_from, tuple(envelope.rcpt_tos), content))
            self._arrival.notify_all()
        return "250 2.0.0 kept"


class _Controller(Controller):
    """aiosmtpd's, on whatever port is free."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]
