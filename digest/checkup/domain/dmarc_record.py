"""DMARC records (RFC 9989, the successor of RFC 7489): read, and found by walking up the DNS."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from digest.checkup.domain.asking import Dns

VERSION: Final = "DMARC1"
QUERIES_AT_MOST: Final = 8
"""Names that a walk asks for, from a domain up to its top (RFC 9989 4.10)."""
POLICIES: Final = ("none", "quarantine", "reject")
GONE: Final = ("pct", "rf", "ri")
"""Tags of RFC 7489 that RFC 9989 has done away with."""
KNOWN: Final = frozenset({"v", "p", "sp", "np", "rua", "ruf", "adkim", "aspf", "fo", "psd", "t"})
_VERSION: Final = re.compile(r"\s*[vV]\s*=\s*DMARC1\s*(;|$)")


@dataclass(frozen=True)
class DmarcRecord:
    """A record as it stands at _dmarc.`domain`. `tags`: values by names in small letters."""

    domain: str
    text: str
    tags: Mapping[str, str]
    malformed: tuple[str, ...] = ()

    def policy_for(self, domain: str) -> str:
        """Return what it asks for mail from `domain`: for names below its own, sp before p."""
        own = domain == self.domain
        asked = self.tags.get("p", "") if own else self.tags.get("sp", self.tags.get("p", ""))
        return asked.lower() if asked.lower() in POLICIES else "none"

    def strict(self, tag: str) -> bool:
        """Say whether adkim or aspf asks for the same domain, and not for the same organisation."""
        return self.tags.get(tag, "r").lower() == "s"


@dataclass(frozen=True)
class Found:
    """What a walk has found. `several`: the names that have more than one record: none counts."""

    records: tuple[DmarcRecord, ...]
    several: tuple[str, ...]
    domain: str

    @property
    def applying(self) -> DmarcRecord | None:
        """The record that receivers go by: the domain's own, or its organisation's (4.10.1)."""
        organisation = self.organisation
        for record in self.records:
            if record.domain in (self.domain, organisation):
                return record
        return next((each for each in self.records if _says(each, "y")), None)

    @property
    def organisation(self) -> str:
        """The organisational domain (4.10.2): two names align by having the same one."""
        for record in self.records:
            if _says(record, "n"):
                return record.domain
            if _says(record, "y") and record.domain != self.domain:
                labels = self.domain.split(".")
                return ".".join(labels[-len(record.domain.split(".")) - 1 :])
        return self.records[-1].domain if self.records else self.domain


def walk_up(dns: Dns, domain: str) -> Found:
    """Return what stands at _dmarc of a domain and of those above it, lowest first.

    Raises:
        UnansweredError: the DNS does not tell.
    """
    records, several = [], []
    for name in _names(domain):
        there = [text for text in dns.texts(f"_dmarc.{name}").values if _VERSION.match(text)]
        if len(there) > 1:
            several.append(name)
        elif there:
            records.append(read_record(name, there[0]))
            if _says(records[-1], "n") or (_says(records[-1], "y") and name != domain):
                break
    return Found(tuple(records), tuple(several), domain)


def _names(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    yield domain
    # Of a name with more labels than that, those in between are passed over.
    for at in range(max(1, len(labels) - QUERIES_AT_MOST + 1), len(labels)):
        yield ".".join(labels[at:])


def read_record(domain: str, text: str) -> DmarcRecord:
    """Read a record; parts that are no tag, or that say nothing, are among `malformed`."""
    tags: dict[str, str] = {}
    malformed: list[str] = []
    for part in filter(None, (each.strip() for each in text.split(";"))):
        name, equals, value = (each.strip() for each in part.partition("="))
        if not equals or not value or not re.fullmatch(r"[A-Za-z]+", name) or name.lower() in tags:
            malformed.append(part)
            continue
        tags[name.lower()] = value
    malformed += [
        f"{name}={value}" for name, value in tags.items() if not _is_valid(name, value.lower())
    ]
    return DmarcRecord(domain, text, tags, tuple(malformed))


def _is_valid(name: str, value: str) -> bool:
    if name in ("p", "sp", "np"):
        return value in POLICIES
    if name in ("adkim", "aspf"):
        return value in ("r", "s")
    if name == "t":
        return value in ("y", "n")
    return name != "psd" or value in ("y", "n", "u")


def _says(record: DmarcRecord, psd: str) -> bool:
    return record.tags.get("psd", "u").lower() == psd
