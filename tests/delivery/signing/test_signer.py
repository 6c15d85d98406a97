"""What is signed holds for verifiers that we did not write, whatever stands in the slots."""

import re
from collections.abc import Mapping
from functools import partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.delivery.rendering.stencil import Stencil
from digest.delivery.signing.signer import Signer, SigningKey, open_key, sign_message
from tests.delivery.rendering.stencil_cases import (
    HEADERS,
    HTML,
    STENCIL,
    VALUES,
    assert_lawful,
    marked,
    weird_text,
)
from tests.delivery.signing.verifiers import BOTH, ED25519, RSA, opendkim_verdicts, verdicts

AT = 1_790_000_000


def signed(
    values: Mapping[str, str] = VALUES,
    stencil: Stencil = STENCIL,
    keys: tuple[SigningKey, ...] = BOTH,
) -> bytes:
    return stencil.fill(values, partial(Signer(stencil, keys).sign, at=AT))


def field(message: bytes, number: int = 0) -> str:
    """Return a DKIM-Signature field, unfolded."""
    found = re.findall(rb"^DKIM-Signature:((?:.*\r\n)(?:[ \t].*\r\n)*)", message, re.MULTILINE)
    return re.sub(r"\s+", " ", found[number].decode()).strip()


def test_two_programs_find_both_signatures_good() -> None:
    message = signed()
    assert verdicts(message) == [True, True]
    assert opendkim_verdicts(message)[:2] == ["pass", "pass"]


@pytest.mark.parametrize(
    ("honest", "forged"),
    [
        (b"Ahoy", b"Ahoi"),
        (b"From: ", b"From: Joss "),
        (b"<https://news", b"<https://knews"),
        (b"To: Robin", b"Reply-To: eve@example.com\r\nTo: Robin"),
        (b"To: Robin", b"List-Unsubscribe: <https://eve.example/>\r\nTo: Robin"),
        (b"To: Robin", b"From: eve@example.com\r\nTo: Robin"),
        (b"To: Robin", b"Content-Type: text/html\r\nTo: Robin"),
    ],
)
def test_what_was_altered_or_added_is_found_bad(honest: bytes, forged: bytes) -> None:
    message = signed()
    altered = message.replace(honest, forged, 1)
    assert altered != message
    assert verdicts(altered) == [False, False]
    assert opendkim_verdicts(altered)[:2] == ["fail", "fail"]


def test_what_a_relay_may_do_to_blanks_and_folds_changes_nothing() -> None:
    altered = signed().replace(b"Subject: ", b"SUBJECT:  ").replace(b"=\r\n,", b"=   \r\n,")
    head, _, body = altered.partition(b"\r\n\r\n")
    assert verdicts(b"Received: by relay.example\r\n" + head + b"\r\n\r\n" + body) == [True, True]


def test_it_is_named_for_every_field_that_matters_and_once_more() -> None:
    said = field(signed())
    names = re.sub(r"\s", "", re.search(r"h=([^;]+);", said)[1]).lower().split(":")  # type: ignore[index]
    for name in ("from", "list-unsubscribe", "subject", "to", "date", "message-id"):
        assert names.count(name) == 2, name
    assert {"reply-to", "cc", "content-transfer-encoding"} <= set(names)
    assert "a=rsa-sha256" in said
    assert "c=relaxed/relaxed" in said
    assert f"t={AT};" in said
    assert "a=ed25519-sha256" in field(signed(), 1)


def test_the_same_message_has_the_same_signatures() -> None:
    assert signed() == signed()


def test_it_is_still_a_message_of_short_7_bit_lines() -> None:
    message = signed()
    assert_lawful(message)
    assert max(map(len, message.split(b"\r\n"))) <= 78 + len(VALUES["unsubscribe_url"])
    assert max(len(line) for line in message.split(b"From:")[0].split(b"\r\n")) <= 77


@settings(deadline=None, max_examples=60)
@given(name=weird_text, site=weird_text)
@example(name="", site="")
@example(name="two  blanks", site=" at both ends ")
@example(name="a\ttab", site="x" * 300)
def test_whatever_a_reader_is_called_it_holds(name: str, site: str) -> None:
    values = VALUES | {"name": name, "signup_site": site}
    message = signed(values, keys=(ED25519,))
    assert verdicts(message) == [True]
    assert message.endswith(STENCIL.fill(values))


@settings(deadline=None, max_examples=60)
@given(
    text=st.lists(
        st.sampled_from(["[name]", "\n", " ", "\t", "word", "  ", ".", "é"]), max_size=30
    ),
    name=weird_text,
)
@example(text=["[name]"], name="")
@example(text=["[name]", "\n", "\n"], name=" ")
@example(text=[], name="")
def test_whatever_the_body_is_its_hash_is_that_of_the_final_bytes(
    text: list[str], name: str
) -> None:
    stencil = Stencil.build(headers=HEADERS, text=marked("".join(text)), html=HTML)
    message = signed(VALUES | {"name": name}, stencil, (ED25519,))
    assert verdicts(message) == [True]


def test_an_address_beyond_ascii_is_signed_in_utf_8() -> None:
    # RFC 8616 4: as the octets that are sent.
    message = signed(VALUES | {"address": "zoë@example.org"})
    assert "zoë@example.org".encode() in message
    assert verdicts(message) == [True, True]
    assert opendkim_verdicts(message)[:2] == ["pass", "pass"]


def test_a_stencil_whose_slots_begin_no_line_is_signed_as_well() -> None:
    # Not one that we build; but stored bytes may be of another version.
    pieces = list(STENCIL.pieces)
    pieces[-1] = pieces[-1].replace(b"--\r\n", b"--\r\n  \t \r\n\r\n")
    pieces[-3] = pieces[-3] + b"x  x"
    odd = Stencil(STENCIL.slots, tuple(pieces), STENCIL.fills, STENCIL.order)
    assert verdicts(signed(stencil=odd)) == [True, True]


def test_a_whole_message_is_signed_alike() -> None:
    message = STENCIL.fill(VALUES)
    assert verdicts(sign_message(message, BOTH, at=AT)) == [True, True]
    assert sign_message(message, (), at=AT) == message
    assert sign_message(message, BOTH, at=AT) == signed()


def test_one_key_makes_one_signature() -> None:
    assert verdicts(signed(keys=(RSA,))) == [True]


def test_a_key_that_signs_no_mail_is_refused() -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    other = generate_private_key(SECP256R1()).private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )
    with pytest.raises(ValueError, match="no algorithm that signs mail"):
        open_key("halyard.example", "odd", other)
