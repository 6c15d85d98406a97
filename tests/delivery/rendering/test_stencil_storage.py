"""A stencil comes back from the database as it was, or not at all."""

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.delivery.rendering.slots import MalformedStencilError, StencilError
from digest.delivery.rendering.stencil import Stencil
from tests.delivery.rendering.stencil_cases import (
    NAME,
    STENCIL,
    VALUES,
)


def forged(table: object, pieces: bytes = b"ab\r\n") -> bytes:
    described = table if isinstance(table, bytes) else json.dumps(table).encode()
    content = len(described).to_bytes(4, "big") + described + pieces
    return b"digest-stencil/1\n" + hashlib.blake2b(content, digest_size=16).digest() + content


GOOD_TABLE: dict[str, object] = {
    "slots": {"name": "text"},
    "fills": [["plain", "name"]],
    "order": [0],
    "sizes": [1, 3],
}


class TestStorage:
    def test_a_stored_stencil_fills_as_the_one_that_was_built(self) -> None:
        stored = STENCIL.to_bytes()
        loaded = Stencil.from_bytes(stored)
        assert loaded == STENCIL
        assert loaded.to_bytes() == stored
        assert loaded.fill(VALUES) == STENCIL.fill(VALUES)
        assert len(stored) < len(STENCIL.fill(VALUES)) + 1000

    def test_a_stencil_without_slots_is_one_too(self) -> None:
        stencil = Stencil.build(headers=[("Subject", "x")], text="x", html="x")
        assert Stencil.from_bytes(stencil.to_bytes()).fill({}) == stencil.fill({})

    def test_markers_are_not_stored(self) -> None:
        assert str(NAME)[:8].encode() not in STENCIL.to_bytes()

    @given(st.integers(min_value=0), st.integers(1, 255))
    @settings(max_examples=200)
    def test_a_changed_byte_is_found(self, where: int, change: int) -> None:
        stored = bytearray(STENCIL.to_bytes())
        stored[where % len(stored)] ^= change
        with pytest.raises(MalformedStencilError):
            Stencil.from_bytes(bytes(stored))

    @given(st.one_of(st.binary(), st.integers(1, 4000).map(lambda n: STENCIL.to_bytes()[:-n])))
    def test_other_bytes_and_cut_ones_are_refused(self, stored: bytes) -> None:
        with pytest.raises(MalformedStencilError):
            Stencil.from_bytes(stored)

    def test_the_forgery_of_these_tests_is_otherwise_right(self) -> None:
        assert Stencil.from_bytes(forged(GOOD_TABLE)).fill({"name": "Jo"}) == b"aJob\r\n"

    @pytest.mark.parametrize(
        "change",
        [
            {"slots": {}},
            {"slots": []},
            {"slots": {"name": "word"}},
            {"slots": {"name": "text", "other": "text"}},
            {"slots": {"Name": "text"}, "fills": [["plain", "Name"]]},
            {"fills": []},
            {"fills": ["plain"]},
            {"fills": [[]]},
            {"fills": [["plain"]]},
            {"fills": [["plain", "name", "name"]]},
            {"fills": [["plain", ["name"]]]},
            {"fills": [["token", "name"]]},
            {"fills": [["mailbox", "To", "name"]]},
            {"fills": [["unstructured", "Subject", "a"]]},
            {"fills": [["unstructured", "a\r\nBcc", "", "name", ""]]},
            {"fills": [["plain", "name"], ["markup", "name"]]},
            {"fills": None},
            {"order": [1]},
            {"order": [False]},
            {"order": [0, 0]},
            {"order": []},
            {"order": "0"},
            {"sizes": [1, 2]},
            {"sizes": [5, -1]},
            {"sizes": [4]},
            {"sizes": [3, True]},
            {"sizes": ["1", "3"]},
        ],
    )
    def test_a_forged_table_is_refused(self, change: dict[str, object]) -> None:
        with pytest.raises(MalformedStencilError):
            Stencil.from_bytes(forged(GOOD_TABLE | change))

    @pytest.mark.parametrize("table", [b"[" * 200_000, b"{}", b"\xff", b"", b"9" * 5000, b"[]"])
    def test_a_table_of_another_shape_is_refused(self, table: bytes) -> None:
        with pytest.raises(MalformedStencilError):
            Stencil.from_bytes(forged(table))

    @pytest.mark.parametrize("pieces", [b"a\n\r\n", b"\rb\r\n", b"a\xe9\r\n", b"a\0\r\n"])
    def test_a_piece_that_is_not_7_bit_lines_is_refused(self, pieces: bytes) -> None:
        with pytest.raises(MalformedStencilError):
            Stencil.from_bytes(forged(GOOD_TABLE, pieces))

    @pytest.mark.parametrize(
        ("pieces", "sizes"),
        [
            (b".b\r\n", [1, 3]),
            (b"abcd", [1, 3]),
            (b"a\r\n.b\r\n", [1, 6]),
            (b"ab\r\n.\r\n", [1, 6]),
        ],
    )
    def test_a_piece_that_could_end_a_message_early_is_refused(
        self, pieces: bytes, sizes: list[int]
    ) -> None:
        with pytest.raises(MalformedStencilError):
            Stencil.from_bytes(forged(GOOD_TABLE | {"sizes": sizes}, pieces))

    @pytest.mark.parametrize(
        "value",
        [b"a\n", b"a\r", b"\ra", b"a\nb", b"a\r\n", b".", b"a\r\n.b", b"\xe9", b"\r\n.\r\n"],
    )
    def test_a_value_that_was_wrongly_encoded_makes_no_message(self, value: bytes) -> None:
        stencil = Stencil.from_bytes(forged(GOOD_TABLE))
        # As a mistake in an encoder of ours would have it.
        object.__setattr__(stencil, "_write", lambda _: [value])
        with pytest.raises(StencilError, match="break a line"):
            stencil.fill({"name": "Jo"})
