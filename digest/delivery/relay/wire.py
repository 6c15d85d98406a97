"""The bytes between us and a relay: replies read within bounds, writing that cannot deadlock.

Knows commands no more than messages: `pipeline` holds the conversation, and `connection` opens it.
"""

import enum
import re
import selectors
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

from digest.errors import DigestError
from digest.logs import SHORTEST_TOKEN, without_tokens

# Octets and lines; RFC 5321 4.5.3.1.5 allows a reply line 512 octets.
LONGEST_LINE = 4096
MOST_LINES = 128
LONGEST_TEXT = 500

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
# A TLS record holds no more. One record a write, so that a write is either whole or not at all.
TLS_RECORD = 16384
CHUNK = 65536

_REPLY_LINE = re.compile(rb"[2-5][0-9]{2}(?:[- \t]|\r?$)")
_ENHANCED = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?:\s+|$)")
# Any RFC 5321 mailbox, and a good deal more. The bounds and the look-behind keep it linear.
_SPECIAL = r'\s<>()\[\],;:@"'
_ADDRESS = re.compile(
    rf'<?(?:"(?:[^"\\]|\\.){{0,128}}+"|(?<![^{_SPECIAL}])[^{_SPECIAL}]++)'
    r'@(?:\[[^\]\s]{0,255}+\]|[^\s<>()\[\],;:"]*+)>?'
)


class Stage(enum.StrEnum):
    """Where in the dialogue something happened; also how a person reads it."""

    CHECK = "our own check"
    CONNECT = "connect"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BODY = "message"
    FINAL_DOT = "final dot"
    RESET = "RSET"
    QUIT = "QUIT"
    DEADLINE = "our own deadline"


# Where a 5xx is the last word on whatever we would hand over; elsewhere it is only out of step.
_DECISIVE = frozenset(
    {Stage.CONNECT, Stage.EHLO, Stage.STARTTLS, Stage.AUTH, Stage.MAIL, Stage.DATA}
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a relay said, fit to be kept: no addresses, no control characters, 500 characters."""

    code: int
    enhanced: str | None
    text: str

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.enhanced, self.text)))

    @classmethod
    def of(cls, code: int, lines: Sequence[bytes]) -> "Reply":
        """Read a reply whose `lines` have lost their codes. Enhanced codes: RFC 2034, RFC 3463."""
        enhanced, words = None, []
        for line in lines:
            text = line.decode("utf-8", "replace").strip()
            if (found := _ENHANCED.match(text)) and found[1] == str(code)[0]:
                enhanced = enhanced or found[0].rstrip()
                text = text[found.end() :]
            words.append(text)
        return cls(code, enhanced, presentable(" ".join(filter(None, words))))


def presentable(text: str) -> str:
    """Take addresses, tokens and control characters out of a relay's words; keep 500 characters.

    A filter that refuses a mail may quote the reader's own link to leave.
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)
    if "@" in text:
        text = _ADDRESS.sub("<address>", text)
    if len(text) >= SHORTEST_TOKEN:
        text = without_tokens(text)
    text = text.strip()
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


class RelayTrouble(DigestError):  # noqa: N818 - reads as the ledger speaks of it
    """The relay's matter, not a reader's. `stage` says where; `reply` what it said, if it did.

    `silent`: it said nothing for as long as we wait, and did not hang up either.
    """

    def __init__(
        self, words: str, *, stage: Stage, reply: Reply | None = None, silent: bool = False
    ) -> None:
        super().__init__(words)
        self.stage = stage
        self.reply = reply
        self.silent = silent


class RelayDown(RelayTrouble):
    """The relay cannot take mail just now: try again later."""


class RelayRefused(RelayTrouble):
    """The relay will not take this mail until a person changes something: park the issue."""


def refusal(relay: str, stage: Stage, reply: Reply) -> RelayDown | RelayRefused:
    """Make the trouble of a reply that is not the one that `stage` wants."""
    if reply.code >= 500 and stage in _DECISIVE:
        return RelayRefused(
            f"The relay {relay} refused ({stage}): {reply}", stage=stage, reply=reply
        )
    if 400 <= reply.code < 500:
        words = f"The relay {relay} asks to try again later ({stage}): {reply}"
    else:
        words = f"The relay {relay} answered out of step ({stage}): {reply}"
    return RelayDown(words, stage=stage, reply=reply)


class RawReply(NamedTuple):
    """A complete reply: what is read four times a message, so nothing is made of its text yet."""

    code: int
    lines: list[bytes]

    def cooked(self) -> Reply:
        return Reply.of(self.code, self.lines)


class NotSmtpError(Exception):
    """What came is no SMTP reply, or one beyond all measure."""


class ReplyBuffer:
    """Cuts what a relay sends into replies (RFC 5321 4.2), within bounds."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._rest = b""
        self.overflown = False
        """Whether more came than any relay has to say. Replies before it can still be taken."""

    @property
    def empty(self) -> bool:
        """Whether all that came has been taken."""
        return not (self._lines or self._rest or self.overflown)

    def feed(self, data: bytes) -> None:
        """Add what arrived."""
        if self.overflown:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if len(line) > LONGEST_LINE or len(self._lines) >= MOST_LINES:
                self.overflown = True
                return
            self._lines.append(line)
        self.overflown = len(self._rest) > LONGEST_LINE

    def take(self) -> RawReply | None:
        """Return the next complete reply, or None. Raises NotSmtpError."""
        lines = self._lines
        for count, line in enumerate(lines, 1):
            if not _REPLY_LINE.match(line):
                raise NotSmtpError(presentable(line[:80].decode("utf-8", "replace")))
            if line[3:4] != b"-" and count == 1:
                return RawReply(int(line[:3]), [lines.popleft()[4:]])
            if line[:3] != lines[0][:3]:
                raise NotSmtpError("a reply with two codes")
            if line[3:4] != b"-":
                return RawReply(int(line[:3]), [lines.popleft()[4:] for _ in range(count)])
        return None


class Wire:
    """A connected socket, plain or TLS, that is never blocked on and never raises in a write.

    A relay may have answered before it hung up, so what a failed write means is for the one who
    reads the replies: `reply` first returns those that came, and only then raises RelayDown.
    """

    def __init__(
        self, sock: socket.socket, *, relay: str, timeout: float, longest_write: float
    ) -> None:
        """`timeout`: seconds for a reply, and for any progress in a write, which in all may take
        `longest_write` seconds."""
        self.relay = relay
        self.timeout = timeout
        self.written = 0
        """Octets handed to the kernel (for TLS: in complete records)."""
        self._longest_write = longest_write
        self._sock = sock
        self._tls = sock if isinstance(sock, ssl.SSLSocket) else None
        self._replies = ReplyBuffer()
        self._failure: str | None = None
        self._timed_out = False
        self._awaited = READ
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, READ)

    def write_at_once(self, head: bytes, tail: bytes) -> int:
        """Hand over what fits of both without waiting, in one system call; return the octets.

        Over TLS that is none: a record that did not fit must be offered again unchanged, and it is
        not to hold both the end of a message and what belongs behind it.
        """
        if self._tls or self._failure:
            return 0
        try:
            sent = self._sock.sendmsg((head, tail))
        except BlockingIOError:
            return 0
        except OSError as error:
            self._hung_up(error)
            return 0
        self.written += sent
        return sent

    def write(self, data: bytes | memoryview, *, until_spoken_to: bool = False) -> None:
        """Write it all, reading whatever arrives meanwhile (RFC 2920 3.1).

        Stops short when the connection fails, and where `until_spoken_to` when the relay speaks.
        """
        rest = memoryview(data)
        end = monotonic() + self._longest_write
        patience = min(end, monotonic() + self.timeout)
        while rest and not self._failure:
            try:
                sent = self._sock.send(rest[:TLS_RECORD] if self._tls else rest)
            except (BlockingIOError, ssl.SSLWantWriteError):
                awaited = READ | WRITE
            except ssl.SSLWantReadError:
                awaited = READ
            except OSError as error:
                self._hung_up(error)
                return
            else:
                self.written += sent
                rest = rest[sent:]
                patience = min(end, monotonic() + self.timeout)
                continue
            self._listen(awaited, patience)
            if until_spoken_to and not self._replies.empty:
                return

    def await_room(self) -> None:
        """Wait until a write would not have to, or the relay speaks, or the connection fails."""
        patience = monotonic() + self.timeout
        while self._replies.empty and not self._failure:
            if self._listen(READ | WRITE, patience) & WRITE:
                return

    def reply(self, stage: Stage, timeout: float | None = None) -> RawReply:
        """Read a reply, in `timeout` seconds in all, however slowly it drips. Raises RelayDown."""
        try:
            if raw := self._replies.take():
                return raw
            limit = monotonic() + (timeout or self.timeout)
            while True:
                if self._failure:
                    raise self._down(stage)
                if not self._readable(limit):
                    self._failure = f"did not answer within {timeout or self.timeout:g} seconds"
                    self._timed_out = True
                    continue
                self._receive()
                if raw := self._replies.take():
                    return raw
        except NotSmtpError as error:
            self._failure = f"answered with something that is not SMTP: {error}"
            raise self._down(stage) from None

    def expect_silence(self, stage: Stage) -> None:
        """Raise RelayDown if the relay has hung up, or said what nobody asked for."""
        if self._replies.empty and not self._failure:
            return
        reply = self.reply(stage).cooked()
        words = f"The relay {self.relay} spoke out of turn ({stage}): {reply}"
        raise RelayDown(words, stage=stage, reply=reply)

    @property
    def silent(self) -> bool:
        """Whether the connection is open and the relay has said nothing unasked."""
        if self._readable(0):
            self._receive()
        return self._failure is None and self._replies.empty

    def close(self) -> None:
        """Close the socket at once. What is not yet written never will be."""
        self._failure = self._failure or "was hung up on by us"
        self._selector.close()
        self._sock.close()

    def _listen(self, awaited: int, patience: float) -> int:
        """Wait to go on writing, and read what arrives."""
        ready = self._wait(awaited, patience)
        if not ready & WRITE and monotonic() >= patience:
            self._failure = "did not take what we wrote in time"
        if ready & READ:
            self._receive()
        return ready

    def _readable(self, limit: float) -> bool:
        return bool(self._tls and self._tls.pending()) or bool(self._wait(READ, limit))

    def _wait(self, awaited: int, limit: float) -> int:
        if awaited != self._awaited:
            self._selector.modify(self._sock, awaited)
            self._awaited = awaited
        ready = self._selector.select(max(0.0, limit - monotonic()))
        # Whoever was asleep wakes with its time over, and is not told what came meanwhile: Python
        # ends a wait that a signal interrupts, SIGCONT too, once its time has passed.
        ready = ready or self._selector.select(0)
        return ready[0][1] if ready else 0

    def _receive(self) -> None:
        try:
            data = self._sock.recv(CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            self._failure = f"dropped the connection ({error.strerror or error})"
            return
        if not data:
            self._failure = "closed the connection"
            return
        self._replies.feed(data)
        if self._replies.overflown:
            self._failure = "answered with something that is not SMTP: a reply without end"

    def _hung_up(self, error: OSError) -> None:
        """Read what the relay said before it hung up, then take note of that."""
        while self._failure is None and self._readable(0):
            self._receive()
        self._failure = self._failure or f"dropped the connection ({error.strerror or error})"

    def _down(self, stage: Stage) -> RelayDown:
        words = f"The relay {self.relay} {self._failure} ({stage})."
        return RelayDown(words, stage=stage, silent=self._timed_out)
