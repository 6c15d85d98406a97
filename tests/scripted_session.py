"""One client's session with the scripted relay (tests/scripted_smtp.py), and what it may answer."""

import base64
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.scripted_smtp import ScriptedRelay

COMMANDS = ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT")
STEPS = ("connect", *COMMANDS, "body", "dot")


@dataclass(frozen=True)
class Drop:
    """Hang up, after a reply if there is one; with `reset`, so that the client gets an RST."""

    reply: str | None = None
    reset: bool = False


@dataclass(frozen=True)
class Hang:
    """Never answer, and read no more."""


@dataclass(frozen=True)
class Drip:
    """Answer an octet at a time, `every` so many seconds; `None`: for ever, without an end."""

    reply: str | None
    every: float = 0.02


@dataclass(frozen=True)
class Raw:
    """Answer these very octets."""

    octets: bytes


@dataclass(frozen=True)
class Hold:
    """Wait for `until` (at most 30 s), then answer."""

    until: threading.Event
    answer: str | None = None


@dataclass(frozen=True)
class Slow:
    """At the step "body": read the message in such pieces, with such a pause before each."""

    octets: int
    pause: float


Answer = str | Drop | Hang | Drip | Raw | Hold | Slow | None


@dataclass(frozen=True)
class Received:
    """A message that came whole, final dot included, dot-stuffing removed."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    reply: str | None
    """What we answered; None when we did not."""
    mail: str
    """The MAIL command, with its parameters."""
    connection: int
    tls: bool

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)


class HangUpError(Exception):
    """This session is over."""


@dataclass
class _Transaction:
    sender: str
    mail: str
    recipients: list[str] = field(default_factory=list)


class Session:
    def __init__(self, relay: "ScriptedRelay", sock: socket.socket, number: int) -> None:
        self.relay = relay
        self.sock = sock
        self.number = number
        self.unread = b""
        self.unsaid = b""
        self.tls = False
        self.transaction: _Transaction | None = None

    def hang_up(self) -> None:
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        if self.relay.implicit_tls:
            self.wrap()
        self.say("connect", "", "220 scripted.test ESMTP")
        while True:
            line = self.read_line()
            self.relay.commands.append((self.number, line))
            verb = line.split(" ")[0].upper()
            if verb in COMMANDS:
                getattr(self, f"on_{verb.lower()}")(line)
            else:
                self.reply(f"500 5.5.2 What is {verb[:20]!r}?")
            if self.unread and "PIPELINING" not in self.relay.extensions:
                self.violation(f"sent more before {verb} was answered, without PIPELINING")

    # What a good relay does, unless scripted.

    def on_ehlo(self, line: str) -> None:
        self.only_command("EHLO")
        offers = list(self.relay.extensions)
        if self.relay.context and not self.tls:
            offers.append("STARTTLS")
        if self.relay.credentials:
            offers.append(f"AUTH {self.relay.auth}")
        lines = ["scripted.test", *offers]
        text = "\n".join(f"250{'-' if each is not lines[-1] else ' '}{each}" for each in lines)
        self.transaction = None
        self.say("EHLO", line, text)

    def on_starttls(self, line: str) -> None:
        self.only_command("STARTTLS")
        good = self.relay.context is not None and not self.tls
        if self.say("STARTTLS", line, "220 2.0.0 Go ahead" if good else "502 5.5.1 No") == 220:
            self.flush()
            self.wrap()

    def wrap(self) -> None:
        assert self.relay.context is not None
        self.sock.settimeout(10)
        self.sock = self.relay.context.wrap_socket(self.sock, server_side=True)
        self.sock.settimeout(None)
        self.tls = True

    def on_auth(self, line: str) -> None:
        self.only_command("AUTH")
        answer = self.scripted("AUTH", line)
        if answer is not None:
            self.act(answer)
            return
        words = line.split(" ")
        if words[1].upper() == "PLAIN":
            _, username, password = _decode(words[2]).split("\0")
        else:
            self.reply("334 VXNlcm5hbWU6")
            username = _decode(self.read_line())
            self.reply("334 UGFzc3dvcmQ6")
            password = _decode(self.read_line())
        good = (username, password) == self.relay.credentials
        self.reply("235 2.7.0 Welcome" if good else "535 5.7.8 Who are you?")

    def on_mail(self, line: str) -> None:
        if self.transaction:
            self.reply("503 5.5.1 Nested MAIL command")
        elif self.say("MAIL", line, "250 2.1.0 Ok") == 250:
            self.transaction = _Transaction(_path(line), line)

    def on_rcpt(self, line: str) -> None:
        if not self.transaction:
            self.reply("503 5.5.1 Need MAIL command")
        elif self.say("RCPT", line, "250 2.1.5 Ok") == 250:
            self.transaction.recipients.append(_path(line))

    def on_data(self, line: str) -> None:
        self.only_command("DATA")
        good = self.transaction is not None and self.transaction.recipients
        answer = "354 End data with <CR><LF>.<CR><LF>" if good else "503 5.5.1 No valid recipients"
        if self.say("DATA", line, answer) == 354:
            self.flush()
            self.on_message()

    def on_message(self) -> None:
        transaction = self.transaction or _Transaction("", "")
        subject = " ".join(transaction.recipients)
        answer = self.scripted("body", subject)
        pace = answer if isinstance(answer, Slow) else None
        if not pace:
            self.act(answer)
            self.flush()
        content = self.read_message(pace)
        self.transaction = None
        good = "250 2.0.0 Ok: kept" if transaction.recipients else "554 5.5.1 No valid recipients"
        answer = self.scripted("dot", subject)
        received = Received(
            transaction.sender,
            tuple(transaction.recipients),
            content,
            reply=_said(answer, good),
            mail=transaction.mail,
            connection=self.number,
            tls=self.tls,
        )
        self.relay.keep(received)
        self.act(good if answer is None else answer)

    def on_rset(self, line: str) -> None:
        if self.say("RSET", line, "250 2.0.0 Ok") == 250:
            self.transaction = None

    def on_noop(self, line: str) -> None:
        self.say("NOOP", line, "250 2.0.0 Ok")

    def on_quit(self, line: str) -> None:
        self.say("QUIT", line, "221 2.0.0 Bye")
        self.flush()
        raise HangUpError

    # The script.

    def say(self, step: str, subject: str, good: str) -> int:
        """Answer as scripted, or else `good`; return the code that was said, or 0."""
        answer = self.scripted(step, subject)
        said = _said(answer, good)
        self.act(good if answer is None else answer)
        return int(said[:3]) if said and said[:3].isdigit() else 0

    def scripted(self, step: str, subject: str) -> Answer:
        answer = self.relay.answer(step, subject)
        while isinstance(answer, Hold):
            self.flush()
            answer.until.wait(30)
            answer = answer.answer
        return answer

    def act(self, answer: Answer) -> None:
        if answer is None:
            return
        if isinstance(answer, str):
            self.reply(answer)
            if answer.startswith("421"):
                self.flush()
                raise HangUpError
            return
        if isinstance(answer, Raw):
            self.unsaid += answer.octets
            return
        self.flush()
        if isinstance(answer, Drip):
            self.drip(answer)
        elif isinstance(answer, Drop):
            self.drop(answer)
        else:
            assert isinstance(answer, Hang), answer
            self.relay.wait()

    def drip(self, drip: Drip) -> None:
        if drip.reply is None:
            self.sock.sendall(b"250 ")
        while drip.reply is None:
            self.sock.sendall(b"z")
            self.relay.wait(drip.every)
        for octet in (drip.reply.replace("\n", "\r\n") + "\r\n").encode():
            self.sock.sendall(bytes([octet]))
            self.relay.wait(drip.every)

    def drop(self, drop: Drop) -> None:
        if drop.reply is not None:
            self.reply(drop.reply)
            self.flush()
        if drop.reset:
            # Let the client have read what we said: an RST may overtake it.
            time.sleep(0.05)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise HangUpError

    # The octets.

    def reply(self, text: str) -> None:
        self.unsaid += text.replace("\n", "\r\n").encode() + b"\r\n"

    def flush(self) -> None:
        if self.unsaid:
            self.relay.flushes += 1
            self.sock.sendall(self.unsaid)
            self.unsaid = b""

    def read(self, octets: int = 65536) -> bytes:
        self.flush()
        data = self.sock.recv(octets)
        if not data:
            raise HangUpError
        return data

    def read_line(self) -> str:
        while b"\n" not in self.unread:
            self.unread += self.read()
        line, _, self.unread = self.unread.partition(b"\n")
        if not line.endswith(b"\r"):
            self.violation(f"a line that does not end with CRLF: {line!r}")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def read_message(self, pace: Slow | None) -> bytes:
        data = bytearray(b"\r\n" + self.unread)
        searched = 0
        while (end := data.find(b"\r\n.\r\n", searched)) < 0:
            searched = max(0, len(data) - 4)
            if pace:
                self.relay.wait(pace.pause)
            data += self.read(pace.octets if pace else 65536)
        # As Courier and chasquid do: what came in one packet with the dot is lost.
        self.unread = b"" if self.relay.loses_behind_dot else bytes(data[end + 5 :])
        lines = bytes(data[2 : end + 2]).split(b"\r\n")
        return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)

    def only_command(self, verb: str) -> None:
        """RFC 2920 3.1, RFC 3207: nothing may follow these before they have been answered."""
        if self.unread:
            self.violation(f"sent more behind {verb}: {self.unread[:40]!r}")

    def violation(self, words: str) -> None:
        self.relay.violations.append(words)


def _said(answer: Answer, good: str) -> str | None:
    """The reply that the client gets to see, if any."""
    if isinstance(answer, Raw):
        return answer.octets.decode("latin-1")
    if isinstance(answer, Drip | Drop):
        return answer.reply
    if isinstance(answer, str):
        return answer
    return good if answer is None else None


def _path(line: str) -> str:
    return line[line.index("<") + 1 : line.rindex(">")]


def _decode(text: str) -> str:
    return base64.b64decode(text).decode()
