"""Text from outside as plain text: on one line, bounded, and nothing in it taken for markup."""

from digest.newsroom.intake.reading.lines import one_line, shortened
from digest.newsroom.intake.reading.markup import safe_html

__all__ = ["bounded_line", "one_line", "safe_html"]

# What is looked at: a title, or a standfirst, beyond this is not one that a person wrote.
LOOKED_AT = 300_000


def bounded_line(text: str, at_most: int) -> str:
    """Return plain text on one line, cut at a word's end where it is too long.

    "the <dialog> element" stays as it is.
    """
    return shortened(one_line(text[:LOOKED_AT]), at_most)
