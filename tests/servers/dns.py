"""A DNS server on loopback that answers for TXT records, as a script says."""

import socket
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from digest.settings.loading import Resolver

Texts = Mapping[str, Sequence[str]]


class DnsServer:
    """Knows `texts`: for a name, each of its records as the zone file writes it.

    `fails`: it answers SERVFAIL to everything.
    """

    def __init__(self, texts: Texts | None = None, *, fails: bool = False) -> None:
        self.texts = dict(texts or {})
        self.fails = fails
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
            self._socket.sendto(self._answer(data), sender)

    def _answer(self, data: bytes) -> bytes:
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        [wanted] = question.question
        name = wanted.name.to_text(omit_final_dot=True)
        self.asked.append(name)
        if self.fails:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self.texts:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif wanted.rdtype == dns.rdatatype.TXT:
            answer.answer.append(
                dns.rrset.from_text_list(wanted.name, 60, "IN", "TXT", self.texts[name])
            )
        return answer.to_wire()
