"""Passwords: what may be one, and who has it."""

import pytest

from digest.desk.passwords import hash_password, is_password, should_hash_again
from digest.errors import FieldError

GOOD = "a port that stopped growing"


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("", "at least 12"),
        ("elevenchars", "at least 12"),
        ("x" * 201, "at most 200"),
        ("aaaaaaaaaaaaaaaaaaaa", "more different characters"),
        ("121212121212121212", "more different characters"),
        ("imara@halyard.example", "not your name or address"),
        ("Imara Vance-Oduya 1", "not your name or address"),
    ],
)
def test_what_is_no_password(password: str, sentence: str) -> None:
    with pytest.raises(FieldError, match=sentence):
        hash_password(password, "imara@halyard.example", "Imara Vance-Oduya")


def test_it_is_told_from_others_and_kept_as_a_hash() -> None:
    hashed = hash_password(GOOD)
    assert hashed.startswith("$argon2id$")
    assert GOOD not in hashed
    assert is_password(hashed, GOOD)
    assert not is_password(hashed, GOOD + ".")
    assert not is_password(hashed, "")
    assert not is_password(None, "nobody has this one")
    assert not is_password("no hash at all", GOOD)


def test_the_same_letters_by_other_keys_are_the_same() -> None:
    hashed = hash_password("die Käsetheke am Hafen")
    assert is_password(hashed, "die Ka\u0308setheke am Hafen")


def test_one_that_was_made_with_less_care_is_made_again() -> None:
    weak = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$S2VJYWeb5LLFvSrbsdYUFYVqd1ZMQ/qAPJSHrX2tBiM"
    assert should_hash_again(weak)
    assert not should_hash_again(hash_password(GOOD))


def test_what_is_short_enough_once_it_is_composed_can_be_used() -> None:
    typed = "e\u0301" * 120 + "two countries"
    assert is_password(hash_password(typed), typed)
    assert not is_password(hash_password(typed), typed + "x" * 100)
