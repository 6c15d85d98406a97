"""What still comes to a reader, in sentences: each newsletter by its name, with its own day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from digest.models import Newsletter
from digest.newsroom.issues.coming import next_send_at
from digest.prose import at_start
from digest.readers.preferences.standing import Standing, others_that_come
from digest.web.words import arrival, bare, local_day, slot, the

# An issue that goes out at the very moment when a pause ends does come.
A_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Coming:
    """When a newsletter's next issue arrives, in words; "" where it has ended.

    `paused_until` is the day that a pause ends on, in words, or "".
    """

    newsletter: Newsletter
    arrives: str
    paused_until: str = ""

    @property
    def sentence(self) -> str:
        """Return it as a sentence or two, with the newsletter's name."""
        name = at_start(the(self.newsletter))
        if not self.arrives:
            return f"{name} has ended: no more of it will come."
        if self.paused_until:
            return (
                f"{name} is paused until {self.paused_until}. "
                f"The next one arrives on {self.arrives}."
            )
        return f"The next {bare(self.newsletter)} arrives on {self.arrives}."


def what_comes(session: Session, standings: Iterable[Standing], now: datetime) -> list[Coming]:
    """Say when the next issue of each newsletter arrives; nothing of those that were left."""
    return [
        _coming(session, each.newsletter, each.paused_until, now)
        for each in standings
        if each.active and each.newsletter
    ]


def when_it_comes(session: Session, newsletter: Newsletter, now: datetime) -> Coming:
    """Say when the next issue arrives at a reader who has not paused."""
    return _coming(session, newsletter, None, now)


def what_else_comes(session: Session, token_id: bytes, now: datetime) -> list[str]:
    """Say which newsletters go on for a reader who leaves that of the link."""
    said = []
    for each in others_that_come(session, token_id, now):
        newsletter = each.newsletter
        if newsletter is None or newsletter.retired_at is not None:
            continue
        name = at_start(the(newsletter))
        if each.paused_until:
            said.append(f"{name} is paused until {local_day(each.paused_until, newsletter)}.")
        else:
            said.append(f"{name} still comes on {slot(newsletter)}.")
    return said


def _coming(
    session: Session, newsletter: Newsletter, paused_until: datetime | None, now: datetime
) -> Coming:
    if newsletter.retired_at is not None:
        return Coming(newsletter, "")
    after = paused_until - A_MOMENT if paused_until else now
    arrives = arrival(next_send_at(session, newsletter, after), newsletter)
    return Coming(newsletter, arrives, local_day(paused_until, newsletter) if paused_until else "")
