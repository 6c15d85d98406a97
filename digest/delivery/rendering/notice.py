"""A notice as a stencil: what it says to everybody, cut where one person's own values go."""

from dataclasses import dataclass
from typing import Final

from digest.delivery.rendering.headers import ADDRESS, notice_headers
from digest.delivery.rendering.issue import About, Confirmation, Masthead, render_notice
from digest.delivery.rendering.slots import Kind, Slot
from digest.delivery.rendering.stencil import Stencil

ACTION_URL: Final = Slot("action_url", Kind.URL)
"""The link that a person is asked to open: it is theirs alone."""


@dataclass(frozen=True)
class Notepaper:
    """What the notices of a newsletter share: its masthead, and whom they are from.

    `from_address` is an addr-spec with an A-label domain. `key` is the same where all of it is.
    """

    head: Masthead
    from_name: str
    from_address: str
    key: str

    @classmethod
    def of(cls, head: Masthead, from_name: str, from_address: str) -> "Notepaper":
        # A masthead has no hash, as its palette is a mapping.
        return cls(head, from_name, from_address, repr((head, from_name, from_address)))


def build_notice(template: str, paper: Notepaper, about: About) -> Stencil:
    """Render a notice once, for everybody who is told the same; `template` is its folder.

    `about`: as for `render_notice`, with ACTION_URL for a link.

    Raises:
        StencilError: a template prints a slot where no value could be safe, or leaves one out; the
            sender's address cannot stand in a header.
    """
    rendered = render_notice(template, paper.head, ADDRESS, about)
    link = about.url if isinstance(about, Confirmation) else about
    return Stencil.build(
        headers=notice_headers(
            rendered.subject, paper.from_name, paper.from_address, paper.head.language
        ),
        text=rendered.text,
        html=rendered.html,
        required=(ADDRESS, ACTION_URL) if link == ACTION_URL else (ADDRESS,),
    )
