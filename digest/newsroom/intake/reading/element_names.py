"""Names of elements: HTML's, and those of the feed formats."""

INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark nobr q rp rt ruby "
    "s samp small span strike strong sub sup time tt u var wbr".split()
)
# Without an end tag, in a feed too.
VOID = frozenset("area base br col embed hr img input meta param track wbr".split())
# In feeds these two have one.
VOID_IN_HTML = VOID | {"link", "source"}
# In HTML their text is nothing that a reader sees.
UNSEEN = frozenset({"script", "style", "template", "noscript"})
BLOCKS = frozenset(
    "address article aside audio blockquote body caption center dd details dialog dir div dl dt "
    "fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hgroup html legend li "
    "main menu nav ol option p pre section summary table tbody td tfoot th thead tr ul "
    "video".split()
)
# Neither a part of a text nor one of its blocks.
OTHERS = frozenset(
    "button canvas colgroup frame frameset iframe label map math noscript object optgroup picture "
    "progress script select style svg textarea".split()
)
HTML = INLINE | VOID | BLOCKS | OTHERS
# The attributes of HTML that need no value. With others, it is no tag: "if a <b and c> d".
BARE_ATTRIBUTES = frozenset(
    "allowfullscreen async autofocus autoplay checked compact controls crossorigin default defer "
    "disabled download hidden inert ismap itemscope loop mozallowfullscreen multiple muted nohref "
    "nomodule noshade novalidate nowrap open playsinline readonly required reversed selected "
    "webkitallowfullscreen".split()
)

ENTRIES = frozenset({"item", "entry"})
# Elements of text alone: where another element of the feed begins, such a one has ended.
SHORT = frozenset(
    "title link guid id pubdate published updated issued modified created author name email uri "
    "url category comments dc:creator dc:date dc:subject dc:title dcterms:created "
    "dcterms:modified atom:updated atom:published itunes:author itunes:duration media:title "
    "media:credit media:keywords slash:comments wfw:commentrss".split()
)
# Elements of text that may hold HTML.
LONG = frozenset(
    "description summary content content:encoded media:description itunes:summary "
    "itunes:subtitle subtitle dc:description".split()
)
TEXTUAL = SHORT | LONG
# Elements of attributes alone, which some leave open.
EMPTY = frozenset({"enclosure", "atom:link", "itunes:image", "media:thumbnail", "media:player"})
FEEDS_OWN = (
    TEXTUAL
    | ENTRIES
    | frozenset(
        "channel enclosure source media:content media:thumbnail media:group atom:link "
        "itunes:image".split()
    )
)
BESIDE_MEDIA = frozenset(name for name in FEEDS_OWN if not name.startswith("media:"))
# HTML has them too, or uses the word.
HTMLS_TOO = frozenset("title link summary content source name url author".split())
# The HTML that is seen in titles.
IN_SHORT = INLINE | frozenset("p div br img h1 h2 h3 h4 h5 h6 ul ol li center blockquote".split())

USUAL_PREFIXES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "xhtml": "http://www.w3.org/1999/xhtml",
}
