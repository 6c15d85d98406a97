"""Why a mail came back: decided from the enhanced code first, then from words.

Codes are those of RFC 3463 3 and of its registry (RFC 5248; RFC 7372 for x.7.20 to x.7.26; RFC 7505
for x.1.10). Words count where the code says nothing, or too much at once: they
are those of a large receiver first, then those that many servers write. To say *address* is to say
that nobody is there, so nothing is taken for it that is not said: a code or words that are not in
these tables are `unknown`.
"""

import re
from dataclasses import dataclass

from digest.models import BounceReason

_CODE = re.compile(r"[245]\.([0-9]{1,3}\.[0-9]{1,3})")
LONGEST_WORDS = 500

# By subject and detail, whatever the class.
_BY_CODE = {
    "1.1": BounceReason.ADDRESS,
    "1.2": BounceReason.ADDRESS,
    "1.3": BounceReason.ADDRESS,
    "1.6": BounceReason.ADDRESS,
    "1.10": BounceReason.ADDRESS,
    "2.1": BounceReason.ADDRESS,
    "1.7": BounceReason.SENDER,
    "1.8": BounceReason.SENDER,
    "2.2": BounceReason.FULL,
    "2.3": BounceReason.SIZE,
    "3.4": BounceReason.SIZE,
    "7.20": BounceReason.AUTHENTICATION,
    "7.21": BounceReason.AUTHENTICATION,
    "7.22": BounceReason.AUTHENTICATION,
    "7.23": BounceReason.AUTHENTICATION,
    "7.24": BounceReason.AUTHENTICATION,
    "7.26": BounceReason.AUTHENTICATION,
    # Reverse DNS, RFC 7372 3.3: of the relay, not of the mail.
    "7.25": BounceReason.REPUTATION,
}
# Where the detail is none of those: by subject (RFC 3463 3.1 to 3.8).
_BY_SUBJECT = {
    "4": BounceReason.NETWORK,
    "6": BounceReason.CONTENT,
    "7": BounceReason.REPUTATION,
}


@dataclass(frozen=True)
class Receiver:
    """What a receiver writes, in lower case; within, the first that is found counts.

    `hint`: what stands in its words, so that no other is meant; empty: any receiver. `source`:
    where the words were read, and when.
    """

    hint: str
    source: str
    said: tuple[tuple[str, BounceReason], ...]


# A blocklist's words come before those about an address, which they often quote.
RECEIVERS = (
    Receiver(
        "gsmtp",
        "Google Workspace help, Gmail SMTP errors and codes; 2026-12-01",
        (
            ("that you tried to reach does not exist", BounceReason.ADDRESS),
            ("out of storage space", BounceReason.FULL),
            ("is over quota", BounceReason.FULL),
            ("unauthenticated", BounceReason.AUTHENTICATION),
            ("unsolicited mail", BounceReason.REPUTATION),
        ),
    ),
    Receiver(
        "outlook.com",
        "refusals of Outlook.com quoted by the support pages of two providers; 2026-12-01",
        (("on our block list", BounceReason.REPUTATION),),
    ),
    Receiver(
        "[ts",
        "Yahoo help SLN3436, and refusals with [TSS04] quoted by others; 2026-12-01",
        (("deferred", BounceReason.REPUTATION),),
    ),
    Receiver(
        "",
        "what mail servers are known to write, not read anywhere in particular; 2026-12-01",
        (
            ("blocklist", BounceReason.REPUTATION),
            ("blacklist", BounceReason.REPUTATION),
            ("block list", BounceReason.REPUTATION),
            ("blocked using", BounceReason.REPUTATION),
            ("reputation", BounceReason.REPUTATION),
            ("dmarc", BounceReason.AUTHENTICATION),
            ("dkim", BounceReason.AUTHENTICATION),
            ("sender verify failed", BounceReason.SENDER),
            ("sender address rejected", BounceReason.SENDER),
            ("looks like spam", BounceReason.CONTENT),
            ("detected as spam", BounceReason.CONTENT),
            ("spam message", BounceReason.CONTENT),
            ("mailbox full", BounceReason.FULL),
            ("mailbox is full", BounceReason.FULL),
            ("over quota", BounceReason.FULL),
            ("quota exceeded", BounceReason.FULL),
            ("message too large", BounceReason.SIZE),
            ("message size exceeds", BounceReason.SIZE),
            ("retry timeout exceeded", BounceReason.NETWORK),
            ("connection timed out", BounceReason.NETWORK),
            ("connection refused", BounceReason.NETWORK),
            ("user unknown", BounceReason.ADDRESS),
            ("unknown user", BounceReason.ADDRESS),
            ("no such user", BounceReason.ADDRESS),
            ("no mailbox here by that name", BounceReason.ADDRESS),
        ),
    ),
)


def reason_of(
    enhanced: str | None, words: str | None, *, code: int | None = None, final: bool = True
) -> BounceReason:
    """Say why a mail came back. `enhanced` as in RFC 3463 2, `words` as the server said them.

    *Address* is said only of what a server refused for good: not of a code of class 4, which is
    that of a server that may take it yet, nor of a reply of its kind (`code`, RFC 5321 4.2.1), nor
    where more is tried (`final` is false). Never raises.
    """
    found = _CODE.fullmatch(enhanced or "")
    detail = found[1] if found else ""
    reason = _BY_CODE.get(detail)
    if reason is None:
        by_subject = _BY_SUBJECT.get(detail.partition(".")[0])
        by_words = _by_words(words or "")
        # A code that is about us, or the network, is not made one about the address by words.
        doubtful = by_subject is not None and by_words is BounceReason.ADDRESS
        reason = by_subject if doubtful else by_words or by_subject
    proven = final and not (enhanced or "").startswith(("2", "4"))
    proven = proven and (code is None or code >= 500)
    if reason is None or (reason is BounceReason.ADDRESS and not proven):
        return BounceReason.UNKNOWN
    return reason


def _by_words(words: str) -> BounceReason | None:
    text = " ".join(words[:LONGEST_WORDS].lower().split())
    for receiver in RECEIVERS:
        if receiver.hint in text:
            for said, reason in receiver.said:
                if said in text:
                    return reason
    return None
