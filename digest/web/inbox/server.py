"""The inbox's SMTP server: a real one, on loopback, that keeps all mail and passes none on."""

import asyncio
import socket
import threading
from collections.abc import Callable
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, Envelope, Session

from digest.logs import get_logger
from digest.web.inbox.mailbox import Mailbox

# A digest is under 100 KB; its pictures are linked, not attached.
LARGEST_MAIL = 10 * 1024 * 1024
# RFC 5321 4.5.3.1.8: at least so many must be taken.
MOST_RECIPIENTS = 100
IDLE_SECONDS = 300
STOP_SECONDS = 10

log = get_logger(__name__)

ActOnMail = Callable[[bytes, tuple[str, ...]], bool]


class InboxServer:
    """Takes every mail that comes to `listener`, a bound socket, into `mailbox`.

    Mail to `inbound_domain` is first given to `act_on`, with its bytes and its recipients, which
    says whether to keep it; where that fails, the sender is told to try again later (451), and
    nothing is kept.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        listener: socket.socket,
        *,
        inbound_domain: str | None = None,
        act_on: ActOnMail | None = None,
    ) -> None:
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        self._handler = _Handler(mailbox, inbound_domain, act_on)
        self._connections: WeakSet[SMTP] = WeakSet()
        self._started = threading.Event()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="inbox-smtp")

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Close the port and every connection, and wait for the thread to end."""
        if self._loop is None:
            self._listener.close()
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with await self._loop.create_server(self._connect, sock=self._listener):
            self._started.set()
            await self._stopping.wait()
            for connection in list(self._connections):
                if isinstance(connection.transport, asyncio.Transport):
                    connection.transport.abort()

    def _connect(self) -> SMTP:
        # Given a name: aiosmtpd would ask the DNS for one.
        connection = SMTP(
            self._handler,
            data_size_limit=LARGEST_MAIL,
            hostname="localhost",
            ident="Digest inbox",
            timeout=IDLE_SECONDS,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            loop=asyncio.get_running_loop(),
        )
        self._connections.add(connection)
        return connection


class _Handler:
    """What the server does at each step of the dialogue (aiosmtpd's hooks)."""

    def __init__(
        self, mailbox: Mailbox, inbound_domain: str | None, act_on: ActOnMail | None
    ) -> None:
        self._mailbox = mailbox
        self._inbound_domain = inbound_domain
        self._act_on = act_on

    async def handle_EHLO(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        # aiosmtpd reads a stream, so commands that come in one write are taken (RFC 2920).
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_RCPT(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient ok"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        recipients = tuple(envelope.rcpt_tos)
        if self._act_on is not None and self._is_inbound(recipients):
            loop = asyncio.get_running_loop()
            try:
                keeps = await loop.run_in_executor(None, self._act_on, content, recipients)
            except Exception:
                log.exception("mail to the inbound domain could not be acted on")
                return "451 4.3.0 Could not be acted on, try again later"
            if not keeps:
                return "250 2.0.0 Acted on"
        mail = self._mailbox.keep(envelope.mail_from or "", recipients, content)
        return f"250 2.0.0 Kept as {mail.id}"

    def _is_inbound(self, recipients: tuple[str, ...]) -> bool:
        domain = self._inbound_domain
        return domain is not None and any(
            recipient.rpartition("@")[2].lower() == domain for recipient in recipients
        )
