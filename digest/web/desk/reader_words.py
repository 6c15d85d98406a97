"""What is held about a reader, in words for those at the desk: the reader's own page says "you"."""

from collections.abc import Mapping

from digest.models import ConsentKind, EndedReason, SuppressionReason
from digest.web.site import held

WORDS: Mapping[str, Mapping[str, str]] = {
    "ended": {
        EndedReason.LEFT: "They left",
        EndedReason.ERASED: "Their data was erased",
        EndedReason.COMPLAINED: "They reported it as spam",
        EndedReason.BOUNCED: "Mail to their address came back",
        EndedReason.REMOVED: "They were taken off the list",
    },
    "consent": {
        ConsentKind.REQUESTED: "Asked for it",
        ConsentKind.CONFIRMED: "Confirmed it",
        ConsentKind.CHANGED: "Changed something",
        ConsentKind.WITHDRAWN: "Left",
        ConsentKind.RESTORED: "Came back",
        ConsentKind.IMPORTED: "Brought along from an earlier list",
        ConsentKind.ERASED: "Data erased",
    },
    "why": {
        "gave_up": "The mail server did not take it in time",
        "refused": "The mail server refused it",
        "left": "They had left",
        "paused": "They had paused",
        "suppressed": "Their address must not be written to",
        "erased": "Their data was erased",
        "resolved": "Somebody looked at it and decided",
    },
    "suppression": {
        SuppressionReason.ERASED: "Their data was erased; no import brings them back",
        SuppressionReason.COMPLAINED: "They reported mail as spam",
        SuppressionReason.BOUNCED: "Mail to their address came back",
        SuppressionReason.MANUAL: "They asked not to be written to",
    },
}


def in_words(value: str | None, of: str) -> str | None:
    """Return what a state or a reason is called at the desk."""
    if not value:
        return None
    return WORDS[of].get(value, value) if of in WORDS else held.in_words(value, of)
