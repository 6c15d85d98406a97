import hmac

from digest.suppression import SuppressionKey

KEY = SuppressionKey(b"k" * 32)


def test_an_address_is_remembered_by_its_hmac_alone() -> None:
    expected = hmac.new(b"k" * 32, b"reader@example.org", "sha256").hexdigest()
    assert KEY.mac("reader@example.org") == expected


def test_addresses_in_other_scripts_have_one_too() -> None:
    assert len(KEY.mac("джон@example.org")) == 64


def test_another_address_or_another_key_gives_another_hmac() -> None:
    macs = {
        KEY.mac("reader@example.org"),
        KEY.mac("reader@example.com"),
        SuppressionKey(b"l" * 32).mac("reader@example.org"),
    }
    assert len(macs) == 3


def test_the_fingerprint_tells_keys_apart_and_stays() -> None:
    assert KEY.fingerprint == SuppressionKey(b"k" * 32).fingerprint
    assert KEY.fingerprint != SuppressionKey(b"l" * 32).fingerprint
    # What installations have in their database: a change would lock them all out.
    assert KEY.fingerprint.startswith("0fa746f3b5a8c34d")


def test_the_fingerprint_is_not_the_hmac_of_an_address() -> None:
    assert KEY.fingerprint != KEY.mac("digest suppression fingerprint@example.org")


def test_the_key_is_not_in_what_is_printed() -> None:
    assert "kkk" not in repr(KEY)
