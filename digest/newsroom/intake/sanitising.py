"""Text from outside: to plain text, to safe HTML."""

import html
import re
import unicodedata

import nh3

from digest.newsroom.intake.links import SCHEMES

# What is cleaned at all: a title, or a body, beyond this is not one that a person wrote.
MARKUP_AT_MOST = 300_000

BLOCKS = {"p", "br", "div", "li", "ul", "ol", "blockquote", "h2", "h3", "h4", "td", "tr", "table"}
SAFE_TAGS = {"p", "br", "a", "em", "i", "strong", "b", "ul", "ol", "li", "blockquote", "h2", "h3"}

LOOKS_LIKE_MARKUP = re.compile(r"<[a-zA-Z/!?]|&(#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);")
BLOCK_TAG = re.compile(rf"</?(?:{'|'.join(sorted(BLOCKS))})\b[^>]*>")
# Overrides and isolates can make a headline read as something else in a subject line.
UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
# Cc, Zl and Zp.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def plain_text(markup: str, at_most: int) -> str:
    """Return what a reader would see, on one line, cut at a word's end where it is too long.

    Takes text as well as HTML: feeds and API clients send either in the same field.
    """
    markup = markup[:MARKUP_AT_MOST]
    if LOOKS_LIKE_MARKUP.search(markup):
        safe = nh3.clean(markup, tags=BLOCKS, attributes={}, strip_comments=True)
        markup = html.unescape(BLOCK_TAG.sub(" ", safe))
    return bounded_line(markup, at_most)


def one_line(text: str) -> str:
    """Return text in NFC without control characters, its white space folded into single spaces."""
    if not (text.isascii() and text.isprintable()):
        text = CONTROL.sub(" ", UNSEEN.sub("", text))
        # Half a surrogate pair cannot be stored or mailed.
        text = unicodedata.normalize("NFC", text.encode("utf-8", "ignore").decode())
    return " ".join(text.split())


def bounded_line(text: str, at_most: int) -> str:
    """Return plain text on one line, cut at a word's end where it is too long.

    Nothing in it is taken for markup: "the <dialog> element" stays.
    """
    return _cut(one_line(text[:MARKUP_AT_MOST]), at_most)


def _cut(text: str, at_most: int) -> str:
    if len(text) <= at_most:
        return text
    head = text[: at_most - 1]
    whole_words = head.rpartition(" ")[0]
    return (whole_words if len(whole_words) > at_most // 2 else head).rstrip(" ,;:–—-") + "…"


def safe_html(markup: str) -> str:
    """Return HTML of a few plain tags, whose links can only be http and https."""
    # Control characters are no use in HTML, and PostgreSQL cannot hold a NUL.
    markup = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", markup[:MARKUP_AT_MOST])
    markup = markup.encode("utf-8", "ignore").decode()
    return nh3.clean(
        markup, tags=SAFE_TAGS, attributes={"a": {"href"}}, url_schemes=SCHEMES
    ).strip()
