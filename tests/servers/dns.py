"""A DNS server on loopback that answers as a script says."""

import socket
import threading
from collections.abc import Collection, Mapping, Sequence
from types import TracebackType

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from digest.settings.loading import Resolver

Texts = Mapping[str, Sequence[str]]
Zone = Mapping[tuple[str, str], Sequence[str]]


class DnsServer:
    """Knows `texts`: for a name, each of its records as the zone file writes it.

    `zone`: the same of other types, as {("paper.example", "MX"): ["10 mx.paper.example."]}; a
    CNAME is followed. `fails`: it answers SERVFAIL to everything, or to these names. `silent`: to
    these it answers nothing.
    """

    def __init__(
        self,
        texts: Texts | None = None,
        *,
        zone: Zone | None = None,
        fails: bool | Collection[str] = False,
        silent: Collection[str] = (),
    ) -> None:
        self.texts = dict(texts or {})
        self.zone = dict(zone or {})
        self.fails = fails
        self.silent = silent
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.resolver = Resolver("127.0.0.1", self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "DnsServer":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # An empty datagram ends the thread: to close a socket wakes nobody who reads it.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waking:
            waking.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, sender = self._socket.recvfrom(4096)
            if not data:
                return
            if (answer := self._answer(data)) is not None:
                self._socket.sendto(answer, sender)

    def _answer(self, data: bytes) -> bytes | None:
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        [wanted] = question.question
        name = wanted.name.to_text(omit_final_dot=True)
        self.asked.append(name)
        if name in self.silent:
            return None
        if self.fails is True or (self.fails and name in self.fails):
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif not self._exists(name):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            self._add_records(answer, name, dns.rdatatype.to_text(wanted.rdtype))
        return answer.to_wire()

    def _exists(self, name: str) -> bool:
        names = {*self.texts, *(each for each, _ in self.zone)}
        return any(f".{each}".endswith(f".{name}") for each in names)

    def _add_records(self, answer: dns.message.Message, name: str, kind: str) -> None:
        seen: set[str] = set()
        while name not in seen:
            seen.add(name)
            found = self.zone.get((name, kind), self.texts.get(name, ()) if kind == "TXT" else ())
            alias = self.zone.get((name, "CNAME"), ())
            for each, records in ((kind, found), ("CNAME", alias)):
                if records:
                    answer.answer.append(
                        dns.rrset.from_text_list(f"{name}.", 60, "IN", each, records)
                    )
            if not alias:
                return
            name = alias[0].removesuffix(".")
