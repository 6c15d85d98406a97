"""Why a mail came back, of codes and of words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.bounces.reasons import RECEIVERS, reason_of
from digest.models import BounceReason as Why

ADDRESS_CODES = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        *((code, Why.ADDRESS) for code in sorted(ADDRESS_CODES)),
        # Of the sender, though they look alike.
        ("5.1.7", Why.SENDER),
        ("5.1.8", Why.SENDER),
        ("5.2.2", Why.FULL),
        ("4.2.2", Why.FULL),
        ("5.2.3", Why.SIZE),
        ("5.3.4", Why.SIZE),
        ("5.4.4", Why.NETWORK),
        ("4.4.7", Why.NETWORK),
        ("5.6.0", Why.CONTENT),
        ("5.7.1", Why.REPUTATION),
        ("5.7.8", Why.REPUTATION),
        ("5.7.25", Why.REPUTATION),
        ("5.7.26", Why.AUTHENTICATION),
        ("5.7.23", Why.AUTHENTICATION),
        # Those that say nothing, or something that proves nothing.
        ("5.0.0", Why.UNKNOWN),
        ("5.1.0", Why.UNKNOWN),
        ("5.2.0", Why.UNKNOWN),
        ("5.3.0", Why.UNKNOWN),
        ("5.5.0", Why.UNKNOWN),
        ("4.1.1", Why.UNKNOWN),
        ("4.2.1", Why.UNKNOWN),
        ("2.1.1", Why.UNKNOWN),
        ("5.1.1.1", Why.UNKNOWN),
        (None, Why.UNKNOWN),
    ],
)
def test_the_code_decides(code: str | None, reason: Why) -> None:
    assert reason_of(code, None) is reason


@pytest.mark.parametrize(
    ("code", "words", "reason"),
    [
        ("5.0.0", "<address>: Recipient address rejected: User  unknown", Why.ADDRESS),
        (None, "No such user here", Why.ADDRESS),
        ("5.0.0", "retry timeout exceeded", Why.NETWORK),
        ("5.5.0", "Mailbox is full", Why.FULL),
        # A blocklist that says "unknown user" as well.
        (None, "blocked using list.example.org; unknown user of a bad network", Why.REPUTATION),
        # The code is more than words, and where it is of us, they do not make it of the reader.
        ("5.1.1", "mailbox full", Why.ADDRESS),
        ("5.7.1", "user unknown", Why.REPUTATION),
        ("5.4.1", "user unknown", Why.NETWORK),
        # Within 5.7 words tell more.
        ("5.7.1", "This looks like spam", Why.CONTENT),
        ("5.7.0", "fails the DMARC policy of its domain", Why.AUTHENTICATION),
        ("4.0.0", "user unknown", Why.UNKNOWN),
        ("5.0.0", "the user is known to be unknown", Why.UNKNOWN),
    ],
)
def test_words_decide_where_the_code_does_not(code: str | None, words: str, reason: Why) -> None:
    assert reason_of(code, words) is reason


@pytest.mark.parametrize(
    ("receiver", "said", "reason"),
    [(each, said, reason) for each in RECEIVERS for said, reason in each.said],
)
def test_each_line_of_the_table_is_reached(receiver: object, said: str, reason: Why) -> None:
    hint = getattr(receiver, "hint", "")
    assert reason_of(None, f"Refused: {said.upper()}, 12-x - {hint}") is reason


codes = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.from_regex(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", fullmatch=True),
)
phrases = st.one_of(
    st.none(),
    st.text(max_size=80),
    st.lists(st.sampled_from([said for each in RECEIVERS for said, _ in each.said])).map(" ".join),
)


@given(codes, phrases, st.booleans())
def test_an_address_is_given_up_only_where_a_server_says_so_for_good(
    code: str | None, words: str | None, final: bool
) -> None:
    reason = reason_of(code, words, final=final)
    assert reason in Why
    if reason is Why.ADDRESS:
        said = [said for each in RECEIVERS for said, why in each.said if why is Why.ADDRESS]
        by_words = any(each in (words or "").lower() for each in said)
        assert final
        assert code in ADDRESS_CODES or by_words
        assert not (code or "").startswith(("2", "4", "5.7", "5.4", "5.6"))
