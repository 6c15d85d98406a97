"""Which ip, page and site are evidence."""

import ipaddress

import pytest
from flask import Request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from digest.web.evidence import evidence_of, page_url, reader_ip, site_of
from digest.web.guarding.networks import Networks, networks_of

TRUSTED = tuple(ipaddress.ip_network(text) for text in ("10.0.0.0/8", "fd00::/8"))


def request_from(remote: str | None, **headers: str) -> Request:
    environ = EnvironBuilder(headers=[(k.replace("_", "-"), v) for k, v in headers.items()])
    built = environ.get_environ()
    built["REMOTE_ADDR"] = remote or ""
    return Request(built)


@pytest.mark.parametrize(
    ("remote", "forwarded", "found"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.9, 10.0.0.2", "10.0.0.9"),
        ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("fd00::1", "[2001:db8::7]:443", "2001:db8::7"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        (None, "198.51.100.1", "198.51.100.1"),
        (None, "", None),
    ],
)
def test_only_our_proxies_may_say_whose_ip_it_is(
    remote: str | None, forwarded: str, found: str | None
) -> None:
    request = request_from(remote, X_Forwarded_For=forwarded)

    assert reader_ip(request, TRUSTED) == found


def test_without_proxies_nobody_is_believed() -> None:
    assert reader_ip(request_from("10.0.0.1", X_Forwarded_For="198.51.100.1"), ()) == "10.0.0.1"
    assert reader_ip(request_from(None, X_Forwarded_For="198.51.100.1"), ()) is None


@given(st.text(st.characters(min_codepoint=32, max_codepoint=255)))
def test_whatever_stands_in_the_header_an_ip_comes_out(text: str) -> None:
    found = reader_ip(request_from("10.0.0.1", X_Forwarded_For=text), TRUSTED)

    assert found is not None
    ipaddress.ip_address(found)


def test_the_page_is_what_the_browser_tells() -> None:
    told = {
        "https://blog.example.net/a?b#c": "https://blog.example.net/a?b",
        "javascript:alert(1)": None,
        "https://user:secret@blog.example.net/": None,
        "https://[broken": None,
        "null": None,
        "": None,
    }
    for referer, found in told.items():
        assert page_url(request_from("10.0.0.1", Referer=referer)) == found
    origin = request_from("10.0.0.1", Origin="https://blog.example.net")
    assert page_url(origin) == "https://blog.example.net"


def test_evidence_is_bounded() -> None:
    request = request_from(
        "203.0.113.7", User_Agent="A" * 9000, Referer="https://a.example/" + "b" * 9000
    )
    evidence = evidence_of(request, (), form="x" * 61)

    assert len(evidence.user_agent or "") == 500
    assert len(evidence.page_url or "") <= 2000
    assert evidence.form is None
    assert evidence_of(request, (), form="footer, left\r\n").form is None
    assert evidence_of(request, (), form="footer left").form == "footer left"


@pytest.mark.parametrize(
    ("page", "host"),
    [
        ("https://blog.example.net/x", "blog.example.net"),
        ("https://digest.halyard.example/subscribe", "halyard.example"),
        ("https://BLOG.example.net:8443/x", "blog.example.net"),
        ("https://bad_host!/x", "halyard.example"),
        (None, "halyard.example"),
    ],
)
def test_the_site_is_another_s_or_the_paper_s(page: str | None, host: str) -> None:
    found = site_of(page, own_url="https://digest.halyard.example", paper_host="halyard.example")

    assert found == host


def test_networks_are_those_of_a_line_and_loopback_is_none() -> None:
    assert networks_of("8.8.4.4") == Networks("8.8.4.0/24", None)
    assert networks_of("2a00:1450:4001:830::200e") == Networks(
        "2a00:1450:4001:830::/64", "2a00:1450:4001::/48"
    )
    for ip in (None, "127.0.0.1", "10.1.2.3", "192.168.1.7", "::1", "fe80::1", "203.0.113.7"):
        assert networks_of(ip) is None


def test_lines_that_providers_share_are_networks_like_others() -> None:
    assert networks_of("100.64.7.9") == Networks("100.64.7.0/24", None)
    assert networks_of("100.127.255.255") == Networks("100.127.255.0/24", None)


@pytest.mark.parametrize(
    "wrapped",
    [
        "2002:0808:0404::1",
        "2002:0808:0404:ffff:1:2:3:4",
        "::ffff:8.8.4.4",
        "64:ff9b::808:404",
        "2001:0:5ef5:79fd:0:0:f7f7:fbfb",
    ],
)
def test_an_ipv4_that_is_wrapped_counts_as_itself(wrapped: str) -> None:
    assert networks_of(wrapped) == networks_of("8.8.4.4")


def test_a_wrapped_private_one_counts_for_none() -> None:
    for ip in ("2002:0a00:0001::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"):
        assert networks_of(ip) is None
