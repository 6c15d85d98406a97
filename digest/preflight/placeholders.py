"""Words that stand for words that somebody meant to write: TODO, TK, lorem ipsum, {{ name }}."""

import re
from functools import lru_cache

# "TODO" is a word of these, and means "all".
TODO_IS_A_WORD = frozenset({"ast", "es", "gl", "pt"})

_MEANT = (
    "headline|title|subject|preheader|standfirst|byline|name|first name|date|time|place|link|url|"
    "image|picture|photo|caption|text|story|note|intro|lede|quote|number|tbc|tbd|todo|tk"
)
# Nobody publishes these, wherever they stand.
_CERTAIN = re.compile(r"\blorem\s+ipsum,?\s+dolor\b|(?-i:\bTK(?:\s?TK)+\b)", re.IGNORECASE)
# These may be what a story is about, or a quotation's way to leave out a name, so that only an
# editor's own words are taken to task.
_LIKELY = re.compile(
    r"\{\{[^{}\n]{0,80}(?:\}\})?|\{%[^{}\n]{0,80}%\}|\*\|[^|\n]{1,40}\|\*|%%[A-Za-z_]{1,40}%%"
    rf"|(?i:\blorem\s+ipsum\b|(?:\[\s*(?:{_MEANT})\s*\]"
    r"|\[\s*(?:insert|add|your|write|fill in)\s(?:[^\[\]\n]{0,50}\s)?"
    rf"(?:here|{_MEANT})\s*\])"
    # A word that leads somewhere is a link of hers, and no place left for one.
    r"(?!\((?:https?://|mailto:)))"
    r"|\bFIXME\b"
)
# Not the names of firms: TK Maxx, TK Elevator. Elsewhere it is short for other things.
_TK = re.compile(r"\bTK\b(?! [A-Z][a-z])")
_TODO = re.compile(r"\bTODO\b")
_TODO_WITH_COLON = re.compile(r"\bTODO\s?:")

# Of the texts looked at lately: the desk's page asks at each look.
KEPT = 1024


@lru_cache(KEPT)
def certain_placeholder(text: str) -> str | None:
    """Return the first placeholder that can be nothing else; None where there is none."""
    found = _CERTAIN.search(text)
    return found[0] if found else None


@lru_cache(KEPT)
def likely_placeholder(text: str, language: str = "en") -> str | None:
    """Return the first that is one in an editor's own words; `language` is their tag (RFC 5646)."""
    spoken = language.partition("-")[0].lower()
    todo = _TODO_WITH_COLON if spoken in TODO_IS_A_WORD else _TODO
    for pattern in (_LIKELY, todo, *([_TK] if spoken == "en" else [])):
        found = pattern.search(text)
        if found:
            return found[0]
    return None
