"""What is said of a text that is no address, and the address that is offered instead."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.addresses import AddressError, meant_address, parse_address
from digest.reserved_names import ReservedNames

PRODUCTION = ReservedNames(for_tries=False, own=frozenset({"corp.internal", "mailhost"}))


def refused(typed: str, reserved: ReservedNames = PRODUCTION) -> AddressError:
    with pytest.raises(AddressError) as caught:
        parse_address(typed, reserved)
    return caught.value


@pytest.mark.parametrize(
    "typed",
    [
        "mailto:robin@paper.org",
        "mailto:robin%40paper.org?subject=Hello",
        "Email: robin@paper.org",
        "https://robin@paper.org",
        "Robin <robin@paper.org>",
        "Robin Reader <robin@paper.org>,",
        '"Reader, Robin" <robin@paper.org>',
        "<robin@paper.org>",
        "(robin@paper.org)",
        "'robin@paper.org'",
        "“robin@paper.org”",
        '"robin"@paper.org',
        "robin@paper.org.",
        "robin@paper.org,",
        "robin@paper.org;",
        "robin@paper.org robin@paper.org",
        "Robin robin@paper.org",
        "rob in@paper.org",
        "robin @ paper . org",
        "robin\u00a0@paper.org",
        "rob\u200bin@paper.org",
        "ro\u00adbin@paper.org",
        "robin@paper\u2060.org",
        "robin@paper,org",
        "robin@paper..org",
        "robin@.paper.org",
        ".robin@paper.org",
        "robin.@paper.org",
        "robin@@paper.org",
        "robin＠paper.org",
        "robin﹫paper.org",
        "ｒｏｂｉｎ＠ｐａｐｅｒ．ｏｒｇ",
        "robin(at)paper.org",
        "robin [at] paper [dot] org",
        "robin at paper dot org",
    ],
)
def test_the_address_that_is_in_it_is_offered(typed: str) -> None:
    error = refused(typed)
    assert error.suggestion == "robin@paper.org"
    assert str(error).endswith("Did you mean robin@paper.org?")


@pytest.mark.parametrize(
    ("typed", "suggestion"),
    [
        ("robin@gmail", "robin@gmail.com"),
        ("robin@gmailcom", "robin@gmail.com"),
        ("robin@gmail,com", "robin@gmail.com"),
        ("Robin <robin@gmial.con>", "robin@gmail.com"),
        ("mailto:o’brien@paper.org", "o'brien@paper.org"),
        ("robin,smith@paper.org", "robin.smith@paper.org"),
        ("jörg @bücher.de", "jörg@bücher.de"),
    ],
)
def test_what_is_offered_is_mended_as_well(typed: str, suggestion: str) -> None:
    assert refused(typed).suggestion == suggestion


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("robin", "Enter an email address with an @"),
        ("a@b.org, c@b.org", "more than one address"),
        ("a@b.org c@b.org", "more than one address"),
        ("robin@paper.org\r\n.\r\nMAIL FROM:<a@b.org>", "more than one address"),
        ("a@b@paper.org", "more than one @"),
        ("@paper.org", "missing before the @"),
        ("robin@", "missing after the @"),
        ("robin@[192.0.2.1]", "a number after the @"),
        ("robin@192.0.2.1", "a number after the @"),
        ("robin@paper", "has a dot in it"),
        ('"rob in"@paper.org', "quotation marks"),
        ("ro(b)in@paper.org", r"cannot be a \( before the @"),
        ("robin@pa_per.org", "cannot be a _ after the @"),
        ("robin@-paper.org", "cannot read that email address"),
        ("a" * 65 + "@paper.org", "before the @ is at most 64 characters$"),
        ("ö" * 33 + "@paper.org", "letters such as ö count as two"),
        ("a@" + ".".join(["b" * 60] * 5), "at most 254 characters"),
    ],
)
def test_each_mistake_has_a_sentence_of_its_own(typed: str, words: str) -> None:
    error = refused(typed)
    assert error.suggestion is None
    with pytest.raises(AddressError, match=words):
        raise error


def test_octets_are_counted_as_they_go_on_the_wire() -> None:
    assert parse_address("a" * 64 + "@paper.org")
    assert parse_address("ö" * 32 + "@paper.org")
    long = ".".join(["d" * 63] * 3)
    assert parse_address("ö" * 29 + f"@{long}.org")
    assert "at most 254" in str(refused("ö" * 30 + f"@{long}.org"))


@pytest.mark.parametrize(
    "unseen",
    [*"\u00a0\u200b\u200e\u200f\u202a\u202c\u2066\u2069\u00ad\ufeff\u2003\u3000\u061c\ufe0f\u2800"],
)
def test_what_nobody_sees_at_either_end_is_taken_away(unseen: str) -> None:
    assert parse_address(f"{unseen} robin@paper.org{unseen}").email == "robin@paper.org"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("o’brien@paper.org", "o'brien@paper.org"),
        ("anna–maria@paper.org", "anna-maria@paper.org"),
        ("ｒobin@paper.org", "robin@paper.org"),
        ("robin@gmail.con", "robin@gmail.com"),
        ("jörg@paper.org", None),
        ("jörg’s@paper.org", None),
        ("robin@paper.org", None),
    ],
)
def test_what_could_be_right_is_asked_about(typed: str, meant: str | None) -> None:
    assert meant_address(parse_address(typed, PRODUCTION), PRODUCTION) == meant


@pytest.mark.parametrize(
    "typed",
    [
        *("robin@test", "robin@paper.test", "robin@a.paper.example", "robin@invalid"),
        *("robin@x.localhost", "robin@example.com", "robin@mail.example.net", "robin@EXAMPLE.org"),
        *("robin@printer.local", "robin@1.in-addr.arpa", "robin@x.onion", "robin@other.internal"),
    ],
)
def test_names_that_no_mail_reaches_are_refused_in_production(typed: str) -> None:
    error = refused(typed)
    assert str(error).startswith("No mail ")
    assert error.suggestion is None


@pytest.mark.parametrize(
    "typed", ["robin@corp.internal", "robin@post.corp.internal", "robin@mailhost"]
)
def test_names_of_the_own_network_are_taken(typed: str) -> None:
    assert parse_address(typed, PRODUCTION).email == typed
    refused(typed, ReservedNames(for_tries=False))


def test_names_for_tests_are_taken_where_it_is_tried_out() -> None:
    for typed in ("robin@test", "robin@paper.test", "robin@example.org"):
        assert parse_address(typed, ReservedNames()).email == typed
    refused("robin@localhost", ReservedNames())


@given(st.text("aö.@ ,;<>\"'()[]:％＠@’–\u00a0\u200b\r\n\0mailto", max_size=80), st.booleans())
def test_what_is_offered_is_taken_without_another_question(text: str, closed: bool) -> None:
    reserved = PRODUCTION if closed else ReservedNames()
    suggestion = offered(text, reserved)
    if suggestion is not None:
        found = parse_address(suggestion, reserved)
        assert found.email == suggestion
        assert meant_address(found, reserved) is None


def offered(text: str, reserved: ReservedNames) -> str | None:
    try:
        parse_address(text, reserved)
    except AddressError as error:
        if not str(error).isprintable():
            raise
        return error.suggestion
    return None


@pytest.mark.parametrize(
    "text",
    [
        "<" + " " * 998,
        "a@" * 500,
        " at " * 250,
        "@" * 1000,
        "." * 999 + "@",
        '"' * 999 + "@",
        "mailto:" * 140,
        "<@" * 499,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    started = time.process_time()
    refused(text)
    refused(text * 1000)
    # Seconds that only a search gone wild would take.
    assert time.process_time() - started < 5
