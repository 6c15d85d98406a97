"""The relay of the chaos rounds: a process of its own that writes down every message it took.

    python -m tests.chaos.sink RECORD

It prints its port, then takes one JSON object a line on standard input (`Manners`, only what
changes) and answers each with a line. RECORD is appended to, a JSON object a line (`Entry`), and
always before the relay's answer leaves: what a worker was told, or should have been told, is in it.
"""

import asyncio
import hashlib
import json
import os
import quopri
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MESSAGE_ID = re.compile(rb"^Message-ID: <([^>]*)>", re.IGNORECASE | re.MULTILINE)
# What is mailed to one person has a link to act by, in both parts; a copy of an issue is not read.
NOTICE = "notice."
LINK = re.compile(rb"http://[^\s\"<>]+/c/[^\s\"<>]+")
END = b"\r\n.\r\n"
HELLO = "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES"
AWAY = "421 4.3.2 The service is going away"
# A machine so busy that the sink itself slept for so long: replies may have been given up for it.
ASLEEP_SECONDS = 1.0


@dataclass
class Manners:
    """How the relay behaves. Sets hold addresses; `defer_*` answer 4xx once to each."""

    refuse_connections: bool = False
    storm: bool = False
    """421 to every MAIL."""
    lose: int = 0
    """So many messages are taken, and the connection dropped before the answer."""
    swallow: int = 0
    """So many messages are read and not taken, and the connection dropped before the answer."""
    pause: float = 0.0
    """Seconds before each answer to a final dot."""
    drip: float = 0.0
    """Seconds before each octet of a final dot's answer."""
    refuse_rcpt: set[str] = field(default_factory=set)
    refuse_dot: set[str] = field(default_factory=set)
    defer_rcpt: set[str] = field(default_factory=set)
    defer_dot: set[str] = field(default_factory=set)

    def change(self, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            kind = type(getattr(self, name))
            setattr(self, name, kind(value))


class Record:
    """An append-only file; an entry is in the kernel's hands before `add` returns."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def add(self, what: str, to: str, content: bytes = b"") -> None:
        found = MESSAGE_ID.search(content)
        message_id = found[1].decode() if found else ""
        entry = {
            "at": time.monotonic(),
            "what": what,
            "to": to,
            "message_id": message_id,
            "sha256": hashlib.sha256(content).hexdigest() if content else "",
            "link": _link(content) if message_id.startswith(NOTICE) else "",
        }
        os.write(self._file, json.dumps(entry).encode() + b"\n")


def _link(content: bytes) -> str:
    links = set(LINK.findall(quopri.decodestring(content)))
    # One, or the audit finds that what stands there is no link.
    return b" ".join(sorted(links)).decode()


class Conversation(asyncio.Protocol):
    """One client. Commands are answered in turn: `_waiting` while an answer is held back."""

    def __init__(self, sink: "Sink") -> None:
        self.sink = sink
        self.unread = bytearray()
        self.recipient = ""
        self._in_message = False
        self._searched = 0
        self._waiting = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.sink.open.add(self)
        self._say("220 sink.example ESMTP")

    def connection_lost(self, _: Exception | None) -> None:
        self.sink.open.discard(self)

    def data_received(self, data: bytes) -> None:
        self.unread += data
        self._go_on()

    @property
    def is_idle(self) -> bool:
        return not self._in_message and not self._waiting

    def hang_up(self) -> None:
        # Closed for us at once, even while the last answer is still being written.
        self._waiting = True
        self._transport.close()

    def _go_on(self) -> None:
        while not self._waiting:
            if self._in_message:
                if not self._take_message():
                    return
            elif (end := self.unread.find(b"\r\n")) >= 0:
                line = self.unread[:end].decode("latin-1")
                del self.unread[: end + 2]
                self._obey(line)
            else:
                return

    def _obey(self, line: str) -> None:
        manners, verb = self.sink.manners, line[:4].upper()
        if verb == "MAIL" and (manners.storm or manners.refuse_connections):
            self._say(AWAY)
            self.hang_up()
        elif verb == "EHLO":
            self._say(HELLO)
        elif verb == "RCPT":
            self._receive(line[line.index("<") + 1 : line.rindex(">")])
        elif verb == "DATA" and self.recipient:
            self._in_message, self._searched = True, 0
            self._say("354 Go on")
        elif verb == "DATA":
            self._say("503 5.5.1 No valid recipients")
        elif verb == "QUIT":
            self._say("221 2.0.0 Bye")
            self.hang_up()
        else:
            self.recipient = ""
            self._say("250 2.0.0 Ok")

    def _receive(self, recipient: str) -> None:
        manners, record = self.sink.manners, self.sink.record
        if recipient in manners.refuse_rcpt:
            record.add("refused", recipient)
            self._say("550 5.1.1 No such mailbox")
        elif recipient in manners.defer_rcpt:
            manners.defer_rcpt.discard(recipient)
            record.add("deferred", recipient)
            self._say("451 4.7.1 Greylisted")
        else:
            self.recipient = recipient
            self._say("250 2.1.5 Ok")

    def _take_message(self) -> bool:
        end = self.unread.find(END, self._searched)
        if end < 0:
            self._searched = max(0, len(self.unread) - len(END))
            return False
        content = bytes(self.unread[: end + 2]).replace(b"\r\n..", b"\r\n.")
        del self.unread[: end + len(END)]
        self._in_message, self._waiting = False, True
        asyncio.get_running_loop().call_later(self.sink.manners.pause, self._judge, content)
        return True

    def _judge(self, content: bytes) -> None:
        manners, record, to = self.sink.manners, self.sink.record, self.recipient
        self.recipient = ""
        # Whoever sent it may be gone by now: it came whole, so it is taken all the same.
        if to in manners.refuse_dot:
            record.add("refused", to, content)
            self._answer(f"554 5.7.1 Not for {to}")
        elif to in manners.defer_dot:
            manners.defer_dot.discard(to)
            record.add("deferred", to, content)
            self._answer("452 4.2.2 Full")
        elif manners.swallow:
            manners.swallow -= 1
            record.add("swallowed", to, content)
            self._transport.abort()
        elif manners.lose:
            manners.lose -= 1
            record.add("lost", to, content)
            self._transport.abort()
        elif manners.drip:
            record.add("dripped", to, content)
            self._drip(b"250 2.0.0 Ok: kept\r\n", manners.drip)
        else:
            record.add("taken", to, content)
            self._answer("250 2.0.0 Ok: kept")

    def _answer(self, reply: str) -> None:
        self._say(reply)
        self._turn()

    def _turn(self) -> None:
        self._waiting = False
        self._go_on()

    def _drip(self, octets: bytes, every: float) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(octets[:1])
        then: Callable[[], None] = self._turn
        if octets[1:]:
            then = lambda: self._drip(octets[1:], every)  # noqa: E731 - two lines for one
        asyncio.get_running_loop().call_later(every, then)

    def _say(self, reply: str) -> None:
        self._transport.write(reply.encode() + b"\r\n")


class Sink:
    def __init__(self, record: Record) -> None:
        self.record = record
        self.manners = Manners()
        self.open: set[Conversation] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    async def run(self) -> None:
        await self._listen()
        print(self._port, flush=True)
        loop = asyncio.get_running_loop()
        orders = asyncio.StreamReader(limit=2**20)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin.buffer)
        watch = loop.create_task(self._watch())
        while line := await orders.readline():
            self.manners.change(json.loads(line))
            if self.manners.refuse_connections:
                self._refuse()
            elif self._server is None:
                await self._listen()
            print("ok", flush=True)
        watch.cancel()

    async def _watch(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.1)
            if time.monotonic() - before > ASLEEP_SECONDS:
                self.record.add("asleep", "")

    async def _listen(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Conversation(self), "127.0.0.1", self._port, backlog=200
        )
        self._port = self._server.sockets[0].getsockname()[1]

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for conversation in [each for each in self.open if each.is_idle]:
            conversation.hang_up()


if __name__ == "__main__":
    asyncio.run(Sink(Record(Path(sys.argv[1]))).run())
