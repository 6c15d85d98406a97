"""Which addresses are taken, and which ways to write one are the same reader."""

import smtplib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.addresses import AddressError, parse_address, wire_address

LONG_DOMAIN = ".".join(["d" * 60] * 3) + ".example"


@pytest.mark.parametrize(
    ("typed", "email", "key"),
    [
        ("reader@example.org", "reader@example.org", "reader@example.org"),
        ("  reader@example.org\r\n", "reader@example.org", "reader@example.org"),
        ("Reader.Name@Example.ORG", "Reader.Name@example.org", "reader.name@example.org"),
        ("o'brien+news@example.org", "o'brien+news@example.org", "o'brien+news@example.org"),
        ("a!#$%&'*/=?^_`{|}~-@example.org",) * 3,
        ("reader@BÜCHER.example", "reader@bücher.example", "reader@xn--bcher-kva.example"),
        ("reader@xn--bcher-kva.example", "reader@bücher.example", "reader@xn--bcher-kva.example"),
        ("reader@例え。example", "reader@例え.example", "reader@xn--r8jz45g.example"),
        ("JOSÉ@example.org", "JOSÉ@example.org", "josé@example.org"),
        ("jose\u0301@example.org", "josé@example.org", "josé@example.org"),
        ("джон@example.org", "джон@example.org", "джон@example.org"),
        (f"a@{LONG_DOMAIN}", f"a@{LONG_DOMAIN}", f"a@{LONG_DOMAIN}"),
    ],
)
def test_addresses_that_are_taken(typed: str, email: str, key: str) -> None:
    address = parse_address(typed)
    assert (address.email, address.key) == (email, key)


@pytest.mark.parametrize(
    "typed",
    [
        "a" * 400 + "@example.org",
        "a" * 400,
        "a@" + "b" * 400 + ".example.org",
        "a@" + ".".join(["b" * 60] * 5),
        "ü" * 200 + "@example.org",
        # Short as it is typed, and too long as the DNS has it.
        "é" * 190 + "@" + ".".join(["例えばだよ"] * 10),
        "İ" * 200 + "@example.org",
        "reader\n@example.org",
        "reader@example.org\nBcc: other@example.org",
        "reader@example.org\r\n.\r\nMAIL FROM:<a@example.org>",
        "reader@exam\tple.org",
        "reader\0@example.org",
        "rea\u200bder@example.org",
        "rea\u202eder@example.org",
        "reader\u2028@example.org",
        "reader\u00a0@example.org",
        "rea der@example.org",
        "Reader <reader@example.org>",
        "<reader@example.org>",
        '"Reader" <reader@example.org>',
        "reader@example.org, other@example.org",
        "reader@example.org;other@example.org",
        "mailto:reader@example.org",
        '"reader"@example.org',
        '"rea der"@example.org',
        '"reader@home"@example.org',
        "reader(comment)@example.org",
        "reader@(comment)example.org",
        "@example.org",
        "reader@",
        "reader@@example.org",
        "a@b@example.org",
        "reader@localhost",
        "reader@example",
        "reader@[127.0.0.1]",
        "reader@[IPv6:::1]",
        "reader@-example.org",
        "reader@exam_ple.org",
        "reader@example..org",
        "reader@example.org.",
        ".reader@example.org",
        "reader.@example.org",
        "rea..der@example.org",
        "reader@xn--zz--.example",
        "reader@\U0001f600.example",
        "\ud800@example.org",
        "a\u0338>@example.org",
        "reader\\@example.org",
    ],
)  # fmt: skip
def test_addresses_that_are_refused(typed: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(typed)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Enter your email address"),
        (" \r\n\t", "Enter your email address"),
        ("reader.example.org", "with an @"),
        ("a" * 243 + "@example.org", "at most 254 characters"),
        ("reader@example", "has a dot in it"),
    ],
)
def test_the_sentence_says_what_to_do(typed: str, words: str) -> None:
    with pytest.raises(AddressError, match=words):
        parse_address(typed)


@pytest.mark.parametrize(
    "one, other",  # noqa: PT006 - read as pairs
    [
        # Letters that fold together when searching, in mailboxes of two people.
        ("straße@example.org", "strasse@example.org"),
        ("\ufb01ona@example.org", "fiona@example.org"),
        ("\u017fam@example.org", "sam@example.org"),
        ("rea.der@example.org", "reader@example.org"),
        ("reader+a@example.org", "reader@example.org"),
        ("reader@example.org", "reader@www.example.org"),
    ],
)
def test_two_mailboxes_are_two_readers(one: str, other: str) -> None:
    assert parse_address(one).key != parse_address(other).key


ascii_locals = st.from_regex(r"[A-Za-z0-9_+-]{1,20}(\.[A-Za-z0-9_+-]{1,20}){0,2}", fullmatch=True)
# Latin and Cyrillic letters in both cases, one of them written as two characters.
locals_ = ascii_locals | st.text("abcXYZàéîÖÜñçžŠдЖйЙ", min_size=1, max_size=20)
domains = st.from_regex(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,10}){0,2}\.(org|example)", fullmatch=True)


@given(locals_, domains, st.data())
def test_keys_are_equal_for_all_ways_to_write_it(
    local: str, domain: str, data: st.DataObject
) -> None:
    key = parse_address(f"{local}@{domain}").key
    change = data.draw(st.sampled_from([str.upper, str.lower, str.swapcase, str.title]))
    decompose = data.draw(st.booleans())
    space = data.draw(st.text(" \t\r\n", max_size=3))
    written = unicodedata.normalize("NFD" if decompose else "NFC", change(f"{local}@{domain}"))
    assert parse_address(space + written + space).key == key


@given(locals_, domains)
def test_parsing_what_was_parsed_changes_nothing(local: str, domain: str) -> None:
    address = parse_address(f"{local}@{domain}")
    assert parse_address(address.email) == address
    assert parse_address(address.key).key == address.key


@given(
    st.text(max_size=300) | st.builds("{}@{}".format, st.text(max_size=260), st.text(max_size=99))
)
def test_whatever_is_typed_is_refused_or_fits(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressError:
        return
    assert len(address.email) <= 254
    assert len(address.key) <= 254
    assert address.email.isprintable()
    assert not set(address.email) & set(' <>,;:"()[]\\')
    assert address.email.count("@") == 1
    assert wire_address(address.email).rpartition("@")[2].isascii()


@given(st.text(max_size=30), st.sampled_from("\r\n\t\0\x0b\x0c\x1b\x7f\x85\u2028\u2029"))
def test_no_control_character_gets_through(text: str, control: str) -> None:
    with pytest.raises(AddressError):
        parse_address(f"a{text}{control}b{text}@example.org")


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("Reader@example.org", "Reader@example.org"),
        ("reader@bücher.example", "reader@xn--bcher-kva.example"),
        ("джон@bücher.example", "джон@xn--bcher-kva.example"),
    ],
)
def test_on_the_wire_the_domain_is_in_a_labels(email: str, expected: str) -> None:
    assert wire_address(email) == expected
    assert smtplib.quoteaddr(wire_address(email)) == f"<{expected}>"
