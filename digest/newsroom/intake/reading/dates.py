"""Stand-in: helper "fields" has the real one."""

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def read_date(text: str) -> datetime | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text.strip()[:100])
        except ValueError:
            continue
        return found.astimezone(UTC) if found.tzinfo else None
    return None


def first_certain(raw: Iterable[str], now: datetime) -> datetime | None:
    found = (read_date(text) for text in raw)
    return next((date for date in found if date is not None and date <= now), None)
