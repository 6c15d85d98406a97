"""What an editor may mark in a note: `*emphasis*`, `**strong**` and `[words](https://…)`.

A small part of CommonMark (0.31, sections 6.2 and 6.3), read by markdown-it; whatever else stands
in a text stays as it is typed. Text is escaped, and made curly as prose is.
"""

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline, emphasis, link
from markdown_it.token import Token
from markupsafe import Markup, escape

from digest.prose import curly

TAGS = {"em_open": "em", "em_close": "em", "strong_open": "strong", "strong_close": "strong"}
# As the parser leaves it: percent-encoded, its host in ASCII.
LINK = re.compile(
    r"(?:https?://[a-z0-9.\[\]:-]+(?:[/?#][!-~]*)?|mailto:[^@\s<>\"]+@[a-z0-9.-]+(?:\?[!-~]*)?)",
    re.IGNORECASE,
)
LONGEST_LINK = 2_000
# The parser asks `validateLink` of no such one.
LEADS_NOWHERE = re.compile(r"\]\(\s*\)")


def marked(text: str, link_class: str = "") -> Markup:
    """Return one paragraph as HTML: `em`, `strong`, and `a` with `href` and the class given."""
    parts: list[Markup] = []
    classed = Markup(' class="{}"').format(link_class) if link_class else ""
    for token, words in _read(text):
        if token.type == "text":
            parts.append(escape(words))
        elif token.type in TAGS:
            end = "/" if token.nesting < 0 else ""
            parts.append(Markup("<{}{}>").format(end, TAGS[token.type]))  # a name of ours
        elif token.type == "link_open":
            parts.append(Markup('<a href="{}"{}>').format(token.attrs["href"], classed))
        elif token.type == "link_close":
            parts.append(Markup("</a>"))
    return Markup("").join(parts)


def marked_words(text: str) -> str:
    """Return the words of one paragraph, without its marks."""
    return "".join(words for _, words in _read(text))


def marked_links(text: str) -> list[str]:
    """Return where one paragraph's links lead, each once; mail addresses by themselves."""
    found = [str(token.attrs["href"]) for token, _ in _read(text) if token.type == "link_open"]
    return list(dict.fromkeys(re.sub("^mailto:", "", url, flags=re.IGNORECASE) for url in found))


def paragraphs(text: str | None) -> tuple[str, ...]:
    """Return the paragraphs of a text, which blank lines part."""
    return tuple(p.strip() for p in re.split(r"\n\s*\n", text or "") if p.strip())


def _read(text: str) -> list[tuple[Token, str]]:
    """Return the tokens of one paragraph, each with what it shows."""
    [inline] = _PARSER.parseInline(text)
    tokens: Sequence[Token] = inline.children or []
    # A mark is curly by what stands beside it, also across tags; it stays one character.
    shown = curly("".join(token.content for token in tokens))
    read, at = [], 0
    for token in tokens:
        read.append((token, shown[at : at + len(token.content)]))
        at += len(token.content)
    return read


def _stars(state: StateInline, silent: bool) -> bool:
    # Underlines are parts of names and addresses as often as not.
    return state.src[state.pos] == "*" and emphasis.tokenize(state, silent)


def _words_that_lead(state: StateInline, silent: bool) -> bool:
    ends = state.md.helpers.parseLinkLabel(state, state.pos, True) if _is_open(state) else -1
    # A link without words is seen by nobody, and one without an address leads to the mail itself.
    if ends < 0 or not state.src[state.pos + 1 : ends].strip():
        return False
    return not LEADS_NOWHERE.match(state.src, ends) and link(state, silent)


def _is_open(state: StateInline) -> bool:
    return state.src[state.pos] == "["


def _may_lead_to(url: str) -> bool:
    return len(url) <= LONGEST_LINK and LINK.fullmatch(url) is not None


_PARSER = MarkdownIt("zero").enable(["emphasis", "link"])
_PARSER.inline.ruler.at("emphasis", _stars)
_PARSER.inline.ruler.at("link", _words_that_lead)
_PARSER.validateLink = _may_lead_to  # type: ignore[method-assign]
