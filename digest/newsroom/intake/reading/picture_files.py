"""What a picture's address says of it: its size, its use, and which others are the same."""

import re
from urllib.parse import parse_qsl, quote, unquote, urljoin, urlsplit, urlunsplit

from digest.newsroom.intake.links import URL_AT_MOST, web_url

PICTURE_NAME = re.compile(r"\.(?:jpe?g|jfif|png|webp|avif|gif)$", re.IGNORECASE)
NO_PICTURE_NAME = re.compile(r"\.svgz?$", re.IGNORECASE)
SPARE = re.compile(r"[^\x21-\x7e]|[\"<>\\^`{|}]")

# WordPress: "quay-1024x683.jpg", "quay-scaled.jpg". Blogger: "/s1600/", "/w640-h400/", "=s72-c".
NAMED_SIZE = re.compile(r"[-_](\d{2,4})x(\d{2,4})(?=(?:@2x)?\.\w{3,4}$)")
SCALED = re.compile(r"-(?:scaled|rotated|\d{2,4}w)(?=\.\w{3,4}$)")
# Ghost, Medium, Drupal: a folder for each size.
SIZE_FOLDER = re.compile(
    r"/(?:size/w(\d{2,4})(?:h\d{2,4})?|max/(\d{2,4})|(?:v2/)?resize:fit:(\d{2,4})|styles/[^/]+/public)"
    r"(?=/)"
)
# What a style without a size is taken for: less than the original.
DERIVED_WIDTH = 640
BLOGGER_SIZE = re.compile(r"[/=](?:[swh](\d{2,4})(?:-[a-z]{1,3}\d*)*)(?=/|$)")
BLOGGER_HOSTS = (".blogspot.com", ".googleusercontent.com", ".ggpht.com")
WIDTH_KEYS = ("w", "width", "resize", "fit", "wid")
# Proxies have the picture's own address in their path: Substack's as a whole, Jetpack's from the
# host on.
NESTED = re.compile(r"/(https?(?::|%3A)/.*|https?%3A%2F%2F.*)", re.IGNORECASE)
PROXY_HOST = re.compile(r"i[0-3]\.wp\.com")

# Hosts and paths that never have a story's picture: faces, emoji, counters, buttons.
OTHER_USE = re.compile(
    r"//(?:[\w-]+\.)*(?:gravatar\.com|s\.w\.org|pixel\.wp\.com|stats\.wordpress\.com"
    r"|twemoji\.maxcdn\.com|doubleclick\.net|google-analytics\.com|googletagmanager\.com"
    r"|scorecardresearch\.com|quantserve\.com|feedsportal\.com|addtoany\.com|addthis\.com"
    r"|sharethis\.com|vgwort\.de|statcounter\.com|feedblitz\.com|imrworldwide\.com)(?:[:/]|$)"
    r"|//feeds\.feedburner\.com/~|//feedads\.|/~(?:r|ff|f|a|4)/"
    r"|//[\w.-]*(?:blogger\.googleusercontent|blogger)\.com/tracker/"
    r"|//medium\.com/_/stat|//(?:www\.)?facebook\.com/tr\b"
    r"|/wp-includes/images/(?:smilies|media)/|/images/core/emoji/|/emoji/|/twemoji"
    r"|/(?:matomo|piwik)\.(?:php|gif)|/avatars?/|/gravatar|/wp-content/plugins/[^?]*(?:share|social)"
    r"|/(?:1x1|pixel|spacer|blank|transparent|clear|tracking|beacon)\.(?:gif|png)",
    re.IGNORECASE,
)
# Names that say it too, though a photo may bear them: such a picture comes last.
DOUBTFUL_NAME = re.compile(
    r"(?:^|[-_.])(?:share|sharing|icons?|button|badge|logo|avatar|headshot|emoji|smiley|favicon"
    r"|placeholder|loader|loading|spinner|facebook|twitter|linkedin|whatsapp|pinterest|rss|default)"
    r"(?:[-_.]|$)",
    re.IGNORECASE,
)


def absolute(url: str, base: str) -> str | None:
    """Return a picture's address as an absolute http or https URL, or None where it has none.

    Blanks and what else is not written in a URL are percent-encoded.
    """
    url = url.strip()
    if not url or len(url) > URL_AT_MOST or re.match(r"(?!https?:)[a-z][a-z0-9+.-]*:", url, re.I):
        return None
    try:
        joined = urljoin(base, re.sub(r"[\t\r\n]", "", url))
        begin = joined.partition("#")[0]
        host = urlsplit(begin).netloc
        before, _, path = begin.partition(host) if host else ("", "", "")
        written = before + host + SPARE.sub(_encoded, path)
        checked, parts = urlsplit(web_url(written)), urlsplit(written)
        # Path and query stay as they are given: an address may be signed.
        path = parts.path or checked.path
        return urlunsplit((checked.scheme, checked.netloc, path, parts.query, ""))
    except (ValueError, UnicodeError):
        return None


def _encoded(match: re.Match[str]) -> str:
    return quote(match[0], safe="", errors="ignore")


def path_of(url: str) -> str:
    """Return the path of an absolute URL, which says what kind of file it is."""
    return urlsplit(url).path


def same_as(url: str) -> str:
    """Return what two addresses of one picture, in two sizes, have in common."""
    parts = urlsplit(url)
    path = parts.path
    if nested := NESTED.search(path):
        path = urlsplit(unquote(nested[1])).path
    elif PROXY_HOST.fullmatch(parts.hostname or ""):
        path = "/" + path.lstrip("/").partition("/")[2]
    if (parts.hostname or "").endswith(BLOGGER_HOSTS):
        path = BLOGGER_SIZE.sub("", path)
    path = SIZE_FOLDER.sub("", SCALED.sub("", NAMED_SIZE.sub("", path))).casefold()
    # Where a program gives out all pictures, the query says which it is.
    return path if PICTURE_NAME.search(path) else f"{parts.hostname}{path}?{parts.query}"


def named_width(url: str) -> int | None:
    """Return the width that an address names, in pixels, or None."""
    parts = urlsplit(url)
    if sized := NAMED_SIZE.search(parts.path):
        return int(sized[1])
    if sized := SIZE_FOLDER.search(parts.path):
        return int(sized[sized.lastindex]) if sized.lastindex else DERIVED_WIDTH
    if (parts.hostname or "").endswith(BLOGGER_HOSTS) and (
        sized := BLOGGER_SIZE.search(parts.path)
    ):
        return int(sized[1])
    try:
        query = dict(parse_qsl(parts.query, max_num_fields=50))
    except ValueError:
        return None
    for key in WIDTH_KEYS:
        digits = re.match(r"\d{2,4}(?=,|%2C|$)", query.get(key, ""))
        if digits:
            return int(digits[0])
    return None
