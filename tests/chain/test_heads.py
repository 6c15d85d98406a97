"""Heads that were kept, as they are read again."""

import pytest

from digest.chain.heads import Head, read_heads
from digest.desk.audit_chain import AUDIT
from digest.errors import RefusedError
from digest.readers.consent.chain import CONSENTS


def test_heads_are_read_as_they_were_printed() -> None:
    one, two = Head(7, "ab" * 32), Head(90, "cd" * 32)

    assert read_heads(f"{one} 2026-11-29T16:00:00Z\n\n{two}\n", AUDIT) == (one, two)
    assert read_heads(f'{{"sequence": 7, "hash": "{one.hash}", "printed_at": "x"}}', AUDIT) == (
        one,
    )


@pytest.mark.parametrize(
    "kept",
    ["", "\n", "nonsense", "7", "0 " + "ab" * 32, "7 AB", "7 " + "ab" * 31, "{", "[]", '{"a": 1}',
     '{"sequence": null, "hash": 7}', "-7 " + "ab" * 32, "{" * 100_000],
)  # fmt: skip
def test_what_is_no_head_is_refused_with_a_word_on_how_to_get_one(kept: str) -> None:
    for log in (AUDIT, CONSENTS):
        with pytest.raises(RefusedError, match=f"digest {log.command} head"):
            read_heads(kept, log)
