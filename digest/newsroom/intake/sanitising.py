"""Text from outside: to plain text, to safe HTML, to links that may be followed."""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from url_normalize import url_normalize

from digest.newsroom.intake.reading.lines import one_line
from digest.newsroom.intake.reading.markup import plain_from_unknown, safe_html

__all__ = [
    "MARKUP_AT_MOST",
    "SCHEMES",
    "URL_AT_MOST",
    "canonical_url",
    "one_line",
    "plain_text",
    "safe_html",
    "web_url",
]

URL_AT_MOST = 2000
_TOO_LONG = f"Web addresses are at most {URL_AT_MOST} characters."
# What a feed's content is looked through for.
MARKUP_AT_MOST = 300_000

HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?\.?|[0-9a-f:.]*:[0-9a-f:.]*")

SCHEMES = {"http", "https"}

TRACKING_PREFIXES = ("utm_", "mtm_", "pk_", "piwik_", "hsa_", "oly_", "vero_", "at_custom")
TRACKING_KEYS = frozenset(
    {
        *("fbclid", "gclid", "dclid", "gbraid", "wbraid", "gclsrc", "msclkid", "yclid", "twclid"),
        *("ttclid", "li_fat_id", "igshid", "igsh", "mc_cid", "mc_eid", "mkt_tok", "_hsenc"),
        *("_hsmi", "__hstc", "__hssc", "__s", "s_cid", "ck_subscriber_id", "sc_cid", "epik"),
        *("wickedid", "cmpid", "xtor", "rb_clickid", "srsltid", "_ga", "_gl", "guccounter"),
    }
)


def plain_text(text: str, at_most: int) -> str:
    """Return what a reader sees of text that may or may not be HTML, on one bounded line.

    Who knows which of them it is says so by `markup.plain`, or by `one_line`.
    """
    return plain_from_unknown(text, at_most)


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
