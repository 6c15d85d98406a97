"""Whether a description is the piece itself: RSS has one element for both."""

import re

TAG = re.compile(r"<[^<>]*+>")
# Some 350 words. A shorter one may be a summary, and of a summary nobody counts reading minutes.
FULL_TEXT_AT_LEAST = 2_000
# How shortened texts end, in the languages of the writers that we know.
CUT_OFF = re.compile(
    r"(?:…|\.\.\.|&hellip;|&#8230;|&#x2026;|[….;]\]|read more|continue reading|weiterlesen|"
    r"lire la suite|leer más|leggi tutto|lees verder|läs mer|les mer|читать далее)\W{0,5}$",
    re.IGNORECASE,
)


def is_full_text(markup: str) -> bool:
    """Tell whether HTML is long enough to be the piece itself, and not cut off."""
    if len(markup) < FULL_TEXT_AT_LEAST:
        return False
    words = " ".join(TAG.sub(" ", markup).split())
    return len(words) >= FULL_TEXT_AT_LEAST and CUT_OFF.search(words[-60:]) is None
