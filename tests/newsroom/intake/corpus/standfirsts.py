"""What WordPress and others put behind a summary, and sentences that begin like it."""

from tests.newsroom.intake.corpus.samples import PAGE, Sample, Wanted, item, rss

POINT = "Standfirsts"
TEXT = "The port is open."
# A text that was cut may say so, or end as it did.
CUT = frozenset({TEXT, "The port is open…"})
TITLE, SITE = f'<a href="{PAGE}1">The bridge</a>', '<a href="https://halyard.example">Halyard</a>'


def sample(name: str, html: str, standfirst: str | frozenset[str]) -> Sample:
    described = f"<description><![CDATA[{html}]]></description>"
    return Sample(name, POINT, rss(item(described)), (Wanted(standfirst=standfirst),))


def tail(language: str, words: str) -> Sample:
    """Return a summary with WordPress's tail, as its translation into that language has it."""
    return sample(
        f"WordPress's tail, {language}", f"<p>{TEXT}</p>\n<p>{words.format(TITLE, SITE)}</p>", TEXT
    )


SAMPLES = (
    sample(
        "begins like a link's words",
        "<p>Read more books, says the minister.</p>",
        "Read more books, says the minister.",
    ),
    sample(
        "begins like another's",
        "<p>Continue reading aloud to children, a study says.</p>",
        "Continue reading aloud to children, a study says.",
    ),
    sample(
        "says so in the midst",
        "<p>We asked for one thing. Read more of it below, and write to us.</p>",
        "We asked for one thing. Read more of it below, and write to us.",
    ),
    sample("a trailing link", f'<p>{TEXT} <a href="{PAGE}1">Read more</a></p>', CUT),
    sample(
        "a trailing link with an arrow",
        f'<p>{TEXT} <a href="{PAGE}1">Continue reading →</a></p>',
        CUT,
    ),
    sample(
        "a trailing link with the title",
        f'<p>{TEXT} <a href="{PAGE}1">Continue reading <span>The bridge</span></a></p>',
        CUT,
    ),
    sample("a trailing link, German", f'<p>{TEXT} <a href="{PAGE}1">Weiterlesen</a></p>', CUT),
    sample(
        "a link that ends a sentence",
        f'<p>The port is <a href="{PAGE}9">open</a>.</p>',
        TEXT,
    ),
    sample("a sign of cutting, by number", "The port is open [&#8230;]", CUT),
    sample("a sign of cutting, by dots", "The port is open [...]", CUT),
    tail("English", "The post {} appeared first on {}."),
    tail("German", "Der Beitrag {} erschien zuerst auf {}."),
    tail("French", "L’article {} est apparu en premier sur {}."),
    tail("Spanish", "La entrada {} se publicó primero en {}."),
    tail("Dutch", "Het bericht {} verscheen eerst op {}."),
    tail("Italian", "L'articolo {} proviene da {}."),
    tail("Portuguese", "O post {} apareceu primeiro em {}."),
    tail("Swedish", "Inlägget {} dök först upp på {}."),
    tail("Polish", "Artykuł {} pochodzi z serwisu {}."),
)
