"""What is sealed opens with any key of the ring, in its own place, and nowhere else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import RefusedError
from digest.settings.loading import Key
from digest.vault import Vault

OLD, NEW = Key("k1", b"o" * 32), Key("k2", b"n" * 32)


@settings(deadline=None)
@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_is_sealed_opens_after_its_key_retired(secret: bytes, label: str) -> None:
    sealed = Vault([OLD]).seal(secret, label)
    assert Vault([NEW, OLD]).open(sealed, label) == secret
    assert len(secret) < 8 or secret not in sealed


@pytest.mark.parametrize("place", ["totp 2", ""])
def test_it_opens_nowhere_else(place: str) -> None:
    sealed = Vault([OLD]).seal(b"secret", "totp 1")
    with pytest.raises(RefusedError, match="DIGEST_KEYS"):
        Vault([OLD]).open(sealed, place)


@pytest.mark.parametrize("at", [0, 2, 5, -1])
def test_what_was_altered_does_not_open(at: int) -> None:
    sealed = bytearray(Vault([OLD]).seal(b"secret", "totp 1"))
    sealed[at] ^= 1
    with pytest.raises(RefusedError):
        Vault([OLD]).open(bytes(sealed), "totp 1")


def test_a_key_that_is_gone_opens_nothing() -> None:
    with pytest.raises(RefusedError, match="put the key back"):
        Vault([NEW]).open(Vault([OLD]).seal(b"secret", "totp 1"), "totp 1")


def test_two_seals_of_one_secret_are_not_alike() -> None:
    vault = Vault([OLD])
    assert vault.seal(b"secret", "totp 1") != vault.seal(b"secret", "totp 1")
