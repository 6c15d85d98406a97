"""Addresses on the web: the one that a reader gets, and the key that tells whether two are one.

A reader gets the address as it was given, but for RFC 3986 6.2.2 (letter case, percent-encoding,
dot segments), what every browser does before it asks, and keys that only track.
"""

import hashlib
import re
from urllib.parse import quote, unquote, unquote_to_bytes

import ada_url

URL_AT_MOST = 2000
_TOO_LONG = f"Web addresses are at most {URL_AT_MOST} characters."
_NOT_WHOLE = "Give the whole address, beginning with https:// or http://."
_UNREADABLE = "We cannot read that address."

SCHEMES = {"http", "https"}
# RFC 3986 appendix B, for the two schemes that we take.
PARTS = re.compile(r"(https?)://([^/?#]+)([^?#]*)(\?[^#]*)?(#.*)?", re.IGNORECASE | re.DOTALL)
HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?\.?(:\d+)?|\[[0-9a-f:.]+\](:\d+)?")
HOST_AT_MOST, LABEL_AT_MOST = 254, 63
ENDS = re.compile(r"^[\x00-\x20]+|[\x00-\x20]+$")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
# Neither a header nor an attribute, nor a link in a plain text part, could hold these.
UNSAFE = re.compile(r'[^!-~]|["<>`\\]')
PLAIN_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
SEGMENT_SAFE = "!$&'()*+,;=:@"

PAGE_KEY_AT_MOST = 1000
GUID_KEY_AT_MOST = 500

TRACKING_PREFIXES = ("utm_", "mtm_", "piwik_", "hsa_", "oly_", "vero_", "at_custom")
TRACKING_KEYS = frozenset(
    {
        *("fbclid", "gclid", "dclid", "gbraid", "wbraid", "gclsrc", "msclkid", "yclid", "twclid"),
        *("ttclid", "li_fat_id", "igshid", "igsh", "mc_cid", "mc_eid", "mkt_tok", "_hsenc"),
        *("_hsmi", "__hstc", "__hssc", "__s", "s_cid", "ck_subscriber_id", "sc_cid", "epik"),
        *("wickedid", "cmpid", "xtor", "rb_clickid", "srsltid", "_ga", "_gl", "guccounter"),
        *("pk_campaign", "pk_cid", "pk_content", "pk_keyword", "pk_kwd", "pk_medium", "pk_source"),
        *("at_medium", "at_campaign", "at_bbc_team"),
    }
)
# Only within an address that nobody signed may anything go.
SIGNATURES = frozenset(
    {"signature", "sig", "hmac", "x-amz-signature", "x-goog-signature", "x-oss-signature"}
)


def canonical_url(text: str) -> str:
    """Return the address that a reader gets: as given, normalised, without tracking keys.

    Raises:
        ValueError: with a sentence: not an absolute http or https address.
    """
    head, query, fragment = _read(text)
    return _bounded(head + _untracked(query) + _untracked_fragment(fragment))


def web_url(text: str) -> str:
    """Return an address from outside as given, normalised (RFC 3986 6.2.2).

    Blanks around it go, those within are percent-encoded. Hosts are A-labels (RFC 5890). The
    query stays byte for byte, for it may be signed; only what no mail could carry is encoded.

    Raises:
        ValueError: with a sentence: not an absolute http or https address.
    """
    return _bounded("".join(_read(text)))


def page_key(url: str, *, with_fragment: bool = False) -> str:
    """Return what two addresses of one page share; `url` is one that `web_url` gave.

    Folds the scheme, `www.`, slashes at the end or doubled, ways to write the same character,
    and tracking keys. A fragment counts where asked for, or where it is a page of its own (`#!`
    and `#/`). ASCII, without blanks, at most 1,000 characters.
    """
    parts = PARTS.fullmatch(url)
    if parts is None:
        return _short(quote(url, safe=SEGMENT_SAFE + "/?#%"), PAGE_KEY_AT_MOST)
    host, path, query, fragment = parts[2].lower(), parts[3], parts[4] or "", parts[5] or ""
    key = _site(host) + _path_key(path) + _query_key(query)
    if with_fragment or fragment.startswith(("#!", "#/")):
        key += fragment_key(fragment)
    return _short(key, PAGE_KEY_AT_MOST)


def fragment_key(url: str) -> str:
    """Return the fragment of an address with its `#`, or "" where it has none."""
    _, hash_, fragment = url.partition("#")
    fragment = "" if _only_tracks(fragment) else fragment
    return hash_ + quote(unquote_to_bytes(fragment), safe=SEGMENT_SAFE + "/?") if fragment else ""


def site_of(key: str) -> str:
    """Return the host in a page's key, with its port where that is not the usual one."""
    return re.split("[/?# ]", key, maxsplit=1)[0]


def guid_key(guid: str) -> str:
    """Return what two ways to write a GUID share: one that is an address is told as a page is.

    At most 500 bytes, so that an index can hold it.
    """
    try:
        key = page_key(web_url(guid), with_fragment=True)
    except ValueError:
        key = guid
    return _short(key, GUID_KEY_AT_MOST)


def _read(text: str) -> tuple[str, str, str]:
    """Return an address up to its path, its query with `?`, and its fragment with `#`."""
    text = ENDS.sub("", text.strip())
    if len(text) > URL_AT_MOST:
        raise ValueError(_TOO_LONG)
    parts = PARTS.fullmatch(text)
    if parts is None or CONTROL.search(text):
        raise ValueError(_NOT_WHOLE)
    scheme, authority, path, query, fragment = parts.groups(default="")
    if "@" in authority:
        raise ValueError("Leave the user name and password out of the address.")
    if "\\" in authority:
        # A browser takes it for a slash, others do not: nobody knows which host is meant.
        raise ValueError(_UNREADABLE)
    try:
        url = ada_url.URL(f"{scheme}://{authority}{path}")
        head = f"{url.protocol}//{_checked_host(url.host)}{_normalised(url.pathname)}"
        return head, _encoded(query), _encoded(fragment)
    except ValueError:
        # UnicodeError among them: half of a surrogate pair.
        raise ValueError(_UNREADABLE) from None


def _checked_host(host: str) -> str:
    labels = host.partition(":")[0].removesuffix(".").split(".")
    too_long = sum(map(len, labels)) + len(labels) > HOST_AT_MOST
    if too_long or not HOST.fullmatch(host) or not all(0 < len(x) <= LABEL_AT_MOST for x in labels):
        raise ValueError(_UNREADABLE)
    return host


def _normalised(path: str) -> str:
    """Write percent-encoding in one way (RFC 3986 6.2.2.1 and 6.2.2.2)."""
    if "%" not in path or STRAY_PERCENT.search(path):
        # Beside a stray one, a character that is decoded could make a new escape.
        return _encoded(path)
    return _encoded(ESCAPE.sub(_one_escape, path))


def _one_escape(found: re.Match[str]) -> str:
    character = chr(int(found[0][1:], 16))
    return character if UNRESERVED.fullmatch(character) else found[0].upper()


def _encoded(part: str) -> str:
    return UNSAFE.sub(lambda found: quote(found[0], safe=""), part)


def _bounded(url: str) -> str:
    if len(url) > URL_AT_MOST:
        raise ValueError(_TOO_LONG)
    return url


def _untracked(query: str) -> str:
    """Return a query without its tracking keys; what stays is byte for byte what it was."""
    if not query:
        return query
    pieces = query[1:].split("&")
    names = [_name(piece) for piece in pieces]
    if not SIGNATURES.isdisjoint(names):
        return query
    kept = [piece for piece, name in zip(pieces, names, strict=True) if not _tracks(name)]
    return query if len(kept) == len(pieces) else "?" + "&".join(kept) if kept else ""


def _untracked_fragment(fragment: str) -> str:
    return "" if _only_tracks(fragment[1:]) else fragment


def _only_tracks(fragment: str) -> bool:
    return "=" in fragment and all(_tracks(_name(piece)) for piece in fragment.split("&"))


def _name(piece: str) -> str:
    return unquote(piece.partition("=")[0].replace("+", " ")).lower()


def _tracks(name: str) -> bool:
    return name in TRACKING_KEYS or name.startswith(TRACKING_PREFIXES)


def _site(host: str) -> str:
    host = re.sub(r"\.(?=:|$)", "", host)
    bare = host.removeprefix("www.")
    return bare if "." in bare else host


def _path_key(path: str) -> str:
    segments = [segment for segment in path.split("/") if segment]
    if not PLAIN_PATH.fullmatch(path):
        segments = [quote(unquote_to_bytes(part), safe=SEGMENT_SAFE) for part in segments]
    return "".join(f"/{segment}" for segment in segments)


def _query_key(query: str) -> str:
    kept = []
    for piece in query[1:].split("&"):
        name, _, value = piece.partition("=")
        if name and not _tracks(_name(piece)):
            kept.append(f"{_same(name)}={_same(value)}" if value else _same(name))
    return "?" + "&".join(kept) if kept else ""


def _same(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="")


def _short(key: str, at_most: int) -> str:
    # PostgreSQL's indexes hold 2,704 bytes at most.
    written = key.encode("utf-8", "ignore")
    if len(written) <= at_most:
        return key
    return written[:200].decode("utf-8", "ignore") + "~" + hashlib.sha256(written).hexdigest()
