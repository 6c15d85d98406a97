"""Logging: structured, to standard error, and without readers' addresses or tokens."""

import logging
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from digest.errors import UnavailableError

if TYPE_CHECKING:
    from structlog.typing import EventDict

# Whatever may stand in an address: too much is taken out rather than too little. Only from where
# a run of such characters begins, so that a long one is read once. A quoted @ is one, too.
LOCAL = r"[^\s<>\"(),;:\[\]@]"
ADDRESS = re.compile(rf"(?<!{LOCAL}){LOCAL}+(?:@|%(?:25)*40)[\w.-]+")
TOKEN = re.compile(r"[0-9][a-z][a-z0-9]{1,8}[.-][a-z0-9_-]{30,}", re.IGNORECASE | re.ASCII)
SHORTEST_TOKEN = 34
# No backslash: in JSON it belongs to the character behind it.
TOKEN_PATH = re.compile(
    r"(/(?:confirm|unsubscribe|preferences|desk/password|desk/demo)/|/[upcra]/(?=1[a-z]))[^\s\"'?\\]+"
)
# PostgreSQL quotes the whole row that broke a rule, a reader's name in it.
ROW = re.compile(r"(Failing row contains \().*?(\)\.)(?=\s|\\n|\"|$)")


# What moves the cursor, ends a line, or turns writing round: a terminal would obey it, and a line
# that it breaks would hide the rest of a token.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
# Fields of the access log (digest.web.access_log).
ACCESS = ("method", "path", "status", "bytes", "ms")


def on_one_line(text: str) -> str:
    """Write control characters as in an address: a line break is %0A.

    Not with a backslash, which ends what `scrub` takes for a token.
    """
    return CONTROL.sub(lambda found: quote(found[0]), text)


def without_tokens(text: str) -> str:
    """Take tokens out, and whatever stands in the path where a page expects one."""
    return TOKEN.sub("<token>", TOKEN_PATH.sub(r"\1…", text))


def scrub(text: str) -> str:
    """Take mail addresses and tokens out of a line that is about to be logged."""
    text = ROW.sub(r"\1…\2", TOKEN_PATH.sub(r"\1…", text))
    return TOKEN.sub("<token>", ADDRESS.sub("<address>", text))


class ScrubbingFormatter(logging.Formatter):
    """A formatter whose whole output, tracebacks included, has been scrubbed."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        try:
            return scrub(self._inner.format(record))
        except Exception as error:  # noqa: BLE001 - else logging prints what it could not format
            return f"{record.name}: a line could not be formatted: {type(error).__name__}"


def _without_controls(_: Any, __: str, event: "EventDict") -> "EventDict":
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = on_one_line(value)
    return event


class _Late:
    """A logger of structlog, which is loaded with the first line: most commands log none."""

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def _logger(self) -> Any:
        _load()
        import structlog

        _configure_if_asked()
        return structlog.get_logger(self._name)

    def __getattr__(self, method: str) -> Any:
        return getattr(self._logger, method)


def get_logger(name: str) -> Any:
    """Return the logger of a module, as structlog's `get_logger` does."""
    return _Late(name)


def formatter(style: str) -> logging.Formatter:
    """Return what writes a line in `style`, "json" or "text"."""
    return ScrubbingFormatter(_LateFormatter(style))


class _LateFormatter(logging.Formatter):
    """Writes lines by structlog, from the first one on."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self._kind = style

    @cached_property
    def _inner(self) -> logging.Formatter:
        _load()
        from structlog import dev, processors, stdlib

        renderer = (
            processors.JSONRenderer(ensure_ascii=False)
            if self._kind == "json"
            else dev.ConsoleRenderer(colors=sys.stderr.isatty())
        )
        return stdlib.ProcessorFormatter(
            foreign_pre_chain=[stdlib.ExtraAdder(ACCESS), *_shared()],
            processors=[
                stdlib.ProcessorFormatter.remove_processors_meta,
                processors.format_exc_info,
                renderer,
            ],
        )

    def format(self, record: logging.LogRecord) -> str:
        return self._inner.format(record)


def _load() -> None:
    """Load structlog without rich: it would draw tracebacks that we write in our own way (5 MB)."""
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # how Python says that there is none
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]


def _shared() -> list[Any]:
    """Return what is done to every line before it is written."""
    from structlog import contextvars, processors, stdlib

    return [
        contextvars.merge_contextvars,
        stdlib.add_log_level,
        stdlib.add_logger_name,
        processors.TimeStamper(fmt="iso", utc=True),
        _without_controls,
    ]


# Whether `set_up_logging` was called before structlog was loaded.
_to_configure = False


def _configure_if_asked() -> None:
    global _to_configure
    if _to_configure:
        _to_configure = False
        _configure()


def _configure() -> None:
    import structlog

    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def set_up_logging(style: str, level: int = logging.INFO) -> None:
    """Send everything that is logged, ours and libraries', to standard error in `style`."""
    global _to_configure
    _to_configure = "structlog" not in sys.modules
    if not _to_configure:
        _configure()
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(style))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in (
        "alembic",
        "httpx",
        "httpcore",
        "celery.worker.strategy",
        "celery.app.trace",
        "celery.worker.consumer.connection",
        "mail.log",
    ):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    _log_what_nobody_caught()


def _log_what_nobody_caught() -> None:
    """Python prints such tracebacks as they are; other people's hooks (pytest's) stay."""
    log = logging.getLogger("digest")
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = lambda kind, error, trace: (
            log.critical("not caught", exc_info=(kind, error, trace))
            if issubclass(kind, Exception)
            else sys.__excepthook__(kind, error, trace)
        )
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = lambda args: log.critical(
            "not caught in a thread", exc_info=args.exc_value
        )


@contextmanager
def kept_apart(part: str, **about: Any) -> Iterator[None]:
    """Keep what goes wrong in one part from the parts that come after it: log it, and go on.

    Raises:
        UnavailableError: without the database no other part would do better.
    """
    try:
        yield
    except UnavailableError:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, it is logged
        get_logger(__name__).exception("a part failed; the others go on", part=part, **about)
