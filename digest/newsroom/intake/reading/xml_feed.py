"""RSS, RDF and Atom: from XML to entries. `rss` and `atom` say what is read from which element."""

import re
from collections.abc import Mapping
from dataclasses import replace
from xml.parsers import expat

from digest.newsroom.intake.reading.atom import atom_entry, atom_title
from digest.newsroom.intake.reading.elements import Element, Tree, read_tree
from digest.newsroom.intake.reading.entries import Read
from digest.newsroom.intake.reading.oddities import shown
from digest.newsroom.intake.reading.rss import rss_entry, rss_title
from digest.newsroom.intake.reading.xml_repair import well_formed

ATOM = {"feed", "entry", "atom:feed", "atom:entry"}
ROOTS = ATOM | {"rss", "rdf:rdf", "rdf"}
VERSION = re.compile(r"\d(?:\.\d{1,2}){1,2}")
LINE_ENDS = re.compile(r"\r\n|\r|\n")
SHOWN_BEFORE, SHOWN_BEHIND = 30, 10
UNDEFINED_ENTITY = expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]


def read_xml(text: str, url: str, entities: Mapping[str, str]) -> Read | None:
    """Read a feed that came from `url`; None where it is no feed. `entities` are the feed's own.

    Raises:
        ValueError: its entities would make it far longer than it is.
    """
    tree, oddities = _tree(text, url, entities)
    root = tree.root
    if root is None or root.name not in ROOTS:
        return None
    if tree.is_cut:
        oddities.append(
            f"The feed is longer than we read; we stop after {len(tree.entries)} entries."
        )
    if root.name in ATOM:
        entries = tuple(atom_entry(element, root) for element in tree.entries)
        return Read(_atom_kind(root, tree), atom_title(root), entries, 0, tuple(oddities))
    channel = root.first("channel") or root
    entries = tuple(rss_entry(element) for element in tree.entries)
    return Read(_rss_kind(root, tree), rss_title(channel), entries, 0, tuple(oddities))


def _tree(text: str, url: str, entities: Mapping[str, str]) -> tuple[Tree, list[str]]:
    try:
        return read_tree(text, url), []
    except expat.ExpatError as error:
        first = error
    oddities: list[str] = []
    if not entities or first.code != UNDEFINED_ENTITY:
        reason = expat.errors.messages.get(first.code, "not well-formed")
        near = _near(text, first.lineno, first.offset)
        oddities.append(
            f"The feed's XML has errors, which we mend. The first: {reason}, at “{near}”."
        )
    mended = well_formed(text, entities)
    try:
        tree = read_tree(mended.text, url)
    except expat.ExpatError:
        return Tree(None, []), oddities
    return replace(tree, is_cut=tree.is_cut or mended.is_cut), oddities


def _near(text: str, line: int, column: int) -> str:
    # expat counts all three as the end of a line.
    lines = LINE_ENDS.split(text, line)
    found = lines[line - 1] if line <= len(lines) else ""
    return shown(found[max(0, column - SHOWN_BEFORE) : column + SHOWN_BEHIND])


def _rss_kind(root: Element, tree: Tree) -> str:
    if root.name != "rss":
        return "RSS 0.90" if "netscape.com" in tree.namespace.lower() else "RSS 1.0"
    version = root.get("version")
    return f"RSS {version}" if VERSION.fullmatch(version) else "RSS"


def _atom_kind(root: Element, tree: Tree) -> str:
    is_old = root.get("version") == "0.3" or "purl.org/atom" in tree.namespace.lower()
    return "Atom 0.3" if is_old else "Atom 1.0"
