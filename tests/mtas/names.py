"""A name server that knows no name: the mail servers here are told what they need by /etc/hosts."""

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Whoever asks knows no other port than 53; on this address nobody else is.
ADDRESS = "127.53.0.1"
_PORT = 53
_HEADER = struct.Struct(">6H")
# RFC 1035 4.1.1: an answer, with recursion, and the code for "no such name".
_NO_SUCH_NAME = 0x8183


class _Question(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        asked, sock = self.request
        if len(asked) < _HEADER.size:
            return
        number = _HEADER.unpack_from(asked)[0]
        # The name ends with an empty label; type and class follow it.
        end = asked.find(b"\0", _HEADER.size) + 5
        answer = _HEADER.pack(number, _NO_SUCH_NAME, 1, 0, 0, 0) + asked[_HEADER.size : end]
        sock.sendto(answer, self.client_address)


@contextmanager
def no_names() -> Iterator[None]:
    """Answer for as long as the `with` lasts."""
    with socketserver.ThreadingUDPServer((ADDRESS, _PORT), _Question) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
