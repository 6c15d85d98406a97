"""Large receivers: what was meant, and whose mailbox is whose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.receivers import ENDINGS, mailbox_of, meant_domain, whole_domain

KNOWN = [f"{name}.{ending}" for name, endings in ENDINGS.items() for ending in endings]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gmail.con", "gmail.com"),
        ("gmial.com", "gmail.com"),
        ("hotmail.vom", "hotmail.com"),
        ("gmai.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("gnail.com", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("gmail.cm", "gmail.com"),
        ("gmial.con", "gmail.com"),
        ("GMIAL.COM", "gmail.com"),
        ("yaho.fr", "yahoo.fr"),
        ("hotmial.co.uk", "hotmail.co.uk"),
        ("outlok.com", "outlook.com"),
        ("iclod.com", "icloud.com"),
        ("gmаil.com", "gmail.com"),
        ("harbour-news.cmo", "harbour-news.com"),
    ],
)
def test_a_slip_is_seen(typed: str, meant: str) -> None:
    assert meant_domain(typed) == meant


@pytest.mark.parametrize(
    "domain",
    [
        *("mail.com", "email.com", "ymail.com", "gmx.de", "web.de", "me.com", "aol.com"),
        *("yahoo.se", "hotmail.co.jp", "example.org", "halyard.example", "mail.ru", "live.com"),
        *("harbour.co", "gmail.example.org", "bücher.example", "test", "a.b.c.d"),
    ],
)
def test_what_may_be_meant_is_left_alone(domain: str) -> None:
    assert meant_domain(domain) is None


@pytest.mark.parametrize("domain", KNOWN)
def test_no_large_receiver_is_taken_for_another(domain: str) -> None:
    assert meant_domain(domain) is None


@given(st.sampled_from(KNOWN), st.integers(0, 30), st.sampled_from("abcxyz-1"), st.booleans())
def test_what_is_meant_is_never_asked_about_again(
    domain: str, at: int, letter: str, instead: bool
) -> None:
    typed = domain[:at] + letter + domain[at + instead :]
    meant = meant_domain(typed)
    assert meant is None or meant_domain(meant) is None


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("gmail", "gmail.com"),
        ("gmailcom", "gmail.com"),
        ("yahoocouk", "yahoo.co.uk"),
        ("t-onlinede", "t-online.de"),
        ("halyard", None),
        ("com", None),
    ],
)
def test_a_lost_dot_is_found(name: str, whole: str | None) -> None:
    assert whole_domain(name) == whole


@pytest.mark.parametrize(
    "keys",
    [
        ("robin@gmail.com", "r.o.b.i.n@gmail.com", "robin+a@googlemail.com", "robin+@gmail.com"),
        ("robin@example.org", "robin+a@example.org", "robin+a+b@example.org"),
        ("robin@icloud.com", "robin@me.com", "robin+x@mac.com"),
        ("ro.bin@proton.me", "robin@pm.me", "ro-bin+x@protonmail.com"),
        ("robin@ya.ru", "robin@yandex.com"),
    ],
)
def test_one_mailbox_is_counted_as_one(keys: tuple[str, ...]) -> None:
    assert len({mailbox_of(key) for key in keys}) == 1


def test_two_mailboxes_are_counted_apart() -> None:
    keys = [
        *("robin@example.org", "ro.bin@example.org", "robin@example.com", "robin@gmail.com"),
        *("robin@outlook.com", "robin@hotmail.com", "ro.bin@icloud.com", "robin@icloud.com"),
        *("+robin@example.org", "+mina@example.org", "...@gmail.com"),
    ]
    assert len({mailbox_of(key) for key in keys}) == len(keys)


@given(st.text(max_size=30), st.sampled_from([*KNOWN, "example.org"]))
def test_folding_twice_is_folding_once(local: str, domain: str) -> None:
    folded = mailbox_of(f"{local}@{domain}")
    assert mailbox_of(folded) == folded
