"""A value's own line: quicker than the encoder of whole bodies, and the same octets."""

import quopri

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.delivery.rendering.encoding import quoted_line, quoted_printable

PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=75)


@given(PRINTABLE)
@example("")
@example(".")
@example("From me")
@example("ends in a space ")
@example("a=b")
@example("x" * 75)
def test_a_line_of_ascii_is_as_in_a_body(text: str) -> None:
    # A body is wrapped at 72, to have room for what is lengthened.
    encoded, whole = quoted_line(text), quoted_printable(text)
    assert encoded == whole or b"=\r\n" in whole
    assert quopri.decodestring(encoded) == quopri.decodestring(whole) == text.encode()


@pytest.mark.parametrize("text", ["x" * 76, "x" * 2000, "ü" * 30, "a" * 74 + " ", "=" * 40])
def test_a_long_line_is_broken_with_room_for_what_follows(text: str) -> None:
    lines = quoted_line(text).split(b"=\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert quopri.decodestring(b"=\r\n".join(lines)) == text.encode()
