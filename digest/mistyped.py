"""What is wrong with what was typed for a mail address, and the address that can be seen in it.

Nothing here decides what an address is: `Accept` says so of each candidate.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from digest.receivers import whole_domain

Accept = Callable[[str], str | None]
"""Takes a candidate; returns it as it would be kept, or None where it is no address."""

UNREADABLE = "We cannot read that email address. Check it, like name@example.org"

# Written by word processors and by keyboards for other scripts, in an address never on purpose.
_TYPOGRAPHIC = str.maketrans(
    dict.fromkeys("‘’‚‛′ʼʹ´`＇", "'") | dict.fromkeys("‐‑‒–—―−﹣－", "-") | {"…": "..."}
)
_QUOTES = "\"'“”„‟«»‹›‘’‚‛`´"
_AROUND = _QUOTES + ".,;:!?()[]{}<>*|/\\="
_ANY_AT = re.compile("[@＠﹫]")
_SPELT_AT = re.compile(r"\s*[(\[{<]\s*at\s*[)\]}>]\s*|\s+at\s+", re.IGNORECASE)
_SPELT_DOT = re.compile(r"\s*[(\[{<]\s*dot\s*[)\]}>]\s*|\s+dot\s+", re.IGNORECASE)
_LABELLED = re.compile(r"\A(?:(?:mailto|e-?mail|mail|to|https?|smtp):(?://)?\s*)+", re.IGNORECASE)
# A quoted-string (RFC 5321 4.1.2) that needs its quotation marks.
_QUOTED = re.compile(r'"[^"]*[ @(),:;<>\[\]\\][^"]*"@')
_NUMBER = re.compile(r"\[.*\]|[0-9.]+\Z")
# What separates one address from the next.
_BETWEEN = re.compile(r"[\s,;|]+")
# RFC 5322 3.2.3, and whatever is not ASCII (RFC 6532 3.2).
_BEFORE_AT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]|[^\x00-\x7f]")
_AFTER_AT = re.compile(r"[A-Za-z0-9.\-]|[^\x00-\x7f]")


class Slip(NamedTuple):
    """A sentence for whoever typed it, and the address that was probably meant."""

    sentence: str
    suggestion: str | None


def trimmed(text: str) -> str:
    """Take what nobody can see from either end: blanks of all kinds, and marks of direction."""
    start, end = 0, len(text)
    while start < end and _is_unseen(text[start]):
        start += 1
    while end > start and _is_unseen(text[end - 1]):
        end -= 1
    return text[start:end]


def in_ascii(local: str) -> str:
    """Return a part before the @ without typographic marks and full-width letters."""
    plain = "".join(map(_narrow, local.translate(_TYPOGRAPHIC)))
    return plain if plain.isascii() else local


def explain(typed: str, accept: Accept) -> Slip:
    """Say what is wrong with a text that is no address, and offer the one that is in it.

    `typed` is trimmed, not empty, and bounded in length.
    """
    for sentence, candidate in _candidates(typed):
        found = accept(candidate)
        if found is not None:
            return Slip(f"{sentence}Did you mean {found}?", found)
    return Slip(_what_is_wrong(typed), None)


def _candidates(typed: str) -> Iterator[tuple[str, str]]:
    """Yield what may have been meant, the likeliest first, after what to say before it."""
    if len(_addresses_in(typed)) > 1:
        return
    plain = _seen(typed)
    yield "", plain
    if _QUOTED.search(plain):
        # A mailbox may be called so, and without its quotation marks it is another.
        return
    if inside := re.search(r"<([^<>]*)>", plain):
        yield "Enter the address alone. ", _bare(inside[1])
    bare = _bare(plain)
    yield "", bare
    if "@" not in plain:
        spelt = _SPELT_DOT.sub(".", _SPELT_AT.sub("@", bare, count=1))
        yield "", "".join(spelt.split())
        return
    joined = "".join(bare.split())
    blank = ("There is a blank in that address. ", joined)
    if bare.count(" ") == 1 and bare.partition(" ")[0].islower():
        yield blank
    # A comma without a blank is a dot that was missed.
    for word in _BETWEEN.split(plain) if re.search(r"[ ;|]", bare) else ():
        if "@" in word:
            yield "Enter the address alone. ", _bare(word)
    if joined != bare:
        yield blank
    yield from _mended(joined)


def _mended(bare: str) -> Iterator[tuple[str, str]]:
    """Yield an address without what is never in one: two dots, a comma, a second @."""
    local, _, domain = re.sub(r"@{2,}", "@", bare).partition("@")
    local = local.replace('"', "").replace(",", ".")
    domain = re.sub(r"[,;/…]", ".", domain)
    local, domain = (re.sub(r"\.{2,}", ".", part).strip(".") for part in (local, domain))
    comma = "There is a comma in that address. " if "," in bare else ""
    yield comma, f"{local}@{domain}"
    if whole := whole_domain(domain.lower()):
        yield "", f"{local}@{whole}"


def _what_is_wrong(typed: str) -> str:
    plain = _seen(typed)
    if "@" not in plain:
        return "Enter an email address with an @, like name@example.org"
    if len(_addresses_in(typed)) > 1:
        return "That is more than one address. Enter one"
    local, _, domain = _bare(plain).rpartition("@")
    if "@" in local:
        return "There is more than one @ in that address. Take one away"
    if not local:
        return "Something is missing before the @. Enter it all, like name@example.org"
    if not domain:
        return "Something is missing after the @. Enter it all, like name@example.org"
    if _NUMBER.match(plain.rpartition("@")[2]):
        return "We cannot write to a number after the @. Enter a name there, like example.org"
    if _QUOTED.search(plain):
        return "We cannot write to an address with quotation marks. Enter another"
    if " " in plain:
        return "There is a blank in that address. Take it away"
    for part, allowed, where in ((local, _BEFORE_AT, "before"), (domain, _AFTER_AT, "after")):
        odd = next((letter for letter in part if not allowed.match(letter)), None)
        if odd is not None and odd.isprintable():
            return f"There cannot be a {odd} {where} the @. Check that part"
    if "." not in domain:
        return "The part after the @ is not whole. It has a dot in it, like example.org"
    return UNREADABLE


def _addresses_in(typed: str) -> set[str]:
    words = map(_bare, _BETWEEN.split(_seen(typed)))
    return {word for word in words if re.fullmatch(r"[^@]+@[^@]*\.[^@]+", word)}


def _seen(typed: str) -> str:
    """Return what a reader sees of it, with one @ for all that look like one."""
    kept = (each for each in typed if each.isspace() or not _is_unseen(each))
    words = "".join(kept).translate(_TYPOGRAPHIC).split()
    return _ANY_AT.sub("@", "".join(map(_narrow, " ".join(words))))


def _bare(text: str) -> str:
    """Return it without a label before it, and without marks around it."""
    bare = text.strip(_AROUND + " ")
    if label := _LABELLED.match(bare):
        # RFC 6068: an address in a link may be written in percent signs, and have fields behind it.
        bare = unquote(bare[label.end() :].partition("?")[0])
    return bare.strip(_AROUND + " ")


def _narrow(letter: str) -> str:
    return unicodedata.normalize("NFKC", letter) if "！" <= letter <= "～" else letter


def _is_unseen(letter: str) -> bool:
    kind = unicodedata.category(letter)
    selects = "\ufe00" <= letter <= "\ufe0f" or letter in "\u034f\u115f\u1160\u3164\uffa0\u2800"
    return kind in {"Cc", "Cf", "Zs", "Zl", "Zp"} or selects
