"""The rules that a domain is held against: where each stands, and when we read it there.

docs/reference/domain-rules.md tells the same, with the test of each; a test holds the two together.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from digest.checkup.finding import Finding, Level
from digest.logs import scrub

_READ: Final = date(2026, 12, 1)
LONGEST_SAID: Final = 1000


@dataclass(frozen=True)
class Rule:
    """`check`: what it is called in a report. `source`: RFC and section, or whose page."""

    check: str
    source: str
    read: date = _READ


@dataclass(frozen=True)
class DomainFinding(Finding):
    """A finding that names its rule. `record`: what to publish, as a line of a zone file."""

    rule: str = ""
    source: str = ""
    read: str = ""
    record: str = ""


# Of Gmail's, Yahoo's and Microsoft's pages, and of RFC 9989's draft, we read stored copies.
RULES: Final = {
    "spf-one": Rule("SPF", "RFC 7208 3.2 and 4.5; Gmail, “Email sender guidelines”"),
    "spf-syntax": Rule("SPF", "RFC 7208 4.6 and 12"),
    "spf-lookups": Rule("SPF", "RFC 7208 4.6.4: at most 10 look-ups"),
    "spf-void": Rule("SPF", "RFC 7208 4.6.4: at most 2 look-ups without an answer"),
    "spf-all": Rule("SPF", "RFC 7208 5.1 and 2.6"),
    "spf-ptr": Rule("SPF", "RFC 7208 5.5: ptr should not be used"),
    "spf-relay": Rule("SPF", "RFC 7208 4; Outlook, “Requirements for high-volume senders”"),
    "dkim-key": Rule("DKIM", "RFC 6376 3.6.1, RFC 8463; Gmail, “Email sender guidelines”"),
    "dmarc-record": Rule("DMARC", "RFC 9989 4.8 and 4.10; Gmail, Yahoo and Outlook ask for one"),
    "dmarc-policy": Rule("DMARC", "RFC 9989 4.7: p, sp and t"),
    "dmarc-reports": Rule("DMARC", "RFC 9989 4.7: rua; RFC 9990 4"),
    "dmarc-alignment": Rule(
        "alignment", "RFC 9989 4.4 and 4.10.2; Gmail, “Email sender guidelines”"
    ),
    "mx": Rule("MX", "RFC 5321 5.1: answers and reports go to the From domain"),
    "mx-null": Rule("MX", "RFC 7505 3 and 4.2"),
    "reverse": Rule("reverse DNS", "RFC 1912 2.1; Gmail, “Email sender guidelines”"),
    "web-tls": Rule(
        "web address", "RFC 8058 3.1 and RFC 9110 4.3.4: https, with a valid certificate"
    ),
    "one-click": Rule("one-click", "RFC 8058 3.1 and 3.2"),
    "bimi": Rule(
        "BIMI", "draft-brand-indicators-for-message-identification 4; Gmail, “Set up BIMI”"
    ),
    "mta-sts": Rule("MTA-STS", "RFC 8461 3.1"),
}


def good(rule: str, found: str) -> DomainFinding:
    """It is as it should be."""
    return _finding(rule, Level.FINE, found)


def advice(rule: str, found: str, remedy: str, record: str = "") -> DomainFinding:
    """Nothing is wrong, and there is more to be had, or to be found out elsewhere."""
    return _finding(rule, Level.FINE, found, remedy, record)


def doubt(rule: str, found: str, remedy: str, record: str = "") -> DomainFinding:
    """A warning: mail arrives, and could be better placed."""
    return _finding(rule, Level.WARNING, found, remedy, record)


def wrong(rule: str, found: str, remedy: str, record: str = "") -> DomainFinding:
    """A failure: receivers may refuse the mail, or readers cannot leave."""
    return _finding(rule, Level.FAILURE, found, remedy, record)


def txt(name: str, text: str) -> str:
    """Return a TXT record as a line of a zone file."""
    return f'{name}. IN TXT "{text}"'


def _finding(
    name: str, level: Level, found: str, remedy: str = "", record: str = ""
) -> DomainFinding:
    rule = RULES[name]
    read = rule.read.isoformat()
    # All may quote what strangers publish: codes for a terminal, for instance.
    said, advised = (_short(_printable(each)) for each in (found, remedy))
    return DomainFinding(
        rule.check, level, scrub(said), advised, name, rule.source, read, _printable(record)
    )


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "�" for each in text)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SAID else f"{text[:LONGEST_SAID]}…"
