"""Each rule with a domain that keeps it, and with those that break it."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from digest.checkup import Level
from digest.checkup.domain.rules import RULES, DomainFinding
from digest.models import DkimState
from tests.checkup.domain.zones import DOMAIN, SENDER, Records, found_in, keys_of, zone
from tests.delivery.signing.verifiers import ED25519_ROW, RSA_ROW, make_key

TABLE = Path(__file__).parents[3] / "docs" / "reference" / "domain-rules.md"


def of_rule(found: Sequence[DomainFinding], rule: str, level: Level) -> DomainFinding:
    [one] = [each for each in found if each.rule == rule and each.level is level]
    return one


def test_a_domain_as_it_should_be_has_nothing_to_mend() -> None:
    found = found_in(zone())
    assert {each.level for each in found} == {Level.FINE}
    assert {each.rule for each in found} >= {
        *("spf-one", "spf-lookups", "spf-relay", "dkim-key", "dmarc-record", "dmarc-policy"),
        *("dmarc-reports", "dmarc-alignment", "mx", "reverse", "bimi", "mta-sts"),
    }
    assert all(each.source and each.read == "2026-12-01" for each in found)


@pytest.mark.parametrize(
    ("records", "rule", "level", "said", "record"),
    [
        (
            zone(spf=[]),
            "spf-one",
            "failure",
            "no SPF record",
            'halyard.example. IN TXT "v=spf1 ip4:198.51.100.25 -all"',
        ),
        (zone(spf=["v=spf1 -all", "v=spf1 mx -all"]), "spf-one", "failure", "has 2 SPF", ""),
        (zone(spf=["v=spf1 ip5:1.2.3.4 -all"]), "spf-syntax", "failure", "“ip5:1.2.3.4”", ""),
        (zone(spf=["v=spf1 ip4:1.2.3.4/33 -all"]), "spf-syntax", "failure", "1.2.3.4/33", ""),
        (
            zone(spf=["v=spf1 include:gone.example -all"]),
            *("spf-syntax", "failure", "gone.example, which has no SPF record", ""),
        ),
        (
            zone(spf=[f"v=spf1 {'mx ' * 11} -all"]),
            *("spf-lookups", "failure", "costs 11 look-ups", ""),
        ),
        (
            zone(spf=[f"v=spf1 ip4:198.51.100.25 {'mx ' * 9} -all"]),
            *("spf-lookups", "warning", "costs 9 look-ups of 10", ""),
        ),
        (
            zone(spf=["v=spf1 a:x.example a:y.example a:z.example -all"]),
            *("spf-void", "failure", "3 of its terms have no answer", ""),
        ),
        (
            zone(spf=["v=spf1 ip4:198.51.100.25 a:x.example -all"]),
            *("spf-void", "warning", "“a:x.example”", ""),
        ),
        (
            zone(spf=["v=spf1 mx +all"]),
            *("spf-all", "failure", "everybody", 'halyard.example. IN TXT "v=spf1 mx -all"'),
        ),
        (
            zone(spf=["v=spf1 ip4:198.51.100.25 ?all"]),
            *("spf-all", "warning", "?all"),
            'halyard.example. IN TXT "v=spf1 ip4:198.51.100.25 ~all"',
        ),
        (
            zone(spf=["v=spf1 ip4:198.51.100.25"]),
            *("spf-all", "warning", "says nothing about those"),
            'halyard.example. IN TXT "v=spf1 ip4:198.51.100.25 -all"',
        ),
        (zone(spf=["v=spf1 ip4:198.51.100.25 ptr -all"]), "spf-ptr", "warning", "ptr", ""),
        (
            zone(spf=["v=spf1 mx -all"]),
            *("spf-relay", "failure", "not let mail from 198.51.100.25 through: “fail”"),
            'halyard.example. IN TXT "v=spf1 ip4:198.51.100.25 mx -all"',
        ),
        (
            zone(dmarc=[]),
            *("dmarc-record", "failure", "no DMARC record"),
            '_dmarc.halyard.example. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@halyard.example"',
        ),
        (
            zone(dmarc=["v=DMARC1; p=none", "v=DMARC1; p=reject"]),
            *("dmarc-record", "failure", "more than one", ""),
        ),
        (
            zone(dmarc=["v=DMARC1; p=nothing; rua=mailto:d@halyard.example"]),
            *("dmarc-record", "failure", "“p=nothing”", ""),
        ),
        (
            zone(dmarc=["v=DMARC1; rua=mailto:d@halyard.example"]),
            *("dmarc-record", "warning", "No p= is in it"),
            '_dmarc.halyard.example. IN TXT "v=DMARC1; p=none; rua=mailto:d@halyard.example"',
        ),
        (
            zone(dmarc=["v=DMARC1; p=none; pct=50; rua=mailto:d@halyard.example"]),
            *("dmarc-record", "warning", "pct="),
            '_dmarc.halyard.example. IN TXT "v=DMARC1; p=none; rua=mailto:d@halyard.example"',
        ),
        (
            zone(dmarc=["v=DMARC1; p=reject"]),
            *("dmarc-reports", "warning", "No address for reports"),
            '_dmarc.halyard.example. IN TXT "v=DMARC1; p=reject; '
            'rua=mailto:dmarc@halyard.example"',
        ),
        (
            zone(dmarc=["v=DMARC1; p=reject; rua=dmarc@halyard.example"]),
            *("dmarc-reports", "failure", "no mailto:", ""),
        ),
        (
            zone(dmarc=["v=DMARC1; p=reject; rua=mailto:us@reports.example"]),
            *("dmarc-reports", "failure", "has not said that it takes them"),
            'halyard.example._report._dmarc.reports.example. IN TXT "v=DMARC1"',
        ),
        (
            zone((DOMAIN, "MX")),
            *("mx", "failure", "nowhere to go"),
            "halyard.example. IN MX 10 mail.halyard.example.",
        ),
        (
            {**zone((DOMAIN, "MX")), (DOMAIN, "A"): ["198.51.100.1"]},
            *("mx", "warning", "no MX record"),
            "halyard.example. IN MX 10 mail.halyard.example.",
        ),
        (zone(("mx.halyard.example", "A")), "mx", "failure", "no address: mx.halyard", ""),
        (
            zone(mx=["0 ."]),
            *("mx-null", "failure", "takes no mail"),
            "halyard.example. IN MX 10 mail.halyard.example.",
        ),
        (zone(mx=["0 .", "10 mx.halyard.example."]), "mx-null", "failure", "beside other", ""),
        (
            zone(("25.100.51.198.in-addr.arpa", "PTR")),
            *("reverse", "failure", "no name by reverse DNS"),
            "25.100.51.198.in-addr.arpa. IN PTR mail.halyard.example.",
        ),
        (
            {**zone(), ("out.halyard.example", "A"): ["198.51.100.26"]},
            *("reverse", "failure", "does not lead back"),
            "out.halyard.example. IN A 198.51.100.25",
        ),
        (
            {**zone(), ("default._bimi.halyard.example", "TXT"): ['"v=BIMI1; l=http://x.example"']},
            *("bimi", "warning", "not as it should be", ""),
        ),
        (
            {**zone(), ("_mta-sts.halyard.example", "TXT"): ['"v=STSv1; id=1"', '"v=STSv1; id=2"']},
            *("mta-sts", "warning", "2 MTA-STS records", ""),
        ),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_told_with_what_to_publish(
    records: Records, rule: str, level: str, said: str, record: str
) -> None:
    finding = of_rule(found_in(records), rule, Level(level))
    assert said in finding.found
    assert finding.record == record
    assert finding.remedy


def test_includes_count_with_all_that_they_include() -> None:
    several = {("deep.example", "TXT"): ['"v=spf1 mx:a.example a:b.example ~all"']}
    records = {
        **zone(spf=["v=spf1 ip4:198.51.100.25 include:deep.example -all"]),
        **several,
        ("a.example", "MX"): ["10 b.example."],
        ("b.example", "A"): ["198.51.100.77"],
    }
    assert "costs 3 look-ups" in of_rule(found_in(records), "spf-lookups", Level.FINE).found
    other = found_in(records, sending=(type(SENDER)("198.51.100.77"),))
    assert "lets mail from 198.51.100.77" in of_rule(other, "spf-relay", Level.FINE).found


def test_without_knowing_the_address_nothing_is_claimed() -> None:
    found = found_in(zone(spf=[]), sending=())
    assert of_rule(found, "spf-one", Level.FAILURE).record == ""
    assert "It is hidden." in of_rule(found, "reverse", Level.FINE).found
    found = found_in(zone(), sending=())
    advice = of_rule(found, "spf-relay", Level.FINE)
    assert "cannot be known. It is hidden." in advice.found
    assert f"digest doctor {DOMAIN} --sends-from ADDRESS" in advice.remedy


def test_a_record_that_holds_another_key_or_is_missing() -> None:
    _, other = make_key(RSA_ROW.algorithm)
    records = {**zone(), **keys_of([other])}
    wrong = of_rule(found_in(records), "dkim-key", Level.FAILURE)
    assert "holds another key" in wrong.found
    assert wrong.record.startswith(f"{RSA_ROW.selector}._domainkey.{DOMAIN}. IN TXT (")
    gone = zone((f"{ED25519_ROW.selector}._domainkey.{DOMAIN}", "TXT"))
    assert "no TXT record" in of_rule(found_in(gone), "dkim-key", Level.FAILURE).found


def test_keys_that_wait_and_mail_that_nobody_signs() -> None:
    _, waiting = make_key(RSA_ROW.algorithm)
    waiting.state = DkimState.WAITING
    found = found_in({**zone(), **keys_of([waiting])}, keys=(waiting,))
    assert "digest dkim sign" in of_rule(found, "dkim-key", Level.WARNING).remedy
    nobody = of_rule(found_in(zone(), keys=()), "dkim-key", Level.FAILURE)
    assert f"digest dkim create {DOMAIN}" in nobody.remedy
    by_relay = found_in(zone(), keys=(), settings={"relay_signs": True})
    assert "relay signs" in of_rule(by_relay, "dkim-key", Level.FINE).found
    alone = found_in(zone(), keys=(ED25519_ROW,))
    assert "Ed25519 alone" in of_rule(alone, "dkim-key", Level.WARNING).found


def test_an_envelope_below_the_domain_aligns_unless_dmarc_is_strict() -> None:
    inbound = f"in.{DOMAIN}"
    records = {**zone(), (inbound, "TXT"): ['"v=spf1 ip4:198.51.100.25 -all"']}
    relaxed = found_in(records, envelope=inbound, keys=(), settings={"relay_signs": True})
    assert "where SPF passes" in of_rule(relaxed, "dmarc-alignment", Level.FINE).found
    strict = {
        **records,
        (f"_dmarc.{DOMAIN}", "TXT"): ['"v=DMARC1; p=none; aspf=s; rua=mailto:d@halyard.example"'],
    }
    hangs = found_in(strict, envelope=inbound, keys=(), settings={"relay_signs": True})
    assert "relay’s signature" in of_rule(hangs, "dmarc-alignment", Level.WARNING).found
    failing = of_rule(found_in(strict, envelope=inbound, keys=()), "dmarc-alignment", Level.FAILURE)
    assert "DMARC fails" in failing.found


def test_another_organisations_envelope_needs_our_signature() -> None:
    records = {**zone(), ("bounces.example", "TXT"): ['"v=spf1 -all"']}
    signed = found_in(records, envelope="bounces.example")
    assert any("DKIM alone is enough" in each.found for each in signed)
    unsigned = found_in(records, envelope="bounces.example", keys=())
    assert "DMARC fails" in of_rule(unsigned, "dmarc-alignment", Level.FAILURE).found


def test_a_name_below_goes_by_the_record_above_and_psd_ends_the_walk() -> None:
    below = f"news.{DOMAIN}"
    records = {
        **zone(dmarc=["v=DMARC1; p=reject; sp=none; rua=mailto:d@halyard.example"]),
        (below, "TXT"): ['"v=spf1 -all"'],
    }
    found = found_in(records, domain=below, envelope=below)
    assert "p=none" in of_rule(found, "dmarc-policy", Level.FINE).found
    assert any(f"is signed for {DOMAIN}: that aligns" in each.found for each in found)
    suffix = {**records, (f"_dmarc.{DOMAIN}", "TXT"): ['"v=DMARC1; p=reject; psd=y"']}
    apart = found_in(suffix, domain=below, envelope=below)
    assert "does not align" in of_rule(apart, "dmarc-alignment", Level.FAILURE).found


def test_strangers_may_receive_reports_who_said_so() -> None:
    name = f"{DOMAIN}._report._dmarc.reports.example"
    records = {
        **zone(dmarc=["v=DMARC1; p=reject; rua=mailto:us@reports.example!10m"]),
        (name, "TXT"): ['"v=DMARC1"'],
    }
    assert "takes them" in of_rule(found_in(records), "dmarc-reports", Level.FINE).found


def test_bimi_and_mta_sts_are_advice() -> None:
    records = zone(("default._bimi.halyard.example", "TXT"), ("_mta-sts.halyard.example", "TXT"))
    found = found_in(records)
    assert of_rule(found, "bimi", Level.FINE).record.startswith("default._bimi.halyard.example.")
    assert of_rule(found, "mta-sts", Level.FINE).record.startswith("_mta-sts.halyard.example.")


def test_the_table_in_the_docs_is_that_of_the_code() -> None:
    row = re.compile(r"^\| `([a-z-]+)` \| ([^|]+) \| ([0-9-]+) \|", re.MULTILINE)
    rows = row.findall(TABLE.read_text(encoding="utf-8"))
    assert rows == [(name, rule.source, rule.read.isoformat()) for name, rule in RULES.items()]
