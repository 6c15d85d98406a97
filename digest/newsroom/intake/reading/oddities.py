"""What is odd about a feed, counted, and told to an editor in sentences."""

import re
from collections import Counter
from dataclasses import dataclass, field

SHOWN_AT_MOST = 40
ADDRESS = re.compile(r"[^\s@<>\"']++@[^\s<>\"']*+")


@dataclass(frozen=True)
class Oddity:
    """A kind of oddity, as a sentence for one entry and one for `{count}` of them."""

    one: str
    many: str


NO_TITLE = Oddity(
    "One entry has no title, and is left out.", "{count} entries have no title, and are left out."
)
NO_PAGE = Oddity(
    "One entry has no page on the web, and is left out.",
    "{count} entries have no page on the web, and are left out.",
)
NO_OBJECT = Oddity(
    "One entry is not an object, and is left out.",
    "{count} entries are not objects, and are left out.",
)
PROTECTED = Oddity(
    "One post asks for a password, and is left out.",
    "{count} posts ask for a password, and are left out.",
)
TWICE = Oddity(
    "One entry comes twice; the first is kept.", "{count} entries come again; the first are kept."
)
SHARED_PAGE = Oddity(
    "One entry shares its page with others: “{example}”.",
    "{count} entries share a page with others, such as “{example}”. Their GUIDs tell them apart; "
    "without these the fragments of their links, or their titles.",
)
SHARED_GUID = Oddity(
    "One entry has the GUID of another; we do not use it.",
    "{count} entries have GUIDs that others have too; we do not use them.",
)
NO_DATE = Oddity("One entry has no date.", "{count} entries have no date.")
UNCERTAIN_DATE = Oddity(
    "One entry has a date that we cannot read for certain, or that cannot be true: “{example}”.",
    "{count} entries have dates that we cannot read for certain, or that cannot be true, "
    "such as “{example}”.",
)
TO_COME = Oddity(
    "One entry is dated ahead, “{example}”, and has no date until then.",
    "{count} entries are dated ahead, such as “{example}”, and have no date until then.",
)
DATE_NO_TEXT = Oddity(
    "One entry has a date that is no text.", "{count} entries have dates that are no text."
)
ODD_AUTHORS = Oddity(
    "One entry has authors that are no list of objects.",
    "{count} entries have authors that are no list of objects.",
)
ODD_TAGS = Oddity(
    "One entry has tags that are no list.", "{count} entries have tags that are no list."
)
OLDER = Oddity(
    "One entry is older than the 200 newest, and is left out.",
    "{count} entries are older than the 200 newest, and are left out.",
)


def shown(text: str) -> str:
    """Return a few words of a feed as an editor may see them: one line, nobody's address in it."""
    line = " ".join(ADDRESS.sub("…", text[: SHOWN_AT_MOST * 2]).split())
    return line if len(line) <= SHOWN_AT_MOST else f"{line[:SHOWN_AT_MOST]}…"


@dataclass
class Oddities:
    """What has been seen so far: how often, and the first example of each."""

    counts: Counter[Oddity] = field(default_factory=Counter)
    examples: dict[Oddity, str] = field(default_factory=dict)

    def note(self, oddity: Oddity, example: str = "", count: int = 1) -> None:
        """Note that an entry is odd; `example` is what it says."""
        self.counts[oddity] += count
        self.examples.setdefault(oddity, shown(example))

    def sentences(self) -> tuple[str, ...]:
        """Return them as sentences, in the order in which they were first seen."""
        return tuple(
            (oddity.one if count == 1 else oddity.many).format(
                count=count, example=self.examples[oddity]
            )
            for oddity, count in self.counts.items()
            if count
        )
