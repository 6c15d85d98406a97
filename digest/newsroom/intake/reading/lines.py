"""One line of plain text: what every field but a body is stored as."""

import re
import unicodedata

# Overrides and isolates can make a headline read as something else in a subject line.
UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
# Python sorts a run of combining marks by comparing each with all: 40,000 take it a second. The
# limit for a run is Unicode's own (UAX 15, section 13, Stream-Safe Text Format).
MARKS_TOGETHER = 30
# The blocks in which marks are.
MAY_BE_MARK = re.compile(
    "[\u0300-\u1fff\u20d0-\u20ff\u2c80-\u2dff\u3020-\u30ff\ua600-\uabff\ufb00-\ufe2f\U00010000-\U0010ffff]"
)
# Controls (category Cc), and the separators of lines and paragraphs (Zl, Zp).
BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# What XML 1.0 forbids (section 2.2), and a database cannot keep.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def one_line(text: str) -> str:
    """Return text in NFC without control characters, its white space folded into single spaces."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = BREAKS.sub(" ", UNSEEN.sub("", text))
    # Half a surrogate pair cannot be stored or mailed.
    kept = kept.encode("utf-8", "ignore").decode()
    return " ".join(unicodedata.normalize("NFC", _few_marks(kept)).split())


def _few_marks(text: str) -> str:
    if not MAY_BE_MARK.search(text):
        return text
    kept: list[str] = []
    run = 0
    for character in text:
        parts = unicodedata.normalize("NFD", character)
        run = run + len(parts) if unicodedata.combining(parts[0]) else len(parts) - 1
        if run <= MARKS_TOGETHER:
            kept.append(character)
    return "".join(kept)


def shortened(text: str, at_most: int) -> str:
    """Return a line of at most so many characters: cut after a whole word, with "…" behind it."""
    if len(text) <= at_most:
        return text
    head = text[: at_most - 1]
    whole_words = head if text[at_most - 1] == " " else head.rpartition(" ")[0]
    return (whole_words if len(whole_words) > at_most // 2 else head).rstrip(" ,;:–—-") + "…"
