"""How an issue on its way stands, in words: for the page, and for whoever follows it live."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from digest import zones
from digest.delivery.controls.exporting import IN_WORDS
from digest.delivery.ledger.reporting import Report, report
from digest.delivery.ledger.watching import is_settled
from digest.models import DeliveryState, Issue, IssueState
from digest.web.desk.standing import DAY, moment

# What waits, or came of it: in the order in which a message passes them.
STATES = (
    (DeliveryState.QUEUED, "Waiting"),
    (DeliveryState.CLAIMED, "About to be sent"),
    (DeliveryState.SENDING, "On the wire"),
    (DeliveryState.ACCEPTED, "Accepted"),
    (DeliveryState.BOUNCED, "Accepted, and came back"),
    (DeliveryState.COMPLAINED, "Accepted, and complained of"),
    (DeliveryState.FAILED, "Failed"),
    (DeliveryState.EXCLUDED, "Left out"),
    (DeliveryState.CANCELLED, "Cancelled"),
    (DeliveryState.IN_DOUBT, "In doubt"),
)
OVER = (IssueState.SENT, IssueState.CANCELLED)


@dataclass(frozen=True)
class Progress:
    """What the page shows. `shape`: while it stays so, so do the page's buttons."""

    told: Report
    sentence: str
    states: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[str, int], ...]
    editions: tuple[tuple[str, int], ...]

    @property
    def shape(self) -> str:
        some = (self.told.in_doubt > 0, self.told.missed > 0)
        return f"{self.told.state} {some}"

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is sent any more, unless a person asks for it."""
        return self.told.state in OVER and not self.told.to_go


def progress_of(session: Session, issue: Issue, now: datetime) -> Progress:
    """Count the ledger's rows of an issue that is frozen, and say what they mean.

    Once it is settled, what was counted says the same: whoever looks, and however many.
    """
    told = report(session, issue, as_counted=is_settled(session, issue))
    return Progress(
        told=told,
        sentence=_sentence(told, issue, now),
        states=tuple((word, told.counts[state]) for state, word in STATES if told.counts[state]),
        reasons=tuple((_reason(words), readers) for words, readers in told.reasons),
        editions=tuple(
            (
                f"Corrected on {moment(each.correction.at, issue.newsletter)}"
                if each.correction
                else "As it was frozen",
                each.accepted,
            )
            for each in told.editions
        ),
    )


def _sentence(told: Report, issue: Issue, now: datetime) -> str:
    """Return "31,402 of 48,216 accepted, 5,300 a minute, done at about 07:09"."""
    said = f"{told.accepted:,} of {told.audience:,} accepted"
    if told.state is not IssueState.SENDING or not told.a_minute:
        return said
    left = timedelta(minutes=told.to_go / told.a_minute)
    local = (now + left).astimezone(zones.named(issue.newsletter.zone))
    at = f"{local:%H:%M}" if left < DAY else moment(local, issue.newsletter)
    return f"{said}, {_rounded(told.a_minute):,} a minute, done at about {at}"


def _rounded(number: int) -> int:
    """Return two digits of it: more would tell of nothing."""
    return round(number, 2 - len(str(number))) if number > 99 else number


def _reason(words: str) -> str:
    cause, _, code = words.partition(" (")
    said = IN_WORDS.get(cause, cause)
    return f"{said} Code {code.removesuffix(')')}." if code else said
