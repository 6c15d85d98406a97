"""Who wrote an entry, from all that a feed says about it. An address is never printed."""

import re
from collections.abc import Sequence
from itertools import islice

from digest.newsroom.intake.reading.lines import one_line, shortened

BYLINE_AT_MOST = 200
NAMES_AT_MOST = 50
NAME_AT_MOST = 100
# What is looked at of a name; addresses are looked for in it, which takes longer than reading.
LOOKED_AT = 500

ADDRESS = re.compile(r"(?:mailto:)?[^\s@<>()\[\],;:\"]+@[^\s@<>()\[\],;:\"]+", re.IGNORECASE)
WEB_ADDRESS = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
# "ada@example.com (Ada Lovelace)", RSS 2.0's form.
WITHIN_BRACKETS = re.compile(r"\s*\((.*)\)\s*", re.DOTALL)
EMPTY_BRACKETS = re.compile(r"\(\s*\)|<\s*>|\[\s*\]")
BY = re.compile(r"(?:by|written by|posted by)(?::\s*|\s+)(?=\S)", re.IGNORECASE)
# What programs write where nobody gave a name.
NOBODY = frozenset(
    "admin administrator author by n/a nobody none noreply no-reply null root "
    "undefined unknown user webmaster wordpress wp-admin".split()
)
# A byline of several, within one element: its names are then the same as elements of their own.
CONJUNCTION = re.compile(r"\s+(?:and|&)\s+", re.IGNORECASE)


# RSS has one element for an author: some write several addresses with names into it.
SEVERAL = re.compile(r"(?<=[)>])\s*[,;]\s*(?=[^\s@,;]{1,64}@)")


def byline(names: Sequence[str]) -> str | None:
    """Return "Ada", "Ada and Bo" or "Ada, Bo and Cy" from plain text, or None for nobody.

    Each name is what one author's element says. Of an address with a name the name is taken, and
    what is an address only names nobody.
    """
    found: dict[str, str] = {}
    several = (part for given in names[:NAMES_AT_MOST] for part in SEVERAL.split(given[:LOOKED_AT]))
    for given in islice(several, NAMES_AT_MOST):
        name = _name(given)
        if name:
            found.setdefault(name.casefold(), name)
    return _joined(_without_repeats(list(found.values())))


def _name(given: str) -> str:
    text = one_line(given[:LOOKED_AT])
    text = WEB_ADDRESS.sub("", text)
    without = ADDRESS.sub("", text)
    if without != text and (bracket := WITHIN_BRACKETS.fullmatch(without)):
        without = bracket[1]
    without = EMPTY_BRACKETS.sub("", without)
    without = one_line(BY.sub("", without.strip(), count=1)).strip(' ,;:<>"|/-–—')
    # What is left of brackets that stood around an address.
    if without.count("(") != without.count(")"):
        without = without.strip("() ")
    if without.casefold() in NOBODY or not any(map(str.isalnum, without)):
        return ""
    return shortened(without, NAME_AT_MOST)


def _without_repeats(names: list[str]) -> list[str]:
    """Leave out a name that another element has among its several ("Ada and Bo", then "Ada")."""
    several = {
        part.casefold()
        for name in names
        for part in CONJUNCTION.sub(",", name).split(",")
        if part.casefold() != name.casefold()
    }
    several = {part.strip() for part in several}
    return [name for name in names if name.casefold() not in several]


def _joined(names: list[str]) -> str | None:
    if not names:
        return None
    for count in range(len(names), 0, -1):
        kept = names[:count]
        last = "others" if count < len(names) else kept.pop() if count > 1 else ""
        text = f"{', '.join(kept)} and {last}" if last else kept[0]
        if len(text) <= BYLINE_AT_MOST:
            return text
    return names[0]
