"""What every feed writer is given: a site, and three posts of ours."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

SITE = "https://halyard.example/"
SITE_NAME = "Fish & Chips"
SENTENCE = "The harbour master counted every boat that came in before the storm. "


@dataclass(frozen=True)
class Post:
    """A post, in Markdown and in HTML; `summary` and `picture` may be missing."""

    slug: str
    title: str
    written_at: datetime
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    first: str
    rest: str
    summary: str = ""
    picture: str = ""
    alt: str = ""

    @property
    def markdown(self) -> str:
        """The text in Markdown, the picture first."""
        picture = f"![{self.alt}]({self.picture})\n\n" if self.picture else ""
        first = self.first.replace("<", "&lt;")
        return f"{picture}{first}\n\n{self.rest}\n\n{self.rest}\n"

    @property
    def html(self) -> str:
        """The same in HTML."""
        alt = self.alt.replace("&", "&amp;")
        picture = f'<p><img src="{self.picture}" alt="{alt}"></p>' if self.picture else ""
        first = self.first.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return f"{picture}<p>{first}</p><p>{self.rest}</p><p>{self.rest}</p>"


POSTS = (
    Post(
        slug="dialog",
        title="Tea & the <dialog> element",
        written_at=datetime.fromisoformat("2026-11-02T09:00:00+02:00"),
        authors=("Ada Lark", "Bo Reed"),
        categories=("Port", "Ships"),
        first="Why the <dialog> element is no door, and R&D is no harbour.",
        rest=(SENTENCE * 5).strip(),
        summary="What <dialog> does, & what it does not.",
        picture="https://halyard.example/i/port.jpg",
        alt="Boats & nets at dusk",
    ),
    Post(
        slug="bruecke",
        title="Die Brücke öffnet früher",
        written_at=datetime.fromisoformat("2026-11-10T21:30:00-05:00"),
        authors=("Cy Wren",),
        categories=("Häfen",),
        first="Niemand hatte es für möglich gehalten: Die Brücke öffnet um sechs.",
        rest=(SENTENCE * 5).strip(),
    ),
    Post(
        slug="vector",
        title='Vector<int> and "quotes" it’s said',
        written_at=datetime.fromisoformat("2026-11-20T12:00:00+00:00"),
        authors=("Ada Lark",),
        categories=("R&D",),
        first="A vector is a list, says the harbour master.",
        rest=(SENTENCE * 5).strip(),
        summary="A vector is a list & more.",
    ),
)


def as_json() -> str:
    """Return site and posts for programs that write feeds by a library."""
    posts = [
        {**asdict(post), "written_at": post.written_at.isoformat(), "html": post.html}
        for post in POSTS
    ]
    return json.dumps({"site": SITE, "name": SITE_NAME, "posts": posts}, ensure_ascii=False)
