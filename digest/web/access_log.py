"""The access log: method, path, status, size and time of each answer, and not who asked."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Wsgi = Callable[..., Iterable[bytes]]


def access_logged(app: Wsgi, log: logging.Logger) -> Wsgi:
    """Return `app` with a line in `log` for each answer, once it is out."""

    def logged(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        began = time.monotonic()
        said = ""

        def noted(status: str, headers: Any, exc_info: Any = None) -> Any:
            nonlocal said
            said = status[:3]
            return start(status, headers, exc_info) if exc_info else start(status, headers)

        answer = app(environ, noted)
        return _Counted(
            answer,
            lambda size: log.info(
                "%s %s %s %d %dms",
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"],
                said,
                size,
                (time.monotonic() - began) * 1000,
            ),
        )

    return logged


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
