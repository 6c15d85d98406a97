"""What receivers make of SPF records: each kind of term, in our words of RFC 7208's rules."""

import ipaddress
from contextlib import suppress
from random import Random

import pytest

from digest.checkup.domain.asking import LONGEST_NAME, Dns
from digest.checkup.domain.spf import Walk
from digest.checkup.domain.spf_terms import SpfError, expand, read_record
from tests.servers.dns import DnsServer

ZONE = {
    ("host.example.net", "A"): ["192.0.2.10"],
    ("host.example.net", "AAAA"): ["2001:db8::10"],
    ("example.net", "A"): ["192.0.2.1"],
    ("example.net", "MX"): ["20 host.example.net.", "10 other.example.net."],
    ("other.example.net", "A"): ["192.0.2.30"],
    ("inner.example.net", "TXT"): ['"v=spf1 ip4:192.0.2.40 ?all"'],
    ("refuses.example.net", "TXT"): ['"v=spf1 ip4:192.0.2.50 -all"'],
    ("10.2.0.192.in-addr.arpa", "PTR"): ["host.example.net."],
    ("11.2.0.192.in-addr.arpa", "PTR"): ["host.example.net."],
    ("10.2.0.192.seen.example.net", "A"): ["127.0.0.2"],
    ("bounce.l.example.net", "A"): ["127.0.0.2"],
}


@pytest.mark.parametrize(
    ("record", "address", "result"),
    [
        ("v=spf1 a -all", "192.0.2.1", "pass"),
        ("v=spf1 a/24 -all", "192.0.2.99", "pass"),
        ("v=spf1 a:host.example.net//64 -all", "2001:db8::99", "pass"),
        ("v=spf1 a:host.example.net/24 -all", "2001:db8::99", "fail"),
        ("v=spf1 mx -all", "192.0.2.10", "pass"),
        ("v=spf1 mx -all", "192.0.2.11", "fail"),
        ("v=spf1 MX ~ALL", "192.0.2.11", "softfail"),
        ("v=spf1 ip4:192.0.2.0/28 -all", "192.0.2.15", "pass"),
        ("v=spf1 ip4:192.0.2.0/28 -all", "192.0.2.16", "fail"),
        ("v=spf1 ip4:192.0.2.5 -all", "::ffff:192.0.2.5", "pass"),
        ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::1", "pass"),
        ("v=spf1 -ip4:192.0.2.5 +all", "192.0.2.5", "fail"),
        ("v=spf1 include:inner.example.net -all", "192.0.2.40", "pass"),
        ("v=spf1 include:inner.example.net -all", "192.0.2.41", "fail"),
        ("v=spf1 include:refuses.example.net ?all", "192.0.2.51", "neutral"),
        ("v=spf1 redirect=refuses.example.net", "192.0.2.51", "fail"),
        ("v=spf1 redirect=refuses.example.net ip4:192.0.2.6", "192.0.2.6", "pass"),
        ("v=spf1 ~all redirect=refuses.example.net", "192.0.2.50", "softfail"),
        ("v=spf1 ptr -all", "192.0.2.10", "pass"),
        ("v=spf1 ptr -all", "192.0.2.11", "fail"),
        ("v=spf1 exists:%{ir}.seen.example.net -all", "192.0.2.10", "pass"),
        ("v=spf1 exists:%{ir}.seen.example.net -all", "192.0.2.11", "fail"),
        ("v=spf1 exists:%{i}.seen.example.net -all", "10.2.0.192", "pass"),
        ("v=spf1 exists:%{l}.l.%{d2} -all", "192.0.2.9", "pass"),
        ("v=spf1", "192.0.2.9", "neutral"),
        ("v=spf1 unknown=thing -all", "192.0.2.9", "fail"),
        ("v=spf10 -all", "192.0.2.9", "none"),
    ],
)
def test_a_record_lets_an_address_through_or_not(record: str, address: str, result: str) -> None:
    with DnsServer({"example.net": [f'"{record}"']}, zone=ZONE) as server:
        walk = Walk(
            Dns(server.resolver),
            ipaddress.ip_address(address),
            "bounce@example.net",
            "mail.example.net",
        )
        assert walk.check("example.net") == result


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 a: -all",
        "v=spf1 a/33 -all",
        "v=spf1 a:host.example.net/024 -all",
        "v=spf1 include -all",
        "v=spf1 include:host -all",
        "v=spf1 all:x",
        "v=spf1 ip4: -all",
        "v=spf1 ip6:192.0.2.1 -all",
        "v=spf1 mechanism -all",
        "v=spf1 exists:%{c}.example.net -all",
        "v=spf1 exists:%(d).example.net -all",
        "v=spf1 exists:%{d0}.example.net -all",
        "v=spf1 redirect=a.example redirect=b.example",
        "v=spf1 redirect=",
    ],
)
def test_a_record_that_breaks_the_grammar_is_broken_wherever_it_stands(record: str) -> None:
    with DnsServer({"example.net": [f'"{record}"']}, zone=ZONE) as server:
        walk = Walk(Dns(server.resolver), ipaddress.ip_address("192.0.2.1"), "b@example.net", "h")
        with pytest.raises(SpfError):
            walk.check("example.net")


PARTS = [*"% %{ {i} %{l1r+-} } / // 24 : = . - \\ é".split(), "\x00", " "]
SOUND = "v=spf1 a:%{d2r.}.example.net/24//64 mx ip4:192.0.2.0/28 include:a.example.net -all"


def test_whatever_stands_in_a_record_it_is_read_or_refused() -> None:
    random = Random(7208)
    read, names = 0, []
    for _ in range(5000):
        text = SOUND
        for _ in range(random.randint(1, 3)):
            at = random.randint(len("v=spf1 "), len(text))
            text = text[:at] + random.choice(PARTS) + text[at + random.randint(0, 2) :]
        with suppress(SpfError):
            record = read_record(text)
            read += 1
            names += [
                expand(term.value, "bounce@example.net", "example.net", "h", None)
                for term in record.terms
            ]
    assert 500 < read < 4500
    assert all(name is None or len(name) <= LONGEST_NAME for name in names)
