"""Answers that somebody wrote to keep us busy, and a DNS that is ill: bounded, and told apart."""

import pytest

from digest.checkup import Level
from digest.checkup.domain.asking import (
    LONGEST_NAME,
    QUESTIONS_AT_MOST,
    VALUES_AT_MOST,
    Dns,
    UnansweredError,
)
from digest.checkup.domain.checking import check_domain
from digest.checkup.domain.rules import LONGEST_SAID
from digest.checkup.domain.spf_terms import expand
from digest.settings.loading import Settings
from tests.checkup.domain.zones import DOMAIN, Records, found_in, in_strings, zone
from tests.delivery.signing.verifiers import BOTH_ROWS
from tests.factories import NOW, make_settings
from tests.servers.dns import DnsServer


def spf_of(**records: str) -> Records:
    """Return SPF records by the first labels of names below example.net."""
    return {(f"{name}.example.net", "TXT"): [in_strings(text)] for name, text in records.items()}


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (zone(spf=[f"v=spf1 include:{DOMAIN} -all"]), f"in a circle, back to {DOMAIN}"),
        (
            {
                **zone(spf=["v=spf1 redirect=a.example.net"]),
                **spf_of(a="v=spf1 redirect=b.example.net", b="v=spf1 redirect=a.example.net"),
            },
            "in a circle, back to a.example.net",
        ),
        (zone(spf=["v=spf1 mx:%{x} -all"]), "% stands that begins no macro"),
        (zone(spf=["v=spf1 \\027[31mmx -all"]), "not ASCII, or not printable"),
        (
            {**zone(spf=["v=spf1 mx -all"], mx=[f"{n} m{n}.example." for n in range(12)])},
            "more than 10 mail servers",
        ),
    ],
)
def test_an_spf_record_that_is_a_trap_is_broken(records: Records, said: str) -> None:
    failed = [each for each in found_in(records) if each.rule == "spf-syntax"]
    assert [each.level for each in failed] == [Level.FAILURE]
    assert said in failed[0].found


def test_includes_that_multiply_are_counted_so_far_and_no_further() -> None:
    names = [f"n{at}" for at in range(10)]
    # Each name stands for ten of the next storey: a million look-ups, were all followed.
    storeys = {
        f"{name}.s{storey}": "v=spf1 "
        + " ".join(f"include:{each}.s{storey + 1}.example.net" for each in names)
        for storey in range(6)
        for name in names
    }
    storeys |= {f"{name}.s6": "v=spf1 -all" for name in names}
    records = {**zone(spf=["v=spf1 include:n0.s0.example.net -all"]), **spf_of(**storeys)}
    with DnsServer(zone=records) as server:
        found = list(check_domain(settings_for(server), BOTH_ROWS, DOMAIN, NOW))
        assert len(server.asked) <= QUESTIONS_AT_MOST
    [finding] = [each for each in found if each.rule == "spf-lookups"]
    assert finding.level is Level.FAILURE
    assert "costs more than 30 look-ups" in finding.found


def test_an_include_that_uses_up_all_questions_leaves_the_other_checks() -> None:
    hosts = {
        ("all.example.net", "TXT"): [
            in_strings("v=spf1 " + " ".join(f"mx:m{at}.example.net" for at in range(28)))
        ],
        **{
            (f"m{at}.example.net", "MX"): [f"10 h{at}-{each}.example.net." for each in range(10)]
            for at in range(28)
        },
    }
    records = {**zone(spf=["v=spf1 include:all.example.net -all"]), **hosts}
    with DnsServer(zone=records) as server:
        found = list(check_domain(settings_for(server), BOTH_ROWS, DOMAIN, NOW))
        assert len(server.asked) <= QUESTIONS_AT_MOST + len(BOTH_ROWS)
    failed = {each.check for each in found if each.level is Level.FAILURE}
    assert failed == {"SPF", "web address", "one-click"}
    assert any("too many questions" in each.found for each in found)


def test_a_name_is_cut_from_its_left_however_long_its_macros_make_it() -> None:
    long = expand("%{s}." * 3000 + "example.net", "bounce@example.net", "example.net", "h", None)
    assert long is not None
    assert len(long) <= LONGEST_NAME
    assert long.endswith("bounce@example.net.example.net")
    assert not long.startswith(".")


def settings_for(server: DnsServer) -> Settings:
    return make_settings("sqlite://", resolver=server.resolver)


def test_what_is_told_of_huge_records_is_short_and_holds_no_codes() -> None:
    huge = in_strings("v=spf1 " + "ip4:198.51.100.25 " * 3000)
    records = {
        **zone(dmarc=["v=DMARC1; p=none; x=\\027]0;owned\\007; rua=mailto:d@halyard.example"]),
        (DOMAIN, "TXT"): [huge],
    }
    found = found_in(records)
    assert all(len(each.found) <= LONGEST_SAID + 1 for each in found)
    assert all(
        text.isprintable() for each in found for text in (each.found, each.remedy, each.record)
    )
    assert any("]0;owned" in f"{each.found} {each.remedy}" for each in found)


def test_of_many_records_a_part_is_looked_at() -> None:
    with DnsServer({DOMAIN: [f'"{at}"' for at in range(1000)]}) as server:
        assert len(Dns(server.resolver).texts(DOMAIN).values) == VALUES_AT_MOST


def test_names_that_lead_to_each_other_have_no_answer() -> None:
    records = {
        ("a.example.net", "CNAME"): ["b.example.net."],
        ("b.example.net", "CNAME"): ["a.example.net."],
    }
    with DnsServer(zone=records) as server:
        dns = Dns(server.resolver)
        with pytest.raises(UnansweredError, match=r"error for a\.example\.net \(A\)"):
            dns.addresses("a.example.net", 4)
        assert server.asked == ["a.example.net"]


def test_a_failing_server_a_silent_one_and_a_name_that_is_not_there_are_told_apart() -> None:
    broken, silent = "broken.example.net", "silent.example.net"
    with DnsServer(zone=zone(), fails={broken}, silent={silent}) as server:
        dns = Dns(server.resolver, question_seconds=0.3)
        with pytest.raises(UnansweredError, match=r"an error for broken.*: SERVFAIL"):
            dns.texts(broken)
        with pytest.raises(UnansweredError, match="did not answer in time for silent"):
            dns.texts(silent)
        assert not dns.texts("gone.example.net").exists
        there = dns.texts("mx.halyard.example")
        assert there.exists
        assert there.values == ()


def test_it_asks_no_more_than_so_often_and_for_no_longer_than_so_long() -> None:
    with DnsServer(zone=zone()) as server:
        dns = Dns(server.resolver, questions=2)
        assert dns.texts(DOMAIN).values == dns.texts(f"{DOMAIN}.").values
        dns.mail_hosts(DOMAIN)
        with pytest.raises(UnansweredError, match="too many questions"):
            dns.addresses(DOMAIN, 4)
        late = Dns(server.resolver, seconds=0)
        with pytest.raises(UnansweredError, match="too much time"):
            late.texts(DOMAIN)
        assert server.asked == [DOMAIN, DOMAIN]


def test_a_name_that_no_zone_can_hold_is_not_asked_for() -> None:
    with DnsServer() as server:
        assert not Dns(server.resolver).texts(f"{'a' * 64}.example").exists
        assert server.asked == []


def test_a_domain_that_is_not_there_and_one_without_an_answer() -> None:
    with DnsServer(zone=zone(), fails={DOMAIN}) as server:
        [only] = check_domain(settings_for(server), (), "gone.example", NOW)
        assert "There is no gone.example in the DNS." in only.found
        [only] = check_domain(settings_for(server), (), DOMAIN, NOW)
        assert "SERVFAIL" in only.found
        assert only.level is Level.FAILURE


def test_one_question_without_an_answer_leaves_the_others() -> None:
    with DnsServer(zone=zone(), fails={f"_dmarc.{DOMAIN}"}) as server:
        found = list(check_domain(settings_for(server), BOTH_ROWS, DOMAIN, NOW))
    dmarc = [each for each in found if each.check == "DMARC"]
    assert [each.level for each in dmarc] == [Level.FAILURE]
    assert "SERVFAIL" in dmarc[0].found
    assert any(each.rule == "dkim-key" and each.level is Level.FINE for each in found)
