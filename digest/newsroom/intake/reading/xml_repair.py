"""XML that is none, made well-formed: what was written stays, every word and every sign.

expat stops at the first error, and libxml2's recovery loses text from there on. So the text is
read once from end to end, as browsers read HTML, and written anew: one `<` that begins nothing
stays a `<`, and what comes after it is read as if nothing had happened.
"""

import re
from collections import Counter
from collections.abc import Mapping
from html.entities import html5
from typing import NamedTuple

from digest.newsroom.intake.reading.element_names import (
    BARE_ATTRIBUTES,
    BESIDE_MEDIA,
    EMPTY,
    ENTRIES,
    FEEDS_OWN,
    HTML,
    HTMLS_TOO,
    IN_SHORT,
    LONG,
    SHORT,
    TEXTUAL,
    USUAL_PREFIXES,
    VOID,
)

DEPTH_AT_MOST = 200
# So far is looked for the end of a tag that may be none, as in Vector<int>.
NEAR = 500
# A thousand entries have fewer. What comes after so many is not read.
TAGS_AT_MOST = 200_000
EXPANDED_AT_MOST = 1_000_000

NAME = r"[A-Za-z_][A-Za-z0-9_.-]*+"
START = re.compile(rf"<((?:{NAME}:)?{NAME})(?=[\s/>])")
END = re.compile(rf"</\s*+((?:{NAME}:)?{NAME})(?=[\s>])[^<>]*+>")
# Possessive, so that neither blanks nor quotes are ever read twice.
ATTRIBUTE = re.compile(
    r"""[\s/="']*+([^\s=<>"'/]++)"""
    r"""(?:\s*+=\s*+(?:"([^"<>]*+)"|'([^'<>]*+)'|"([^"]{0,5000}+)"(?=[\s/>])|"""
    r"""'([^']{0,5000}+)'(?=[\s/>])|([^\s<>"'][^\s<>]*+)|["']([^\s<>"']*+)["']?))?"""
)
FOLLOWING_TAG = re.compile(r"\s*+<")
TAG_ENDS = re.compile(r"""[\s="']*+(/?)\s*+>""")
REFERENCE = re.compile(r"&(?:#([0-9]{1,8});|#[xX]([0-9a-fA-F]{1,7});|([A-Za-z][\w.\-]{0,62});)?")
ENTRY = re.compile(r"<(?:[\w.-]{1,40}:)?(?:item|entry)(?=[\s>/])", re.IGNORECASE)
PLAIN_NAME = re.compile(rf"(?:{NAME}:)?{NAME}")

XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})

RESERVED = frozenset({"http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/"})


class Mended(NamedTuple):
    """Well-formed XML; `is_cut` tells that the text went on, beyond what is read of any feed."""

    text: str
    is_cut: bool


def well_formed(text: str, entities: Mapping[str, str] | None = None) -> Mended:
    """Return XML that is well-formed, from its root on. `entities` are the feed's own.

    Raises:
        ValueError: its entities would make it far longer than it is.
    """
    return _Repair(text, entities or {}).written()


class _Repair:
    """One reading of a text, and what has been written of it so far."""

    def __init__(self, text: str, entities: Mapping[str, str]) -> None:
        self.text = text
        self.entities = entities
        self.out: list[str] = []
        # Names as they were opened, with the prefixes that each declares.
        self.open: list[tuple[str, list[str]]] = []
        self.counts: Counter[str] = Counter()
        self.prefixes: Counter[str] = Counter({"xml": 1})
        self.last_entry = max((found.start() for found in ENTRY.finditer(text)), default=-1)
        self.no_more: set[str] = set()
        self.expanded = 0
        self.is_over = False

    def written(self) -> Mended:
        """Return all of it, well-formed."""
        at, size, tags = 0, len(self.text), 0
        while at < size and not self.is_over:
            tag = self.text.find("<", at)
            tag = size if tag < 0 else tag
            if tag > at:
                self._words(self.text[at:tag])
            at = tag if tag == size else self._tag(tag)
            tags += 1
            if tags > TAGS_AT_MOST:
                break
        while self.open:
            self._close()
        return Mended("".join(self.out), tags > TAGS_AT_MOST)

    def _words(self, text: str) -> None:
        if self.open:
            self.out.append(self._escaped(text))

    def _tag(self, at: int) -> int:
        """Read what begins with a `<`; returns where it ends."""
        following = self.text[at + 1 : at + 2]
        if following == "!":
            return self._declaration(at)
        if following == "?":
            end = self._find("?>", at)
            return end + 2 if end >= 0 else self._literal(at)
        if following == "/":
            found = END.match(self.text, at)
            if found is None or self._is_text_end(found[1].lower(), found.end()):
                return self._literal(at)
            self._end(found[1].lower(), at)
            return found.end()
        return self._start(at)

    def _literal(self, at: int) -> int:
        self._words("<")
        return at + 1

    def _find(self, what: str, at: int) -> int:
        # What is not there once is not there later: each is looked for in vain but once.
        if what in self.no_more:
            return -1
        found = self.text.find(what, at + 2)
        if found < 0:
            self.no_more.add(what)
        return found

    def _declaration(self, at: int) -> int:
        text = self.text
        if text.startswith("<!--", at):
            end = self._find("-->", at)
            return end + 3 if end >= 0 else self._literal(at)
        if text[at : at + 9].upper() == "<![CDATA[":
            return self._cdata(at)
        if text[at : at + 9].upper() == "<!DOCTYPE":
            end = self._find(">", at)
            return end + 1 if end >= 0 else self._literal(at)
        return self._literal(at)

    def _cdata(self, at: int) -> int:
        begins = at + len("<![CDATA[")
        end = self._find("]]>", begins - 2)
        after = end + 3
        if end < 0:
            # Never closed: its element's end is its own.
            element = self.open[-1][0] if self.open else ""
            end = self.text.find(f"</{element}", begins)
            after = end = len(self.text) if end < 0 else end
        if self.open:
            # As text, for what is in it may hold the beginning of another one.
            inside = self.text[begins:end]
            self.out.append(inside.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
        return after

    def _start(self, at: int) -> int:
        found = START.match(self.text, at)
        if found is None or found[1].startswith("xmlns:"):
            return self._literal(at)
        name = found[1]
        read = self._attributes(found.end())
        if read is None or (self.open and self._is_text(name, read[1])):
            return self._literal(at)
        attributes, end, is_empty = read
        lower = name.lower()
        self._end_what_ended(lower, attributes)
        if not self.open and self.out:
            self.is_over = True  # a second root
            return end
        if len(self.open) >= DEPTH_AT_MOST:
            return end
        is_void = is_empty or lower in VOID
        is_void = is_void or (lower == "link" and self._is_void_link(attributes, end))
        declared = self._write_start(name, attributes, is_void)
        if not is_void:
            self.open.append((name, declared))
            self.counts[lower] += 1
            self.prefixes.update(declared)
        return end

    def _attributes(self, at: int) -> tuple[dict[str, str], int, bool] | None:
        """Read a tag's attributes up to its end; None where it has none, and so is no tag."""
        attributes: dict[str, str] = {}
        while True:
            ends = TAG_ENDS.match(self.text, at)
            if ends is not None:
                return attributes, ends.end(), ends[1] == "/"
            found = ATTRIBUTE.match(self.text, at)
            if found is None:
                return None
            value = next((part for part in found.groups()[1:] if part is not None), None)
            if value is None and found[1].lower() not in BARE_ATTRIBUTES:
                return None
            attributes.setdefault(found[1], value or "")
            at = found.end()

    def _is_text(self, name: str, end: int) -> bool:
        """Tell whether a tag is rather a piece of text, as in `Vector<int>`."""
        above, lower = self.open[-1][0].lower(), name.lower()
        if above not in TEXTUAL or ":" in name or lower in FEEDS_OWN:
            return False
        if lower in (IN_SHORT if above in SHORT else HTML):
            return False
        nearby = self.text[end : end + NEAR].lower()
        return f"</{lower}" not in nearby.partition(f"</{above}")[0]

    def _end_what_ended(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self.open:
            return
        above = self.open[-1][0].lower()
        if name in ENTRIES and self.counts[name]:
            while self.open[-1][0].lower() not in {"channel", "feed", "rss", "rdf:rdf"}:
                if len(self.open) == 1:
                    return
                self._close()
        elif above in EMPTY or (above == "media:content" and name in BESIDE_MEDIA):
            self._close()
        elif name in FEEDS_OWN and above in SHORT:
            is_authors = above == "author" and name in {"name", "email", "uri", "url"}
            if not is_authors:
                self._close()
        elif name in FEEDS_OWN and above in LONG and not _is_htmls(name, attributes):
            self._close()

    def _is_void_link(self, attributes: Mapping[str, str], end: int) -> bool:
        """Tell whether an Atom link, which is not closed, has ended with its tag."""
        if "href" not in attributes:
            return False
        return re.match(r"\s*</\s*link", self.text[end : end + 200], re.IGNORECASE) is None

    def _write_start(self, name: str, attributes: Mapping[str, str], is_empty: bool) -> list[str]:
        """Write a tag; returns the prefixes that it declares."""
        written: dict[str, str] = {}
        declared: list[str] = []
        for key, value in attributes.items():
            if not PLAIN_NAME.fullmatch(key):
                continue
            prefix, _, local = key.rpartition(":")
            if prefix == "xmlns":
                if not value.strip() or local.startswith("xml") or value in RESERVED:
                    continue
                declared.append(local)
            elif (key == "xmlns" and value in RESERVED) or prefix == local == "xmlns":
                continue
            written[key] = self._escaped(value).replace('"', "&quot;")
        used = {key.rpartition(":")[0] for key in (name, *written)} - {"", "xmlns"}
        for prefix in sorted(used - set(declared)):
            if not self.prefixes[prefix]:
                declared.append(prefix)
                written[f"xmlns:{prefix}"] = USUAL_PREFIXES.get(prefix, f"urn:undeclared:{prefix}")
        self._without_doubles(written)
        inside = "".join(f' {key}="{value}"' for key, value in written.items())
        self.out.append(f"<{name}{inside}{'/' if is_empty else ''}>")
        return declared

    @staticmethod
    def _without_doubles(written: dict[str, str]) -> None:
        # Two prefixes may name one namespace: then a:x and b:x are one attribute, written twice.
        seen: set[str] = set()
        for key in [key for key in written if ":" in key and not key.startswith("xmlns:")]:
            local = key.rpartition(":")[2]
            if local in seen:
                del written[key]
            seen.add(local)

    def _is_text_end(self, name: str, end: int) -> bool:
        """Tell whether an end tag is rather a piece of text, as in "the </dialog> tag"."""
        above = self.open[-1][0].lower() if self.open else ""
        if above not in TEXTUAL or self.counts[name] or name in FEEDS_OWN:
            return False
        if name in (IN_SHORT if above in SHORT else HTML):
            return False
        # Where nothing but tags follows, it is the end of the element, misspelt.
        return FOLLOWING_TAG.match(self.text, end) is None

    def _end(self, name: str, at: int) -> None:
        """Close an element, and what is open in it."""
        if not self.counts[name]:
            return
        is_roots = self.counts[name] == 1 and self.open[0][0].lower() == name
        if is_roots and self.last_entry > at:
            return
        while self.open[-1][0].lower() != name:
            self._close()
        self._close()
        self.is_over = not self.open

    def _close(self) -> None:
        name, declared = self.open.pop()
        self.counts[name.lower()] -= 1
        self.prefixes.subtract(declared)
        self.out.append(f"</{name}>")

    def _escaped(self, text: str) -> str:
        if "&" in text:
            text = REFERENCE.sub(self._reference, text)
        return text.replace("<", "&lt;").replace("]]>", "]]&gt;")

    def _reference(self, found: re.Match[str]) -> str:
        decimal, hexadecimal, name = found.groups()
        if name is None:
            number = int(decimal) if decimal else int(hexadecimal, 16) if hexadecimal else None
            return "&amp;" if number is None else _character(number)
        if name in XML_NAMES:
            return found[0]
        text = self.entities.get(name, html5.get(f"{name};"))
        if text is None:
            return f"&amp;{name};"
        self.expanded += len(text)
        if self.expanded > EXPANDED_AT_MOST:
            raise ValueError("The feed's entities make it too long.")
        return text.replace("&", "&amp;").replace("<", "&lt;")


def _is_htmls(name: str, attributes: Mapping[str, str]) -> bool:
    # HTML's links have attributes; one without any is the feed's.
    return name in HTMLS_TOO and (name != "link" or bool(attributes))


def _character(number: int) -> str:
    if number in {0x9, 0xA, 0xD} or 0x20 <= number <= 0xD7FF or 0xE000 <= number <= 0xFFFD:
        return f"&#{number};"
    return f"&#{number};" if 0x10000 <= number <= 0x10FFFF else ""
