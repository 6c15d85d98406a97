"""What is known of large receivers of mail: how people mistype them, and whose mailbox is whose.

A short list, looked through on 2026-11-30. It is used to ask and to count, never to refuse.
"""

from dataclasses import dataclass
from functools import lru_cache

# The names that people mistype, each with what may follow. A name of fewer letters is one slip
# away from too many others.
ENDINGS = {
    "gmail": ("com",),
    "googlemail": ("com",),
    "yahoo": ("com", "co.uk", "fr", "de", "it", "es", "co.in", "com.br", "co.jp", "ca", "com.au"),
    "hotmail": ("com", "co.uk", "fr", "de", "it", "es", "nl", "be", "se", "com.br"),
    "outlook": ("com", "fr", "de", "es", "it", "be", "com.br", "jp"),
    "icloud": ("com",),
    "rocketmail": ("com",),
    "protonmail": ("com", "ch"),
    "fastmail": ("com", "fm"),
    "yandex": ("ru", "com", "by", "kz"),
    "comcast": ("net",),
    "verizon": ("net",),
    "btinternet": ("com",),
    "t-online": ("de",),
    "freenet": ("de",),
    "laposte": ("net",),
    "wanadoo": ("fr",),
    "libero": ("it",),
}
# One slip away from a name above, and real receivers themselves.
REAL = frozenset({"mail.com", "email.com", "ymail.com", "zmail.com", "tmail.com", "rmail.com"})
# No top-level domains, and next to `com` on the keyboard or in the hand.
NEVER_AN_ENDING = frozenset(
    "con vom xom cim cpm cmo ocm comm coom ccom cpom coim conm cvom xcom vcom c0m".split()
)
# Real ones, under which nobody has a mailbox at those that are only found under `com`.
HARDLY_AN_ENDING = frozenset({"co", "cm", "om", "cam"})


@dataclass(frozen=True)
class _Receiver:
    """One whose domains lead to the same mailboxes; `ignored` are marks that tell none apart."""

    domains: frozenset[str]
    ignored: str = ""


# The receivers' own help pages say so.
_RECEIVERS = (
    _Receiver(frozenset({"gmail.com", "googlemail.com"}), "."),
    _Receiver(frozenset({"icloud.com", "me.com", "mac.com"})),
    _Receiver(frozenset({"proton.me", "protonmail.com", "pm.me"}), ".-_"),
    _Receiver(frozenset({"yandex.ru", "yandex.com", "yandex.by", "yandex.kz", "ya.ru"})),
)
_RECEIVER_OF = {domain: receiver for receiver in _RECEIVERS for domain in receiver.domains}


def mailbox_of(key: str) -> str:
    """Fold an address's key: the same for all that surely lead to one mailbox.

    To count by, and for nothing else: whoever it belongs to, it is not how they are called. What
    follows a plus sign is a tag (RFC 5233) nearly everywhere.
    """
    local, _, domain = key.rpartition("@")
    local = local.partition("+")[0] or local
    receiver = _RECEIVER_OF.get(domain)
    if receiver is None:
        return f"{local}@{domain}"
    for mark in receiver.ignored:
        local = local.replace(mark, "") or local
    return f"{local}@{min(receiver.domains)}"


# Most readers share a few domains.
@lru_cache(maxsize=10_000)
def meant_domain(domain: str) -> str | None:
    """Return the domain that was probably meant by one that can be written to; None if this one."""
    domain = domain.lower()
    name, _, ending = domain.partition(".")
    if domain in REAL or ending in ENDINGS.get(name, ()):
        return None
    mended = _with_right_ending(domain)
    name, _, ending = mended.partition(".")
    known = (each for each, endings in ENDINGS.items() if ending in endings)
    meant = next((each for each in known if _is_one_slip(name, each)), None)
    if meant is not None and mended not in REAL:
        mended = f"{meant}.{ending}"
    return None if mended == domain else mended


def whole_domain(name: str) -> str | None:
    """Return the domain of a large receiver where it lost a dot or its end: gmailcom, or gmail."""
    for each, endings in ENDINGS.items():
        if name == each:
            return f"{each}.{endings[0]}"
        for ending in endings:
            if name == f"{each}{ending}".replace(".", ""):
                return f"{each}.{ending}"
    return None


def _with_right_ending(domain: str) -> str:
    before, _, last = domain.rpartition(".")
    only_com = "com" in ENDINGS.get(before, ())
    if last in NEVER_AN_ENDING or (only_com and last in HARDLY_AN_ENDING):
        return f"{before}.com"
    return domain


def _is_one_slip(typed: str, meant: str) -> bool:
    """Whether one letter is wrong, missing or too many, or two have changed places."""
    if typed == meant or abs(len(typed) - len(meant)) > 1:
        return False
    shared = next(
        (at for at, (one, other) in enumerate(zip(typed, meant, strict=False)) if one != other),
        min(len(typed), len(meant)),
    )
    one, other = typed[shared:], meant[shared:]
    if len(one) != len(other):
        return one[1:] == other or one == other[1:]
    return one[1:] == other[1:] or (one[1::-1] == other[:2] and one[2:] == other[2:])
