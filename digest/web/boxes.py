"""The sign-up box that other pages hold: what it says, whoever draws it."""

import enum
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.errors import NotFoundError
from digest.models import Newsletter, Wording
from digest.newsroom.terms import current_wording
from digest.prose import curly
from digest.readers.signing_up.sign_up_form import SLUG
from digest.web.words import next_weekday, the


class Variant(enum.StrEnum):
    """Where a box stands, and so how much of it there is."""

    CARD = "card"
    INLINE = "inline"
    FOOTER = "footer"


@dataclass(frozen=True)
class SignUpBox:
    """A newsletter's box. `topic` is a slug: the reader asks for the digest of that topic."""

    variant: Variant
    newsletter: Newsletter
    wording: Wording
    topic: str | None

    @property
    def _topic_name(self) -> str:
        assert self.topic is not None
        return self.newsletter.topics.get(self.topic) or topic_name(self.topic)

    @property
    def heading(self) -> str:
        """The box's first words: a card's title, or the one sentence of the others."""
        name = the(self.newsletter)
        if self.topic:
            name += f" on {self._topic_name}"
        when = next_weekday(self.newsletter)
        match self.variant:
            case Variant.CARD:
                return f"{name[:1].upper()}{name[1:]}, free every {when}"
            case Variant.INLINE:
                return f"Get {name}, free every {when}."
            case Variant.FOOTER:
                return f"{name[:1].upper()}{name[1:]}, in your inbox every {when}."

    @property
    def sentence(self) -> str | None:
        """Who chooses, and what: on the card only."""
        return curly(self.newsletter.promise) if self.variant is Variant.CARD else None

    @property
    def portrait(self) -> str | None:
        """The hash of the editor's picture: on the card only."""
        return self.newsletter.editor_portrait if self.variant is Variant.CARD else None

    @property
    def button(self) -> str:
        return "Sign up for free" if self.variant is Variant.FOOTER else "Sign up"


def find_box(session: Session, slug: str, variant: str, topic: str | None) -> SignUpBox:
    """Return the box that a page asks for.

    Raises:
        NotFoundError: there is no such newsletter, variant or topic; says so to a developer.
    """
    if variant not in set(Variant):
        raise NotFoundError(f"There is no such variant. There are: {', '.join(Variant)}.")
    if topic and not SLUG.fullmatch(topic):
        raise NotFoundError("A topic is named by its slug, like chinese-economy.")
    found = select(Newsletter).where(Newsletter.slug == slug, Newsletter.retired_at.is_(None))
    newsletter = session.scalar(found) if SLUG.fullmatch(slug) else None
    if newsletter is None:
        raise NotFoundError("There is no such newsletter. Look at its slug.")
    wording = current_wording(session)
    if wording is None:
        raise NotFoundError("No terms have been published yet, so nobody can sign up.")
    return SignUpBox(Variant(variant), newsletter, wording, topic or None)


def topic_name(slug: str) -> str:
    """Return "Chinese economy" for chinese-economy, which the newsletter has no name for."""
    words = slug.replace("-", " ")
    return words[:1].upper() + words[1:]
