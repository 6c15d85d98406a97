"""The relaxed canonical forms, beside dkimpy's, and by the words of RFC 6376."""

import pytest
from dkim.canonicalization import Relaxed
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.signing.relaxed import relaxed_body, relaxed_field, relaxed_lines

octets = st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"=", b".", b"bc"]), max_size=40)
bodies = st.builds(b"".join, octets)


@given(bodies)
def test_a_body_is_what_another_program_makes_of_it(body: bytes) -> None:
    # It leaves the last line as it is where no break ends it, which no mail of ours does.
    ended = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    assert relaxed_body(ended) == Relaxed.canonicalize_body(ended)


@given(bodies, bodies)
def test_parts_of_whole_lines_are_the_whole(first: bytes, second: bytes) -> None:
    assert relaxed_body(first + b"\r\nx" + second) == relaxed_body(
        relaxed_lines(first + b"\r\n") + relaxed_lines(b"x" + second)
    )


@given(st.from_regex(rb"[A-Za-z-]{1,9}", fullmatch=True), bodies)
def test_a_field_is_what_another_program_makes_of_it(name: bytes, value: bytes) -> None:
    folded = value.replace(b"\r\n", b"\r\n ")
    [(their_name, their_value)] = Relaxed.canonicalize_headers([(name, folded + b"\r\n")])
    assert relaxed_field(name + b":" + folded) + b"\r\n" == their_name + b":" + their_value


@pytest.mark.parametrize(
    ("body", "canonical"),
    [
        # RFC 6376 3.4.5.
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b" \r\n\t\r\n", b""),
        (b"no end", b"no end\r\n"),
    ],
)
def test_the_cases_that_the_rfc_names(body: bytes, canonical: bytes) -> None:
    assert relaxed_body(body) == canonical


def test_the_field_that_the_rfc_names() -> None:
    assert relaxed_field(b"A: X") == b"a:X"
    assert relaxed_field(b"B : Y\t\r\n\tZ  ") == b"b:Y Z"
