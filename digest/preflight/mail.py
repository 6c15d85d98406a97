"""What is checked of the mail itself: rendered as the freeze would, both of its parts."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from typing import Any

from sqlalchemy.orm import Session

from digest.delivery.rendering import headers
from digest.delivery.rendering.issue import (
    MOST_HTML_BYTES,
    IssueView,
    ReaderSlots,
    alt_for,
    picture_for,
    render_issue,
    view_issue,
)
from digest.errors import RefusedError
from digest.models import Issue, StoryRole
from digest.newsroom.palette import (
    DARK_GROUND,
    DARK_PAPER,
    GROUND,
    PAPER,
    WHITE_ON_FILL,
    contrast,
)
from digest.preflight.findings import Finding, named, story_place
from digest.prose import curly

# WCAG 2.2, 1.4.3.
TEXT_AT_LEAST = 4.5
KEPT = 64
UNSUBSCRIBE_LINK, POSTAL_ADDRESS, STORIES = "unsubscribe link", "postal address", "stories"
_LINK = re.compile(r'<a\b[^>]*?\shref="([^"]*)"')
_TAG = re.compile(r"<[^>]*>")
# A reader's own values, as long as they usually come; links come after the public URL.
_LONGEST_VALUES = {headers.ADDRESS: 64, headers.SIGNUP_SITE: 40, headers.SIGNUP_DATE: 17}
_LONGEST_PATH = 80


@dataclass(frozen=True)
class Mail:
    """An issue as mail: `octets` of HTML, the links of ours left out, and what each part lacks.

    `lacks` are words: "the unsubscribe link", "the postal address", "some stories".
    """

    subject: str
    octets: int
    links: tuple[str, ...]
    html_lacks: tuple[str, ...]
    text_lacks: tuple[str, ...]


def read_mail(session: Session, issue: Issue, public_url: str) -> Mail | None:
    """Render an issue and read what came out; None where there is nothing to render.

    What was rendered lately is not rendered again: the desk's page asks at each look.
    """
    try:
        view = view_issue(session, issue, public_url)
    except RefusedError:
        return None
    # Of the view, as a newsletter's name or an article may have changed as well.
    key = hashlib.sha256(repr(view).encode("utf-8", "surrogatepass")).digest()
    return _read(_Kept(key, view, public_url))


class _Kept:
    """A view by what it says, for the cache."""

    def __init__(self, key: bytes, view: IssueView, public_url: str) -> None:
        self.key, self.view, self.public_url = key, view, public_url

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Kept) and other.key == self.key


@lru_cache(maxsize=KEPT)
def _read(kept: _Kept) -> Mail:
    view = kept.view
    rendered = render_issue(view, ReaderSlots())
    found = dict.fromkeys(map(unescape, _LINK.findall(rendered.html)))
    links = (each for each in found if each.startswith(("https://", "http://")))
    ours = f"{kept.public_url}/"
    visible = unescape(_TAG.sub(" ", rendered.html))
    hrefs = frozenset(found)
    return Mail(
        subject=rendered.subject,
        octets=_octets(rendered.html, kept.public_url),
        links=tuple(each for each in links if not each.startswith(ours)),
        html_lacks=tuple(
            _lacking(
                str(headers.UNSUBSCRIBE_URL) in hrefs,
                _has(visible, view.head.postal_address),
                all(story.url in hrefs for story in view.stories),
            )
        ),
        text_lacks=tuple(
            _lacking(
                str(headers.UNSUBSCRIBE_URL) in rendered.text,
                _has(rendered.text, view.head.postal_address),
                all(story.url in rendered.text for story in view.stories),
            )
        ),
    )


def _octets(html: str, public_url: str) -> int:
    """Count as what arrives is counted: line ends are two octets, and a reader's values stand in.

    Gmail counts what a part is once it is decoded (it cuts after 102,400).
    """
    size = len(html.encode()) + html.count("\n")
    link = len(public_url) + _LONGEST_PATH
    links = {headers.UNSUBSCRIBE_URL: link, headers.PREFERENCES_URL: link}
    for slot, longest in (_LONGEST_VALUES | links).items():
        size += html.count(str(slot)) * (longest - len(str(slot)))
    return size


def _lacking(link: bool, address: bool, stories: bool) -> Iterator[str]:
    if not link:
        yield UNSUBSCRIBE_LINK
    if not address:
        yield POSTAL_ADDRESS
    if not stories:
        yield STORIES


def _has(part: str, words: str) -> bool:
    flat = " ".join(curly(words).split())
    return bool(flat) and flat in " ".join(part.split())


def too_large(mail: Mail) -> Iterator[Finding]:
    """Tell where Gmail would cut the mail, and its unsubscribe link with it."""
    if mail.octets > MOST_HTML_BYTES:
        sentence = (
            f"The HTML has {mail.octets:,} octets, and Gmail cuts a mail at {MOST_HTML_BYTES:,}. "
            "Shorten the note or standfirsts, or take a story out."
        )
        yield Finding("too large", sentence, "stories", blocks=True)


def incomplete(issue: Issue, mail: Mail) -> Iterator[Finding]:
    """Tell what a part of the mail lacks that the law, or the other part, wants there."""
    if not issue.newsletter.postal_address.strip():
        sentence = (
            "The newsletter has no postal address, which every mail has to show. Give it one: "
            f"digest newsletter edit {issue.newsletter.slug} --postal-address"
        )
        yield Finding("incomplete", sentence, blocks=True)
    for part, lacks in (("HTML", mail.html_lacks), ("plain text", mail.text_lacks)):
        for what in lacks:
            if what == STORIES:
                sentence = f"The {part} does not have all the stories. Mend its template."
                yield Finding("incomplete", sentence)
            elif what == UNSUBSCRIBE_LINK or issue.newsletter.postal_address.strip():
                sentence = f"The {part} has no {what}. Mend its template."
                yield Finding("incomplete", sentence, blocks=True)


def faint(issue: Issue) -> Iterator[Finding]:
    """Tell where words in the newsletter's accent could hardly be read (WCAG 2.2, 1.4.3)."""
    light = issue.newsletter.palette
    for name, colours, grounds in (
        ("", light, (PAPER, GROUND)),
        ("in dark ", light["dark"], (DARK_PAPER, DARK_GROUND)),
    ):
        worst = _worst_contrast(colours, grounds)
        if worst < TEXT_AT_LEAST:
            sentence = (
                f"The accent’s contrast {name}is only {worst:.1f}, and reading it needs "
                f"{TEXT_AT_LEAST}. Save the accent again, which computes its colours anew: "
                f"digest newsletter edit {issue.newsletter.slug} --accent"
            )
            yield Finding("faint", sentence)


def _worst_contrast(colours: dict[str, Any], grounds: tuple[str, ...]) -> float:
    on = [contrast(colours["text"], ground) for ground in (*grounds, colours["tint"])]
    on_fill = contrast(colours["on_fill"], colours["fill"])
    return min(*on, on_fill * TEXT_AT_LEAST / WHITE_ON_FILL)


def undescribed(issue: Issue) -> Iterator[Finding]:
    """Tell a lead whose picture nobody has described; smaller ones stand beside their words."""
    for story in issue.stories:
        picture = picture_for(story)
        if story.role is StoryRole.LEAD and picture and not alt_for(story):
            sentence = (
                f"The picture of {named(story)} has no description, so that its headline is read "
                "out in its place. Describe it for this issue (Picture, beside the story), or "
                "where it was published."
            )
            yield Finding("undescribed", sentence, story_place(story), detail=picture)
