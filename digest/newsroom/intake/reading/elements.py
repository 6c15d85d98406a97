"""A feed's XML as a tree of elements: namespaces by their usual prefixes, each with its base.

expat reads it, without a DTD: there is nothing that it could expand or fetch.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from urllib.parse import urljoin
from xml.parsers import expat

from digest.newsroom.intake.reading.element_names import ENTRIES, INLINE, UNSEEN, VOID

# What is deeper keeps its words, in the element above.
DEPTH_AT_MOST = 60
ELEMENTS_AT_MOST = 200_000
ENTRIES_AT_MOST = 1_000

# Without the scheme's s, the final slash and the case, in all of which feeds differ.
NAMESPACES = {
    "http://purl.org/rss/1.0": "",
    "http://my.netscape.com/rdf/simple/0.9": "",
    "http://channel.netscape.com/rdf/simple/0.9": "",
    "http://my.netscape.com/publish/formats/rss-0.9.dtd": "",
    "http://my.netscape.com/publish/formats/rss-0.91.dtd": "",
    "http://backend.userland.com/rss": "",
    "http://backend.userland.com/rss2": "",
    "http://backend.userland.com/rss091": "",
    "http://backend.userland.com/rss092": "",
    "http://blogs.law.harvard.edu/tech/rss": "",
    "http://cyber.law.harvard.edu/rss/rss.html": "",
    "http://www.rssboard.org/rss-specification": "",
    "http://purl.org/rss/2.0": "",
    "http://purl.org/rss/1.0/modules/rss091#": "",
    "http://www.w3.org/2005/atom": "atom",
    "http://purl.org/atom/ns#": "atom",
    "http://purl.org/atom/ns": "atom",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://purl.org/rss/1.0/modules/content": "content",
    "http://purl.org/dc/elements/1.1": "dc",
    "http://purl.org/dc/elements/1.0": "dc",
    "http://purl.org/dc/terms": "dcterms",
    "http://search.yahoo.com/mrss": "media",
    "http://www.rssboard.org/media-rss": "media",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://purl.org/rss/1.0/modules/slash": "slash",
    "http://prismstandard.org/namespaces/basic/2.0": "prism",
    "http://prismstandard.org/namespaces/1.2/basic": "prism",
    "http://www.w3.org/1999/xhtml": "xhtml",
    "http://www.w3.org/xml/1998/namespace": "xml",
}
# These numbers are no characters: who writes &#146; means Windows-1252's apostrophe, as which
# browsers read it (HTML, section 13.2.5.80).
C1 = re.compile("[\x80-\x9f]")
SIGNS = {number: bytes([number]).decode("cp1252", "ignore") for number in range(0x80, 0xA0)}
CORE_ROOTS = {"rss", "feed", "entry"}


@dataclass(slots=True, eq=False)
class Element:
    """An element. `name` is lower-case, with its namespace's usual prefix: `title`, `dc:date`.

    The feed format's own elements have no prefix. `base` is what its links are relative to.
    """

    name: str
    attributes: dict[str, str]
    base: str
    children: list["Element | str"] = field(default_factory=list)
    _named: dict[str, list["Element"]] | None = None

    def __iter__(self) -> Iterator["Element"]:
        return (child for child in self.children if isinstance(child, Element))

    def all(self, *names: str) -> list["Element"]:
        """Return the children of these names, in the order of the names."""
        if self._named is None:
            self._named = {}
            for child in self:
                self._named.setdefault(child.name, []).append(child)
        named = self._named
        return [child for name in names for child in named.get(name, ())]

    def first(self, *names: str) -> "Element | None":
        """Return the first child of the first of these names that has one."""
        return next(iter(self.all(*names)), None)

    def get(self, name: str) -> str:
        """Return an attribute without white space around it; "" where there is none."""
        return self.attributes.get(name, "").strip()

    @property
    def has_markup(self) -> bool:
        """Tell whether there are elements in it."""
        return any(isinstance(child, Element) for child in self.children)

    @property
    def text(self) -> str:
        """All text in it, with blanks where an element that is no inline markup began or ended."""
        if not self.has_markup:
            return "".join(map(str, self.children)).strip()
        return "".join(_texts(self.children)).strip()

    @property
    def markup(self) -> str:
        """What is in it, written as HTML."""
        return "".join(_written(self.children, is_text=True)).strip()

    @property
    def mixed_markup(self) -> str:
        """What is in it, written as HTML; its own text is HTML already."""
        return "".join(_written(self.children, is_text=False)).strip()

    def one(self, *names: str) -> str:
        """Return the text of the first child of these names that has any."""
        return next((text for child in self.all(*names) if (text := child.text)), "")


@dataclass
class Tree:
    """A feed that was read. `namespace` is its own elements'; `is_cut`: it went on after that."""

    root: Element | None
    entries: list[Element]
    namespace: str = ""
    is_cut: bool = False


def read_tree(text: str, base: str) -> Tree:
    """Read XML.

    Raises:
        expat.ExpatError: it is not well-formed, as the Namespaces of XML want it.
    """
    builder = _Builder(base)
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except _EnoughError:
        return builder.tree(is_cut=True)
    return builder.tree(is_cut=False)


class _EnoughError(Exception):
    """No more is read."""


class _Builder:
    """Makes the tree from expat's events."""

    def __init__(self, base: str) -> None:
        self._above_all = Element("", {}, base)
        self._entries: list[Element] = []
        self._open = [self._above_all]
        self._within_entry = 0
        self._too_deep = 0
        self._elements = 0
        self._names: dict[str, str] = {}
        self._core: list[str] = []

    def tree(self, *, is_cut: bool) -> Tree:
        root = next(iter(self._above_all), None)
        return Tree(root, self._entries, self._core[-1] if self._core else "", is_cut)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > ELEMENTS_AT_MOST:
            raise _EnoughError
        if len(self._open) > DEPTH_AT_MOST:
            self._too_deep += 1
            return
        above = self._open[-1]
        usual = self._names.get(name) or self._usual(name)
        attributes = {_attribute(key): value for key, value in attributes.items()}
        base = above.base
        if "xml:base" in attributes:
            base = joined(base, attributes["xml:base"]) or base
        element = Element(usual, attributes, base)
        if usual in ENTRIES and (not self._within_entry or above.name in ENTRIES):
            if len(self._entries) == ENTRIES_AT_MOST:
                raise _EnoughError
            self._entries.append(element)
            self._within_entry = self._within_entry or len(self._open)
        above.children.append(element)
        self._open.append(element)

    def end(self, name: str) -> None:
        if self._too_deep:
            self._too_deep -= 1
            return
        self._open.pop()
        if len(self._open) == self._within_entry:
            self._within_entry = 0

    def characters(self, text: str) -> None:
        if C1.search(text):
            text = text.translate(SIGNS)
        self._open[-1].children.append(text)

    def _usual(self, name: str) -> str:
        namespace, _, local = name.rpartition(" ")
        local = local.lower()
        if local == "channel" or (self._elements == 1 and local in CORE_ROOTS):
            # Whatever namespace a feed gives itself, its own elements are the format's.
            self._core.append(namespace)
        prefix = "" if namespace in self._core else _prefix(namespace)
        usual = f"{prefix}:{local}" if prefix else local
        self._names[name] = usual
        return usual


def _prefix(namespace: str) -> str:
    if not namespace:
        return ""
    known = namespace.strip().lower().replace("https://", "http://").rstrip("/")
    return NAMESPACES.get(known, namespace)


def _attribute(name: str) -> str:
    namespace, _, local = name.rpartition(" ")
    if not namespace:
        return name.lower()
    return f"{_prefix(namespace)}:{local}".lower()


def joined(base: str, link: str) -> str:
    """Return a link as an absolute address of the web; "" where it is none."""
    link = link.strip()
    if not link:
        return ""
    try:
        absolute = urljoin(base, link)
    except ValueError:
        return ""
    return absolute if absolute[:8].lower().startswith(("http://", "https://")) else ""


def _local(name: str) -> str:
    return re.split("[: ]", name)[-1]


def _texts(children: Iterable[Element | str]) -> Iterator[str]:
    for child in children:
        if isinstance(child, str):
            yield child
            continue
        name = _local(child.name)
        if name in UNSEEN:
            continue
        apart = "" if name in INLINE else " "
        yield apart
        yield from _texts(child.children)
        yield apart


def _written(children: Iterable[Element | str], *, is_text: bool) -> Iterator[str]:
    for child in children:
        if isinstance(child, str):
            yield escape(child, quote=False) if is_text else child
            continue
        name = _local(child.name)
        yield f"<{name}"
        for key, value in child.attributes.items():
            if ":" not in key:
                yield f' {key}="{escape(value)}"'
        yield ">"
        if name not in VOID or child.children:
            yield from _written(child.children, is_text=True)
            yield f"</{name}>"
