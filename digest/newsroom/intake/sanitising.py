"""Text from outside: to plain text, to safe HTML, to links that may be followed."""

import html
import re
import unicodedata
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import nh3
from url_normalize import url_normalize

URL_AT_MOST = 2000
_TOO_LONG = f"Web addresses are at most {URL_AT_MOST} characters."
# What is cleaned at all: a title, or a body, beyond this is not one that a person wrote.
MARKUP_AT_MOST = 300_000

HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?\.?|[0-9a-f:.]*:[0-9a-f:.]*")

BLOCKS = {"p", "br", "div", "li", "ul", "ol", "blockquote", "h2", "h3", "h4", "td", "tr", "table"}
SAFE_TAGS = {"p", "br", "a", "em", "i", "strong", "b", "ul", "ol", "li", "blockquote", "h2", "h3"}
SCHEMES = {"http", "https"}

LOOKS_LIKE_MARKUP = re.compile(r"<[a-zA-Z/!?]|&(#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);")
BLOCK_TAG = re.compile(rf"</?(?:{'|'.join(sorted(BLOCKS))})\b[^>]*>")
# Overrides and isolates can make a headline read as something else in a subject line.
UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")

TRACKING_PREFIXES = ("utm_", "mtm_", "pk_", "piwik_", "hsa_", "oly_", "vero_", "at_custom")
TRACKING_KEYS = frozenset(
    {
        *("fbclid", "gclid", "dclid", "gbraid", "wbraid", "gclsrc", "msclkid", "yclid", "twclid"),
        *("ttclid", "li_fat_id", "igshid", "igsh", "mc_cid", "mc_eid", "mkt_tok", "_hsenc"),
        *("_hsmi", "__hstc", "__hssc", "__s", "s_cid", "ck_subscriber_id", "sc_cid", "epik"),
        *("wickedid", "cmpid", "xtor", "rb_clickid", "srsltid", "_ga", "_gl", "guccounter"),
    }
)


def plain_text(markup: str, at_most: int) -> str:
    """Return what a reader would see, on one line, cut at a word's end where it is too long.

    Takes text as well as HTML: feeds and API clients send either in the same field.
    """
    markup = markup[:MARKUP_AT_MOST]
    if LOOKS_LIKE_MARKUP.search(markup):
        safe = nh3.clean(markup, tags=BLOCKS, attributes={}, strip_comments=True)
        markup = html.unescape(BLOCK_TAG.sub(" ", safe))
    return _cut(one_line(markup), at_most)


def one_line(text: str) -> str:
    """Return text in NFC without control characters, its white space folded into single spaces."""
    text = UNSEEN.sub("", text)
    kept = "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    # Half a surrogate pair cannot be stored or mailed.
    kept = kept.encode("utf-8", "ignore").decode()
    return " ".join(unicodedata.normalize("NFC", kept).split())


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


def canonical_url(text: str) -> str:
    """Return the one way to write a page's address: normalised, without tracking or fragment.

    Raises:
        ValueError: with a sentence: not an absolute http or https address.
    """
    parts = urlsplit(web_url(text))
    query = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(key, value) for key, value in query if not _tracks(key)]
    # Written anew only where something went, for what stays may be signed as it stands.
    written = parts.query if len(kept) == len(query) else urlencode(kept)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, written, ""))


def web_url(text: str) -> str:
    """Return an address from outside, normalised.

    Raises:
        ValueError: with a sentence: not an absolute http or https address.
    """
    text = text.strip()
    if len(text) > URL_AT_MOST:
        raise ValueError(_TOO_LONG)
    if not re.match(r"https?://[^/?#]", text, re.IGNORECASE) or re.search(r"[\x00-\x20\x7f]", text):
        raise ValueError("Give the whole address, beginning with https:// or http://.")
    try:
        found = url_normalize(text) or ""
        parts = urlsplit(found)
        _ = parts.port  # reading it is what checks it
    except (ValueError, UnicodeError):
        raise ValueError("We cannot read that address.") from None
    if parts.scheme not in SCHEMES or not HOST.fullmatch(parts.hostname or ""):
        raise ValueError("We cannot read that address.")
    if parts.username is not None or parts.password is not None:
        raise ValueError("Leave the user name and password out of the address.")
    if re.search(r"[\x00-\x20\x7f]", found):
        raise ValueError("We cannot read that address.")
    if len(found) > URL_AT_MOST:
        raise ValueError(_TOO_LONG)
    return str(found)


def _tracks(key: str) -> bool:
    key = key.lower()
    return key in TRACKING_KEYS or key.startswith(TRACKING_PREFIXES)
