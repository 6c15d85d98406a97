"""A finding: what is wrong with an issue, whether that keeps it, and what to do."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from digest import prose
from digest.models import Story
from digest.newsroom.issues.history import quoted

CODE_DIGITS = 12
LONGEST_SENTENCE = 500


@dataclass(frozen=True)
class Finding:
    """What is wrong and what to do about it, in one or two sentences.

    `kind` names the check. `place` is the id of what to change on the issue's page: "subject",
    "story-12"; empty where that is not on the page. `blocks`: the issue cannot go out with it.
    `detail` is what the sentence does not say, and makes it another finding where it changes.
    """

    kind: str
    sentence: str
    place: str = ""
    blocks: bool = False
    detail: str = ""

    @property
    def code(self) -> str:
        """What an acceptance knows it by: another as soon as anything of it changes."""
        whole = "\0".join((self.kind, self.place, self.sentence, self.detail))
        return hashlib.sha256(whole.encode()).hexdigest()[:CODE_DIGITS]


class Accepted(NamedTuple):
    """Who let the finding of that code stand, and when."""

    code: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Preflight:
    """All that was found. `accepted`: who let which warning stand, by its code.

    `checked_at` is when the link that was asked longest ago was asked; None where none was, or
    some were not within the hour. `octets`: the HTML's size; None where nothing can be rendered.
    """

    findings: tuple[Finding, ...]
    passed: tuple[str, ...]
    accepted: Mapping[str, Accepted] = field(default_factory=dict)
    links: int = 0
    checked_at: datetime | None = None
    octets: int | None = None

    @property
    def blockers(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.blocks)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """All that do not keep the issue, accepted or not."""
        return tuple(each for each in self.findings if not each.blocks)

    @property
    def unaccepted(self) -> tuple[Finding, ...]:
        """The warnings that nobody has let stand."""
        return tuple(each for each in self.warnings if each.code not in self.accepted)

    @property
    def summary(self) -> str:
        """ "Nine checks passed. The HTML is 17 KB of the 102 KB that Gmail shows." """
        count = prose.count_in_words(len(self.passed), "check")
        size = ""
        if self.octets is not None:
            size = f" The HTML is {round(self.octets / 1000)} KB of the 102 KB that Gmail shows."
        return f"{count[:1].upper()}{count[1:]} passed.{size}"


def story_place(story: Story) -> str:
    """Return the id of a story's row on the issue's page."""
    return f"story-{story.article_id}"


def named(story: Story) -> str:
    """Return a story's headline as sentences name it by."""
    return quoted(story.headline)
