"""The grammar of an SPF record (RFC 7208 4.6, 5, 6, 7 and 12)."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from digest.checkup.domain.asking import LONGEST_NAME, Address
from digest.errors import DigestError

VERSION: Final = "v=spf1"
RESULTS: Final = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
MECHANISMS: Final = frozenset({"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"})
ASKING: Final = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
"""Terms that ask the DNS, at most ten to a check (RFC 7208 4.6.4)."""

_MODIFIER: Final = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)")
_MECHANISM: Final = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9_.-]*)(?:(:)(.*)|(/.*))?")
_MACRO: Final = re.compile(
    r"%(?:\{([slodiphvcrt])([0-9]{0,3})(r?)([-.+,/_=]*)\}|([%_-]))", re.IGNORECASE
)
_PREFIX: Final = r"(0|[1-9][0-9]{0,2})"
_PREFIXES: Final = re.compile(rf"(?:/{_PREFIX})?(?://{_PREFIX})?")
_ENDING: Final = re.compile(r"(?:/[0-9]*)?(?://[0-9]*)?$")
_TOP: Final = re.compile(r"(?=[a-z0-9-]*[a-z-])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.IGNORECASE)


class SpfError(DigestError):
    """Receivers take the record for broken ("permerror"); the message says why."""


@dataclass(frozen=True)
class Term:
    """A mechanism or the modifier redirect, as written; `value`: what stands after : or =."""

    written: str
    name: str
    value: str = ""
    result: str = "pass"
    prefix4: int = 32
    prefix6: int = 128
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None


@dataclass(frozen=True)
class Record:
    """A record that keeps to the grammar. Terms behind `all` are left out: nobody reads them."""

    terms: tuple[Term, ...]
    redirect: Term | None = None


def is_spf(text: str) -> bool:
    """Say whether a TXT record is an SPF record (RFC 7208 4.5)."""
    return text.lower() == VERSION or text.lower().startswith(f"{VERSION} ")


def read_record(text: str) -> Record:
    """Read one record. Raises SpfError where anything in it is wrong (RFC 7208 4.6)."""
    if any(not " " <= each <= "~" for each in text):
        raise SpfError("It has characters that are not ASCII, or not printable.")
    terms: list[Term] = []
    modifiers: dict[str, Term] = {}
    for written in text.split(" ")[1:]:
        if not written:
            continue
        if (found := _MODIFIER.fullmatch(written)) and ":" not in found[1] and "/" not in found[1]:
            _take_modifier(modifiers, written, found[1].lower(), found[2])
        else:
            terms.append(_mechanism(written))
    names = [each.name for each in terms]
    if "all" in names:
        return Record(tuple(terms[: names.index("all") + 1]))
    return Record(tuple(terms), modifiers.get("redirect"))


def _take_modifier(modifiers: dict[str, Term], written: str, name: str, value: str) -> None:
    check_macros(value, written)
    if name not in ("redirect", "exp"):
        return
    if name in modifiers:
        raise SpfError(f"{name}= stands there twice.")
    _check_domain(value, written)
    modifiers[name] = Term(written, name, value)


def _mechanism(written: str) -> Term:
    found = _MECHANISM.fullmatch(written)
    name = found[2].lower() if found else ""
    if found is None or name not in MECHANISMS:
        raise SpfError(f"“{written}” is nothing that SPF knows.")
    result, value, rest = RESULTS[found[1] or "+"], found[4] or "", found[5] or ""
    if found[3] and not value:
        raise SpfError(f"In “{written}” there is nothing behind the colon.")
    if name in ("ip4", "ip6"):
        return Term(written, name, network=_network(written, name, value + rest), result=result)
    if name == "all":
        if value or rest:
            raise SpfError(f"“{written}”: nothing may stand behind all.")
        return Term(written, name, result=result)
    if name in ("a", "mx"):
        # A slash may stand in the name as well: RFC 7208 does not ask for a host's.
        ending = _ENDING.search(value + rest)
        assert ending is not None
        value, rest = (value + rest)[: ending.start()], ending[0]
    elif rest or (not value and name != "ptr"):
        raise SpfError(f"“{written}” names no domain.")
    prefix4, prefix6 = _prefixes(rest, written)
    if value:
        check_macros(value, written)
        _check_domain(value, written)
    return Term(written, name, value, result, prefix4, prefix6)


def _prefixes(rest: str, written: str) -> tuple[int, int]:
    found = _PREFIXES.fullmatch(rest)
    prefix4, prefix6 = (int(found[1] or 32), int(found[2] or 128)) if found else (33, 129)
    if prefix4 > 32 or prefix6 > 128:
        raise SpfError(f"“{written}” ends in no length of a network.")
    return prefix4, prefix6


def _network(written: str, name: str, value: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        address, slash, prefix = value.partition("/")
        if slash and not re.fullmatch(_PREFIX, prefix):
            raise ValueError
        if name == "ip4":
            return ipaddress.IPv4Network(value, strict=False)
        if "%" in address:
            raise ValueError
        return ipaddress.IPv6Network(value, strict=False)
    except ValueError:
        raise SpfError(f"“{written}” holds no {name} address or network.") from None


def check_macros(value: str, written: str) -> None:
    """Raise SpfError where a percent sign begins no macro that RFC 7208 7.1 knows."""
    none_kept = any(each[2] and not int(each[2]) for each in _MACRO.finditer(value))
    if none_kept or "%" in _MACRO.sub("", value):
        raise SpfError(f"In “{written}” a % stands that begins no macro.")


def _check_domain(value: str, written: str) -> None:
    macros = list(_MACRO.finditer(value))
    if any(each[1].lower() in "crt" for each in macros if each[1]):
        raise SpfError(f"“{written}” has a macro that only an explanation may have.")
    if macros and macros[-1].end() == len(value) and macros[-1][1]:
        return
    top = value.removesuffix(".").rpartition(".")
    if not top[1] or not _TOP.fullmatch(top[2]):
        raise SpfError(f"In “{written}” there is no domain name.")


def expand(value: str, sender: str, domain: str, hello: str, address: Address | None) -> str | None:
    """Return a name with its macros filled in (RFC 7208 7); None where one needs an address.

    %{p} becomes "unknown", as RFC 7208 7.3 has it where no name was proved.
    """
    local, _, sender_domain = sender.rpartition("@")
    values = {
        "s": sender,
        "l": local,
        "o": sender_domain,
        "d": domain,
        "h": hello,
        "p": "unknown",
        "i": _dotted(address) if address else None,
        "v": None if address is None else "in-addr" if address.version == 4 else "ip6",
    }
    out, at = [], 0
    for found in _MACRO.finditer(value):
        out.append(value[at : found.start()])
        at = found.end()
        if found[5]:
            out.append({"%": "%", "_": " ", "-": "%20"}[found[5]])
            continue
        text = values.get(found[1].lower())
        if text is None:
            return None
        out.append(_transformed(text, found[2], bool(found[3]), found[4]))
    name = "".join([*out, value[at:]]).removesuffix(".")
    # What is too long loses labels at its left (RFC 7208 7.3).
    return name if len(name) <= LONGEST_NAME else name[-LONGEST_NAME - 1 :].partition(".")[2]


def _transformed(text: str, digits: str, backwards: bool, delimiters: str) -> str:
    parts = re.split(f"[{re.escape(delimiters or '.')}]", text)
    if backwards:
        parts.reverse()
    return ".".join(parts[-int(digits) :] if digits else parts)


def _dotted(address: Address) -> str:
    if address.version == 4:
        return str(address)
    return ".".join(address.exploded.replace(":", ""))
