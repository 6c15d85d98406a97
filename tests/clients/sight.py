"""What was seen in a client: sentences that held, sentences that did not, pictures."""

from collections.abc import Iterable
from dataclasses import dataclass, field

# What mails put behind their preview so that nothing else is shown there. It comes out as boxes, or
# as empty lines, wherever HTML becomes text.
FILLER = "\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u2007\u2060\ufeff\ufffd"
LONGEST_LINE = 76


@dataclass
class Sight:
    """What one client showed. `missing` says why the client is not to be had."""

    client: str
    version: str = ""
    held: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: str = ""

    def expect(self, sentence: str, held: bool, found: object = "") -> None:
        """Note a sentence that should be true; `found` is what was there where it is not."""
        if held:
            self.held.append(sentence)
        else:
            self.wrong.append(f"{sentence}: {found!r}" if found != "" else sentence)

    def expect_all(self, sentence: str, faults: Iterable[object]) -> None:
        """Note a sentence that is true where there are no `faults`; three of them are told."""
        found = list(faults)
        self.expect(sentence, not found, found[:3])

    def note(self, sentence: str) -> None:
        """Note something that the client does, and we neither ask for nor can change."""
        self.notes.append(sentence)

    @property
    def is_well(self) -> bool:
        """Whether the client was there, and all held."""
        return not (self.wrong or self.missing)

    def text(self) -> str:
        """Return it for people."""
        if self.missing:
            return f"{self.client}: not tried: {self.missing}\n"
        lines = [f"{self.client} {self.version}".rstrip()]
        for mark, sentences in (("✓", self.held), ("✗", self.wrong), ("·", self.notes)):
            lines += [f"  {mark} {sentence}" for sentence in sentences]
        return "\n".join(lines) + "\n"


def filler_in(text: str) -> list[str]:
    """Return the names of what is only there to fill a preview."""
    return sorted({f"U+{ord(letter):04X}" for letter in text if letter in FILLER})


def words(text: str) -> str:
    """Return a text on one line: a client breaks lines where it likes."""
    return " ".join(text.split())
