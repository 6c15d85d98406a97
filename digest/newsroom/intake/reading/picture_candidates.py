"""Which pictures an entry may be shown with, the likeliest first.

What the feed declares comes first, then what its text shows. A face, an emoji, a button and a pixel
that counts readers are no candidates; a picture that comes twice is one, in its larger size.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from digest.newsroom.intake.given_articles import ALT_AT_MOST, GivenPicture
from digest.newsroom.intake.reading.element_names import VOID_IN_HTML
from digest.newsroom.intake.reading.lines import one_line, shortened
from digest.newsroom.intake.reading.markup import NEVER_TEXT, Piece, pieces
from digest.newsroom.intake.reading.picture_files import (
    DOUBTFUL_NAME,
    NO_PICTURE_NAME,
    OTHER_USE,
    PICTURE_NAME,
    absolute,
    named_width,
    path_of,
    same_as,
)

CANDIDATES_AT_MOST = 8
LOOKED_AT = 50
# Narrower or lower ones are icons, and pixels that count readers.
WIDTH_AT_LEAST = 100
HEIGHT_AT_LEAST = 50
# A declared picture narrower than this comes behind those of the text.
SMALL = 400
UNKNOWN_WIDTH = 1000
ORIGINAL_WIDTH = 10_000
# The largest that an issue shows is 1072 pixels wide; what is wider takes longer to fetch.
WANTED_WIDTH = 1200

# Elements whose only use is a picture, whatever their type says or does not say.
ALWAYS_PICTURES = ("itunes:image", "thumbnail", "banner_image", "image")
OTHER_CLASS = re.compile(
    r"(?:^|[\s_-])(?:avatar|gravatar|emoji|smiley|icons?|share|sharing|sharedaddy|social|addtoany"
    r"|author|byline|relatedposts|related|advert|tracking|pixel)(?:$|[\s_-])"
)
# What the link about a button leads to.
SHARE_LINK = re.compile(
    r"facebook\.com/sharer|facebook\.com/share|twitter\.com/(?:share|intent|home\?)|//x\.com/(?:share"
    r"|intent)|linkedin\.com/(?:share|cws)|pinterest\.[a-z.]{2,6}/pin/create|reddit\.com/submit"
    r"|whatsapp\.com/send|//wa\.me/|//t\.me/share|addtoany|addthis|feeds\.feedburner\.com/~"
    r"|getpocket\.com/|flipboard\.com|tumblr\.com/share|^mailto:|news\.ycombinator\.com/submitlink"
    r"|telegram\.me/share|bsky\.app/intent|//feedburner\.google",
    re.IGNORECASE,
)
LAZY: tuple[str, ...] = (
    "data-src",
    "data-lazy-src",
    "data-original",
    "data-orig-src",
    "data-large-file",
)
LAZY += ("data-full-url", "data-image", "data-url", "data-hi-res-src")
LAZY_SETS = ("data-srcset", "data-lazy-srcset", "srcset")
SRCSET = re.compile(r"\s*+([^\s,]\S*+)(?:\s++([0-9.]{1,8})([wx])[^,]*+)?\s*+,?")
STYLE_SIZE = re.compile(r"(?:^|;)\s*+(?:max-)?(width|height)\s*+:\s*+(\d{1,5})(?:\.\d+)?px")
HAS_PICTURES = re.compile(r"<(?:img|amp-img|image|video)\b", re.IGNORECASE)
PIXELS = re.compile(r"\s*(\d{1,5})(?:\.\d+)?(?:px)?\s*")
HIDDEN = re.compile(r"(?:^|;)\s*+(?:display\s*+:\s*+none|visibility\s*+:\s*+hidden)")
UNREAD = NEVER_TEXT | {"svg", "template", "textarea"}
# Paragraphs often have no end, and an article may bear the class of its author.
NO_PARTS = frozenset("p a amp-img article main section body html".split())
IMAGES = frozenset({"img", "amp-img", "image"})


@dataclass(frozen=True)
class Declared:
    """A picture that an element of the feed names.

    `kind` is its type or medium ("image/jpeg", "image", "video/mp4"), `origin` the element:
    "media:content", "media:thumbnail", "enclosure", "itunes:image", "image", "banner_image".
    """

    url: str
    alt: str = ""
    kind: str = ""
    width: int | None = None
    height: int | None = None
    origin: str = ""


@dataclass(frozen=True)
class _Found:
    url: str
    alt: str
    width: int | None
    height: int | None
    # 0 declared, 1 in the text, 2 declared and small, 3 doubtful
    rank: int


def candidates(declared: Sequence[Declared], content: str, base: str) -> tuple[GivenPicture, ...]:
    """Return up to 8 pictures that an entry may be shown with, the likeliest first.

    `content` is HTML, and `base` what its links and those of the feed are relative to. Addresses
    are absolute, http or https.
    """
    found = [*_declared(declared[:LOOKED_AT], base), *_within(content, base)]
    best: dict[str, _Found] = {}
    for picture in found:
        key = same_as(picture.url)
        best[key] = _better(best[key], picture) if key in best else picture
    # Stable: within a rank, pictures stay in the order of the feed.
    usable = [picture for picture in best.values() if not _is_tiny(picture.width, picture.height)]
    ordered = sorted(usable, key=lambda picture: picture.rank)
    return tuple(
        GivenPicture(picture.url, shortened(one_line(picture.alt[:5000]), ALT_AT_MOST))
        for picture in ordered[:CANDIDATES_AT_MOST]
    )


def _better(first: _Found, second: _Found) -> _Found:
    """Return one picture of two sizes: the larger's address, at the likelier's place."""
    larger = second if _width(second) > _width(first) else first
    return replace(larger, alt=first.alt or second.alt, rank=min(first.rank, second.rank))


def _width(picture: _Found) -> int:
    # An address that names no size is the original's.
    return named_width(picture.url) or picture.width or ORIGINAL_WIDTH


def _is_tiny(width: int | None, height: int | None) -> bool:
    return (width is not None and width < WIDTH_AT_LEAST) or (
        height is not None and height < HEIGHT_AT_LEAST
    )


def _declared(declared: Sequence[Declared], base: str) -> Iterator[_Found]:
    pictures = [picture for picture in declared if _is_picture(picture)]
    # Media RSS lists one picture in its sizes, the smallest first as often as not.
    by_width = sorted(
        (picture for picture in pictures if "media:content" in picture.origin.lower()),
        key=lambda picture: -(picture.width or UNKNOWN_WIDTH),
    )
    others = iter(by_width)
    for given in pictures:
        picture = next(others) if "media:content" in given.origin.lower() else given
        small = picture.width is not None and picture.width < SMALL
        yield from _checked(
            picture.url,
            base,
            _Found("", picture.alt, picture.width, picture.height, 2 if small else 0),
        )


def _is_picture(picture: Declared) -> bool:
    kind = picture.kind.lower().partition(";")[0].strip()
    name = _file_name(picture.url)
    if kind.startswith("image"):
        return "svg" not in kind
    if kind in {"", "photo", "application/octet-stream", "binary/octet-stream", "document"}:
        return (
            kind == "photo"
            or bool(PICTURE_NAME.search(name))
            or (not kind and picture.origin.lower().endswith(ALWAYS_PICTURES))
        )
    return False


def _file_name(url: str) -> str:
    return re.split(r"[?#]", url.strip()[:2000], maxsplit=1)[0]


def _checked(url: str, base: str, found: _Found) -> Iterator[_Found]:
    """Give a picture with its address, unless that is none or the picture is no story's."""
    whole = absolute(url, base)
    if whole is None or NO_PICTURE_NAME.search(path_of(whole)) or OTHER_USE.search(whole):
        return
    doubtful = DOUBTFUL_NAME.search(path_of(whole).rpartition("/")[2])
    yield replace(found, url=whole, rank=3 if doubtful else found.rank)


def _within(content: str, base: str) -> Iterator[_Found]:
    """Give the pictures of an entry's HTML, but for those that stand in buttons and about faces."""
    if not HAS_PICTURES.search(content):
        return
    count = 0
    in_button = False
    sources: list[tuple[str, float]] = []
    beside: list[str] = []
    for piece in pieces(content, UNREAD):
        _note_beside(piece, beside)
        if piece.name == "a":
            in_button = not piece.ends and _is_button(piece.attributes())
        elif piece.name == "picture":
            sources = []
        elif piece.name == "source" and not piece.ends:
            attributes = piece.attributes()
            if (
                not attributes.get("type", "image")
                .lower()
                .startswith(("image/svg", "video", "audio"))
            ):
                sources += _sets(attributes)
        elif (piece.name in IMAGES or piece.name == "video") and not piece.ends:
            count += 1
            if count > LOOKED_AT:
                return
            if not beside and not in_button:
                yield from _image(piece, sources, base)
            sources = []


def _note_beside(piece: Piece, beside: list[str]) -> None:
    """Note whether a part begins or ends whose class says that no story's picture is in it."""
    if not piece.name or piece.name in VOID_IN_HTML or piece.name in NO_PARTS:
        return
    if beside and piece.name == beside[0]:
        beside.pop() if piece.ends else beside.append(piece.name)
    elif not beside and not piece.ends and "class" in piece.rest and _is_other(piece.attributes()):
        beside.append(piece.name)


def _is_button(attributes: dict[str, str]) -> bool:
    return bool(SHARE_LINK.search(attributes.get("href", "")[:2000])) or _is_other(attributes)


def _is_other(attributes: dict[str, str]) -> bool:
    return OTHER_CLASS.search(attributes.get("class", "").lower()[:1000]) is not None


def _image(piece: Piece, sources: list[tuple[str, float]], base: str) -> Iterator[_Found]:
    attributes = piece.attributes()
    style = attributes.get("style", "").lower()[:1000]
    if _is_other(attributes) or HIDDEN.search(style):
        return
    sizes = {name: int(value) for name, value in STYLE_SIZE.findall(style)}
    width = _pixels(attributes.get("width", ""), sizes.get("width"))
    height = _pixels(attributes.get("height", ""), sizes.get("height"))
    if _is_tiny(width, height):
        return
    alt = attributes.get("alt", "")
    for url, wide in _addresses(piece.name, attributes, sources):
        found = list(_checked(url, base, _Found("", alt, wide or width, height, 1)))
        if found:
            yield found[0]
            return


def _pixels(text: str, otherwise: int | None) -> int | None:
    match = PIXELS.fullmatch(text[:20])
    return int(match[1]) if match else otherwise


def _addresses(
    name: str, attributes: dict[str, str], sources: list[tuple[str, float]]
) -> Iterator[tuple[str, int | None]]:
    """Give the addresses of one picture, the best first: its sizes, then what is loaded late."""
    if name == "video":
        yield attributes.get("poster", ""), None
        return
    sets = [*_sets(attributes), *sources]
    wide = sorted((size, url) for url, size in sets if size > 10)
    enough = [pair for pair in wide if pair[0] >= WANTED_WIDTH]
    if enough or wide:
        size, url = enough[0] if enough else wide[-1]
        yield url, int(size)
    dense = sorted(((size, url) for url, size in sets if size <= 10), reverse=True)
    for _, url in dense[:1]:
        yield url, None
    for key in (*LAZY, "src", "href", "xlink:href"):
        if url := attributes.get(key, ""):
            yield url, None


def _sets(attributes: dict[str, str]) -> Iterable[tuple[str, float]]:
    """Return the addresses of a `srcset` with their widths; below 10 it is a density."""
    for key in LAZY_SETS:
        found: list[tuple[str, float]] = []
        for match in SRCSET.finditer(attributes.get(key, "")[:20_000]):
            url = match[1].rstrip(",")
            if len(found) < LOOKED_AT and not url.lower().startswith("data:"):
                found.append((url, _number(match[2] or "1")))
        if found:
            return found
    return []


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0
