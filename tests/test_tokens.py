"""What a token proves, and everything near it that proves nothing."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from digest.settings.loading import Key
from digest.tokens import BadTokenError, KeyRing, Purpose, Token, new_token_id

RING = KeyRing([Key("k1", b"1" * 32)])
OTHER_RING = KeyRing([Key("k1", b"2" * 32)])
ID = bytes(range(16))
LARGEST = 2**40 - 1

purposes = st.sampled_from(Purpose)
ids = st.binary(min_size=16, max_size=16)
numbers = st.integers(0, LARGEST)
key_ids = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
URL_SAFE = string.ascii_letters + string.digits + "-_."


def refused(text: str, purpose: Purpose = Purpose.UNSUBSCRIBE, ring: KeyRing = RING) -> bool:
    try:
        ring.read(purpose, text)
    except BadTokenError:
        return True
    return False


def refused_by_mail(text: str, purpose: Purpose = Purpose.BOUNCE, ring: KeyRing = RING) -> bool:
    try:
        ring.read_local_part(purpose, text)
    except BadTokenError:
        return True
    return False


@given(purposes, ids, numbers, key_ids)
def test_what_is_signed_is_read(purpose: Purpose, id_: bytes, number: int, key_id: str) -> None:
    ring = KeyRing([Key(key_id, b"1" * 32)])
    text = ring.sign(purpose, id_, number)
    assert ring.read(purpose, text) == Token(purpose, id_, number)
    assert set(text) <= set(URL_SAFE)
    assert ring.sign(purpose, id_, number) == text


@given(purposes, ids, numbers, key_ids)
def test_a_local_part_survives_the_mail(
    purpose: Purpose, id_: bytes, number: int, key_id: str
) -> None:
    ring = KeyRing([Key(key_id, b"1" * 32)])
    local = ring.sign_local_part(purpose, id_, number)
    expected = Token(purpose, id_, number)
    assert len(local.encode()) <= 64
    assert set(local) <= set(string.ascii_lowercase + string.digits + "-")
    assert ring.read_local_part(purpose, local) == expected
    assert ring.read_local_part(purpose, local.upper()) == expected
    assert ring.read_local_part(purpose, local.title()) == expected


def test_a_token_is_the_same_in_every_release() -> None:
    # What stands in mails that were sent years ago.
    assert RING.sign(Purpose.UNSUBSCRIBE, ID) == "1uk1.AAECAwQFBgcICQoLDA0OD_Bb2GhY5mbZa3Seug"
    assert (
        RING.sign_local_part(Purpose.BOUNCE, ID, 7)
        == "1bk1-aaaqeayeaudaocajbifqydiob4aaaaaaa74acrphggwwrbiei6nkm"
    )


@pytest.mark.parametrize("number", [0, 7, LARGEST])
def test_every_truncation_is_refused(number: int) -> None:
    text = RING.sign(Purpose.UNSUBSCRIBE, ID, number)
    local = RING.sign_local_part(Purpose.BOUNCE, ID, number)
    assert all(refused(text[:end]) for end in range(len(text)))
    assert all(refused(text[start:]) for start in range(1, len(text)))
    assert all(refused_by_mail(local[:end]) for end in range(len(local)))
    assert all(refused_by_mail(local[start:]) for start in range(1, len(local)))


@pytest.mark.parametrize("number", [0, 7])
def test_every_change_of_one_character_is_refused(number: int) -> None:
    text = RING.sign(Purpose.UNSUBSCRIBE, ID, number)
    for at, original in enumerate(text):
        for other in set(URL_SAFE + "=+/ \n%") - {original}:
            assert refused(text[:at] + other + text[at + 1 :]), (at, other)


@pytest.mark.parametrize("number", [0, 7])
def test_every_change_of_one_character_of_a_local_part_is_refused(number: int) -> None:
    local = RING.sign_local_part(Purpose.BOUNCE, ID, number)
    # The last two are a K and an s to str.lower() and str.casefold().
    for at, original in enumerate(local):
        for other in set(string.ascii_lowercase + string.digits + "-+=_. \n\u212a\u017f"):
            if other != original:
                assert refused_by_mail(local[:at] + other + local[at + 1 :]), (at, other)


@given(st.text(max_size=300))
def test_any_other_text_is_refused(text: str) -> None:
    assert refused(text)
    assert refused_by_mail(text)


@given(ids, st.text(URL_SAFE, min_size=1, max_size=250))
def test_nothing_can_be_added(id_: bytes, more: str) -> None:
    text = RING.sign(Purpose.UNSUBSCRIBE, id_)
    local = RING.sign_local_part(Purpose.BOUNCE, id_, 1)
    assert refused(text + more)
    assert refused(more + text)
    assert refused_by_mail(local + more)
    assert refused_by_mail(more + local)


@given(purposes, purposes, ids, numbers)
def test_another_purpose_is_refused(made: Purpose, wanted: Purpose, id_: bytes, n: int) -> None:
    assume(made != wanted)
    text, local = RING.sign(made, id_, n), RING.sign_local_part(made, id_, n)
    assert refused(text, wanted)
    assert refused_by_mail(local, wanted)
    # Nor by writing the other purpose's letter into it.
    assert refused(text[0] + wanted + text[2:], wanted)
    assert refused_by_mail(local[0] + wanted + local[2:], wanted)


@given(purposes, ids, numbers)
def test_another_ring_is_refused(purpose: Purpose, id_: bytes, number: int) -> None:
    assert refused(OTHER_RING.sign(purpose, id_, number), purpose)
    assert refused_by_mail(OTHER_RING.sign_local_part(purpose, id_, number), purpose)


def test_a_token_is_no_local_part_and_the_other_way_round() -> None:
    assert refused_by_mail(RING.sign(Purpose.BOUNCE, ID), Purpose.BOUNCE)
    assert refused(RING.sign_local_part(Purpose.BOUNCE, ID), Purpose.BOUNCE)


def test_the_first_key_signs_and_retired_ones_verify() -> None:
    old, new = Key("old", b"o" * 32), Key("new", b"n" * 32)
    by_old = KeyRing([old]).sign(Purpose.UNSUBSCRIBE, ID)
    ring = KeyRing([new, old])
    assert ring.sign(Purpose.UNSUBSCRIBE, ID).startswith("1unew.")
    assert ring.read(Purpose.UNSUBSCRIBE, by_old).id == ID
    assert refused(by_old, ring=KeyRing([new]))


def test_a_key_under_another_id_is_another_key() -> None:
    by_a = KeyRing([Key("a", b"k" * 32)]).sign(Purpose.UNSUBSCRIBE, ID)
    ring = KeyRing([Key("b", b"k" * 32)])
    assert refused(by_a, ring=ring)
    assert refused(by_a.replace("1ua.", "1ub."), ring=ring)


@pytest.mark.parametrize("number", [-1, LARGEST + 1])
def test_a_number_that_does_not_fit_is_not_signed(number: int) -> None:
    with pytest.raises(OverflowError):
        RING.sign(Purpose.BOUNCE, ID, number)


@pytest.mark.parametrize("length", [0, 15, 17])
def test_an_id_of_another_length_is_not_signed(length: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        RING.sign(Purpose.UNSUBSCRIBE, bytes(length))


def test_ids_are_random() -> None:
    made = {new_token_id() for _ in range(100)}
    assert len(made) == 100
    assert {len(id_) for id_ in made} == {16}


def test_purposes_are_told_apart_by_one_letter_each() -> None:
    assert len({str(purpose) for purpose in Purpose}) == len(Purpose)
    assert all(len(purpose) == 1 and purpose.islower() for purpose in Purpose)
