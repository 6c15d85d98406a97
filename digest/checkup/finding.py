"""What a check found, in words, and what to do about it."""

import enum
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from digest.errors import DigestError
from digest.logs import scrub

# Longer than this nobody is waited for, be it a relay, a broker, a database or a name server.
SECONDS_AT_MOST = 5.0


class Level(enum.StrEnum):
    """How bad it is. A warning may be lived with; a failure has to be mended."""

    FINE = "fine"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """One line of the report. `found` and `remedy` hold no secret, and no reader's address."""

    check: str
    level: Level
    found: str
    remedy: str = ""


# Beside a mark or a colour, for those who see neither.
WORDS = {Level.FINE: "", Level.WARNING: "Warning. ", Level.FAILURE: "To mend. "}


def fine(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Level.FINE, scrub(found))


def warning(check: str, found: str, remedy: str) -> Finding:
    """It works, and could be better."""
    return Finding(check, Level.WARNING, scrub(found), remedy)


def failure(check: str, found: str, remedy: str) -> Finding:
    """It does not work until somebody does something."""
    return Finding(check, Level.FAILURE, scrub(found), remedy)


def within_seconds(
    check: str,
    look: Callable[[], Iterable[Finding]],
    remedy: str,
    *,
    seconds: float = SECONDS_AT_MOST,
) -> list[Finding]:
    """Return what `look` finds; a failure with `remedy` where it raises, or takes too long.

    One that takes too long is left to itself: a name server cannot be hung up on.
    """
    found: list[Finding] = []
    mistakes: list[BaseException] = []

    def run() -> None:
        try:
            found.extend(look())
        except (DigestError, SQLAlchemyError, OSError) as error:
            found.append(failure(check, f"It cannot be looked at: {in_words(error)}", remedy))
        except BaseException as mistake:  # noqa: BLE001 - raised again, where it is seen
            mistakes.append(mistake)

    thread = threading.Thread(target=run, name=f"doctor-{check}", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return [failure(check, f"There was no answer within {seconds:g} seconds.", remedy)]
    if mistakes:
        raise mistakes[0]
    return found


def in_words(error: BaseException) -> str:
    """Return what went wrong: the server's own words where there are any, never a statement."""
    cause = error.__cause__ if isinstance(error, DigestError) else error
    said = getattr(cause, "orig", None) or (cause if isinstance(cause, OSError) else None)
    first_line = str(said).strip().partition("\n")[0][:300] if said else ""
    ours = str(error) if isinstance(error, DigestError) else type(error).__name__
    return f"{(first_line or ours).rstrip('.')}."


def summary(found: Iterable[Finding]) -> str:
    """Return one sentence on how it stands."""
    counts = Counter(each.level for each in found)
    mend, consider = counts[Level.FAILURE], counts[Level.WARNING]
    if not mend and not consider:
        return "All is well."
    warnings = "one warning" if consider == 1 else f"{consider} warnings"
    if not mend:
        return f"It works, with {warnings}."
    things = "One thing" if mend == 1 else f"{mend} things"
    return f"{things} to mend{f', and {warnings}' if consider else ''}."
