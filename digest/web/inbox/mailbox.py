"""What the inbox holds: the newest mails, each with its bytes exactly as they came."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from digest.clock import Clock, SystemClock
from digest.web.inbox.reading import ReadMail, read_mail

KEEP_MAILS = 500
KEEP_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True)
class InboxMail:
    """A mail as it came over the wire: its envelope, and its bytes without dot-stuffing."""

    id: int
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    received_at: datetime

    @cached_property
    def read(self) -> ReadMail:
        """The mail taken apart, for people."""
        return read_mail(self.content)


class Mailbox:
    """The newest mails in memory, at most `keep_mails` of them and `keep_bytes` in all."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        keep_mails: int = KEEP_MAILS,
        keep_bytes: int = KEEP_BYTES,
    ) -> None:
        self._clock = clock or SystemClock()
        self._keep_mails = keep_mails
        self._keep_bytes = keep_bytes
        self._mails: deque[InboxMail] = deque()
        self._bytes = 0
        self._next_id = 1
        self._arrival = threading.Condition()

    def keep(self, sender: str, recipients: tuple[str, ...], content: bytes) -> InboxMail:
        """Keep a mail, wake whoever waits for it, and forget the oldest where it gets too much."""
        with self._arrival:
            mail = InboxMail(self._next_id, sender, recipients, content, self._clock.now())
            self._next_id += 1
            self._mails.append(mail)
            self._bytes += len(content)
            while len(self._mails) > self._keep_mails or self._bytes > self._keep_bytes:
                self._bytes -= len(self._mails.popleft().content)
            self._arrival.notify_all()
        return mail

    def messages(self) -> tuple[InboxMail, ...]:
        """Return what is kept at this moment, oldest first."""
        with self._arrival:
            return tuple(self._mails)

    def find(self, mail_id: int) -> InboxMail | None:
        """Return the mail of that id, or None where there is none (any more)."""
        return next((mail for mail in self.messages() if mail.id == mail_id), None)

    def wait_for(
        self, wanted: Callable[[InboxMail], bool], timeout_seconds: float
    ) -> InboxMail | None:
        """Return the oldest mail that is `wanted`, as soon as there is one; None after that time.

        `wanted` is called with the mailbox locked: it must be quick, and not ask for more.
        """
        with self._arrival:
            self._arrival.wait_for(lambda: any(map(wanted, self._mails)), timeout_seconds)
            return next(filter(wanted, self._mails), None)
