"""What is held about a reader, in words: the export has the names that programs know."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.models import (
    ConsentKind,
    DeliveryState,
    EndedReason,
    Newsletter,
    NoticeKind,
    NoticeState,
    SuppressionReason,
)
from digest.prose import curly

WORDS: Mapping[str, Mapping[str, str]] = {
    "ended": {
        EndedReason.LEFT: "You left",
        EndedReason.ERASED: "You had your data erased",
        EndedReason.COMPLAINED: "It was reported as spam",
        EndedReason.BOUNCED: "Mail to your address came back",
        EndedReason.REMOVED: "We took you off the list",
    },
    "consent": {
        ConsentKind.REQUESTED: "You asked for it",
        ConsentKind.CONFIRMED: "You confirmed it",
        ConsentKind.CHANGED: "You changed something",
        ConsentKind.WITHDRAWN: "You left",
        ConsentKind.RESTORED: "You came back",
        ConsentKind.IMPORTED: "We brought your sign-up along from an earlier list",
        ConsentKind.ERASED: "You had your data erased",
    },
    "delivery": {
        DeliveryState.QUEUED: "Waits to be sent",
        DeliveryState.CLAIMED: "Waits to be sent",
        DeliveryState.SENDING: "Is being sent",
        DeliveryState.ACCEPTED: "Sent",
        DeliveryState.BOUNCED: "It came back",
        DeliveryState.COMPLAINED: "Sent, and reported as spam",
        DeliveryState.FAILED: "Could not be sent",
        DeliveryState.EXCLUDED: "Not sent",
        DeliveryState.CANCELLED: "Not sent: we called it off",
        DeliveryState.IN_DOUBT: "We do not know whether it was sent",
    },
    "why": {
        "gave_up": "The mail server did not take it in time",
        "refused": "The mail server refused it",
        "left": "You had left",
        "paused": "You had paused",
        "suppressed": "We must not write to your address",
        "erased": "You had your data erased",
        "resolved": "A person looked at it and decided",
    },
    "mail": {
        NoticeKind.CONFIRMATION: "A link to confirm your sign-up",
        NoticeKind.ALREADY_SIGNED_UP: "A word that you get it already",
        NoticeKind.DRAFT_READY: "A word to the editor that a draft is ready",
        NoticeKind.REMINDER: "A word to the editor that an issue closes soon",
        NoticeKind.HELD: "A word to the editor that an issue is held",
        NoticeKind.STORY_WITHDRAWN: "A word to the editor that a story was withdrawn",
        NoticeKind.TURNED_BAD: "A word to the editor that something about an issue turned bad",
        NoticeKind.CORRECTION_WAITS: "A word to the editor that a correction waits for them",
        NoticeKind.FRESH_LINK: "A link to your own page",
        NoticeKind.USER_LINK: "A link to choose a password for the desk",
        NoticeKind.ADDRESS_CHANGED: "A word that your address was changed",
    },
    "notice": {
        NoticeState.QUEUED: "Waits to be sent",
        NoticeState.SENDING: "Is being sent",
        NoticeState.ACCEPTED: "Sent",
        NoticeState.FAILED: "Could not be sent",
        NoticeState.CANCELLED: "Not sent: it was no longer needed",
    },
    "suppression": {
        SuppressionReason.ERASED: "You had your data erased",
        SuppressionReason.COMPLAINED: "Mail of ours was reported as spam",
        SuppressionReason.BOUNCED: "Mail to your address came back",
        SuppressionReason.MANUAL: "We were asked not to write to you",
    },
}


class Names:
    """The newsletters' names, and those of their topics, by slug."""

    def __init__(self, newsletters: Iterable[Newsletter]) -> None:
        self._newsletters = {each.slug: each for each in newsletters}

    @classmethod
    def read(cls, session: Session) -> "Names":
        """Read them all, those that have ended too."""
        return cls(session.scalars(select(Newsletter)))

    def newsletter(self, slug: str | None) -> str | None:
        """Return a newsletter's name; nothing where the record is of none."""
        known = self._newsletters.get(slug or "")
        return curly(known.name) if known else slug

    def topics(self, slug: str, topics: Iterable[str]) -> str:
        """Return the names of a newsletter's topics, on one line."""
        newsletter = self._newsletters.get(slug)
        known = newsletter.topics if newsletter else {}
        return ", ".join(
            curly(known.get(topic) or topic.replace("-", " ").capitalize()) for topic in topics
        )


def in_words(value: str | None, of: str) -> str | None:
    """Return what a state or a reason is called on the page of `WORDS` that it is of."""
    return WORDS[of].get(value, value) if value else None
