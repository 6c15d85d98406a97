"""The access log: method, path, status, size and time of each answer, and not who asked."""

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote

# When which story was followed is written nowhere (docs/decisions/0037-counting-clicks.md).
FOLLOWED = re.compile(r"/s/[0-9]+$")
METHOD = re.compile(r"[A-Z]{1,20}")
LONGEST = 500

Wsgi = Callable[..., Iterable[bytes]]


def access_logged(app: Wsgi, log: logging.Logger) -> Wsgi:
    """Return `app` with a line in `log` for each answer, once it is out."""

    def logged(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        began = time.monotonic()
        said = 0

        def noted(status: str, headers: Any, exc_info: Any = None) -> Any:
            nonlocal said
            said = int(status[:3])
            return start(status, headers, exc_info) if exc_info else start(status, headers)

        def tell(size: int) -> None:
            fields = {
                "method": _method(environ["REQUEST_METHOD"]),
                "path": _path(environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"]),
                "status": said,
                "bytes": size,
                "ms": round((time.monotonic() - began) * 1000),
            }
            log.info("%(method)s %(path)s %(status)s %(bytes)s %(ms)sms", fields, extra=fields)

        return _Counted(app(environ, noted), tell)

    return logged


def _method(given: str) -> str:
    return given if METHOD.fullmatch(given) else "?"


def _path(given: str) -> str:
    """Return the path as it stands in an address: one word, whatever was sent."""
    path = quote(given.encode("latin-1"), safe="/:@!$&()*+,;=~-._")
    path = FOLLOWED.sub("/s/…", path)
    return path if len(path) <= LONGEST else f"{path[:LONGEST]}…"


class _Counted:
    def __init__(self, chunks: Iterable[bytes], tell: Callable[[int], None]) -> None:
        self._chunks, self._tell, self._size = chunks, tell, 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._size += len(chunk)
            yield chunk

    def close(self) -> None:
        self._tell(self._size)
        if hasattr(self._chunks, "close"):
            self._chunks.close()
