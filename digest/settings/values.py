"""What the text of one setting may be; each raises ValueError, saying what it should be."""

import base64
import binascii
import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
KEY_BYTES_AT_LEAST = 32
# Messages a second. Below, a single message would wait for minutes; above, there is no limit.
SLOWEST, FASTEST = 0.01, 100_000.0

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(\.{LABEL})*")
# Hosts of one's own network may have names that no mail domain could have.
HOST = re.compile(r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?")
# What needs no second look: an absolute path, or a server's and a database's name in plain letters.
PLAIN_DATABASE = re.compile(
    r"sqlite:////[\w./-]+"
    r"|postgresql\+psycopg://([\w.-]+(:[\w.~-]*)?@)?[A-Za-z0-9][A-Za-z0-9.-]*(:[1-9][0-9]{0,3})?/[\w-]+",
    re.ASCII,
)
# Written alike in an address, a cookie's Path and a request: nothing that a proxy would decode,
# join or take away.
PUBLIC_PATH = re.compile(r"(?=.{0,100}\Z)(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


@dataclass(frozen=True)
class RelayAddress:
    """The SMTP server that mail is handed to, as `SMTP_URL` names it."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "none"
    username: str | None = None
    password: str | None = None

    @property
    def name(self) -> str:
        """What the relay is called wherever something is kept of it."""
        return f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"RelayAddress({self.host}:{self.port}, {self.security})"


@dataclass(frozen=True)
class Key:
    """One secret of the ring: `id` is public and stands in every token it signs."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.id})"


def parse_folder(text: str) -> Path:
    """Read `DIGEST_DATA_DIR`."""
    try:
        return Path(text).expanduser().absolute()
    except (OSError, RuntimeError):
        raise ValueError(f"should be a folder's path, and {text!r} leads nowhere") from None


def parse_database_url(text: str) -> str:
    """Read `DATABASE_URL`; PostgreSQL gets the driver that we have."""
    should_be = "should be postgresql://user:password@host/name or sqlite:////absolute/path"
    text = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", text)
    if PLAIN_DATABASE.fullmatch(text):
        return text
    # Late: a command that opens no database does without SQLAlchemy.
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError(should_be) from None
    if url.drivername == "sqlite" and not url.host and Path(url.database or "").is_absolute():
        return text
    if url.drivername == "postgresql+psycopg" and url.database and _is_port(url.port):
        return text
    raise ValueError(should_be)


def parse_redis_url(text: str) -> str:
    """Read `REDIS_URL`."""
    if text == "memory://":
        return text
    should_be = "should be redis://host:6379/0, rediss://… for TLS, or memory://"
    parts = _split(text, {"redis", "rediss"}, should_be)
    if not re.fullmatch(r"(/[0-9]{0,4})?", parts.path) or parts.fragment:
        raise ValueError(should_be)
    return text


def parse_redis_prefix(text: str) -> str:
    """Read `DIGEST_REDIS_PREFIX`."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", text):
        raise ValueError("should be at most 40 letters, digits, dots, hyphens and underscores")
    return text


def parse_relay(text: str) -> RelayAddress:
    """Read `SMTP_URL`."""
    kinds: dict[str, tuple[Literal["none", "starttls", "tls"], int]] = {
        "smtp": ("none", 25),
        "smtp+starttls": ("starttls", 587),
        "smtps": ("tls", 465),
    }
    should_be = (
        "should be smtp://host:25, smtp+starttls://user:password@host:587 or "
        "smtps://user:password@host:465, with %40 for @, %2F for / and the like in the password"
    )
    parts = _split(text, set(kinds), should_be)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError(should_be)
    username, password = _credential(parts.username), _credential(parts.password)
    if (username is None) != (password is None):
        raise ValueError("should have both a user and a password, or neither")
    security, port = kinds[parts.scheme]
    return RelayAddress(
        host=parts.hostname or "",
        port=parts.port or port,
        security=security,
        username=username,
        password=password,
    )


def _credential(quoted: str | None) -> str | None:
    if not quoted:
        return None
    text = unquote_to_bytes(quoted).decode("latin-1")
    # What smtplib can say in AUTH.
    if not (text.isascii() and text.isprintable()):
        raise ValueError("should have a user and a password of printable ASCII")
    return text


def parse_public_url(text: str) -> str:
    """Read `DIGEST_PUBLIC_URL`; its path, if there is one, comes without a slash at its end."""
    should_be = (
        "should be like https://digest.example.org or https://paper.example/newsletters, an "
        "international name as xn--…"
    )
    parts = _split(text, {"http", "https"}, should_be)
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("should have no user, no question mark and no #")
    path = parts.path.removesuffix("/")
    if not PUBLIC_PATH.fullmatch(path):
        raise ValueError(
            "should have no path, or one of at most 100 letters, digits, hyphens, underscores and "
            "dots, like https://paper.example/newsletters: no %, and no part that begins with a dot"
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_NAMES:
        raise ValueError("should begin with https://: links in mail carry readers' tokens")
    return f"{parts.scheme}://{parts.netloc.lower().rstrip(':')}{path}"


def parse_origins(text: str) -> tuple[str, ...]:
    """Read `DIGEST_EMBED_ORIGINS`."""
    found = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        try:
            url = parse_public_url(item)
            if urlsplit(url).path:
                raise ValueError(url)
            found.append(origin_of(url))
        except ValueError:
            raise ValueError(
                "should be websites like https://paper.example, separated by commas: https unless "
                f"it is loopback, in ASCII (xn--…), without a path; not {item!r}"
            ) from None
    return tuple(dict.fromkeys(found))


def origin_of(url: str) -> str:
    """Return what a browser sends as Origin for a page at `url`. Raises ValueError for no URL."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host.encode("idna").decode()
    usual = parts.port in {None, {"http": 80, "https": 443}.get(parts.scheme)}
    return f"{parts.scheme}://{host}" + ("" if usual else f":{parts.port}")


def _split(text: str, schemes: set[str], should_be: str) -> SplitResult:
    """Split a URL whose host and port are sound. Raises ValueError with `should_be`."""
    # urlsplit takes tabs and line breaks out by itself, so look for them first.
    if not text.isprintable() or " " in text:
        raise ValueError(should_be)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        if ":" in host:
            ipaddress.IPv6Address(host)
    except ValueError:
        # Not urlsplit's own words: they may hold a piece of a password.
        raise ValueError(should_be) from None
    if parts.scheme not in schemes or not (":" in host or HOST.fullmatch(host)):
        raise ValueError(should_be)
    if not _is_port(port):
        raise ValueError(should_be)
    return parts


def _is_port(port: int | None) -> bool:
    return port is None or 0 < port < 65536


def hello_name(public_url: str) -> str:
    """Return the name that EHLO says where no other is given: the pages' host."""
    host = urlsplit(public_url).hostname or "localhost"
    if ":" in host:
        return f"[IPv6:{host}]"
    # An address is said in brackets (RFC 5321 4.1.3).
    return f"[{host}]" if re.fullmatch(r"[0-9.]+", host) else host


def parse_keys(text: str) -> tuple[Key, ...]:
    """Read `DIGEST_KEYS`."""
    keys = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        key_id, colon, encoded = item.partition(":")
        if not colon or not re.fullmatch(r"[a-z0-9]{1,8}", key_id):
            raise ValueError("each key should be id:base64, with an id of 1 to 8 of a-z and 0-9")
        keys.append(Key(key_id, parse_secret(encoded)))
    if not keys:
        raise ValueError("holds no key; it should be id:base64")
    if len({key.id for key in keys}) != len(keys):
        raise ValueError("has the same id twice")
    return tuple(keys)


def parse_secret(text: str) -> bytes:
    """Read one key."""
    try:
        secret = base64.b64decode(text.encode(), validate=True)
    except binascii.Error:
        raise ValueError("should be base64") from None
    if len(secret) < KEY_BYTES_AT_LEAST:
        raise ValueError(f"should hold at least {KEY_BYTES_AT_LEAST} bytes of base64")
    return secret


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read `DIGEST_TRUSTED_PROXIES`."""
    try:
        return tuple(
            ipaddress.ip_network(part.strip(), strict=False)
            for part in text.split(",")
            if part.strip()
        )
    except ValueError:
        raise ValueError(
            "should be networks like 10.0.0.0/8 or 2001:db8::/32, separated by commas"
        ) from None


def parse_domain(text: str) -> str:
    """Read a domain; an empty one is no domain."""
    name = text.lower().removesuffix(".")
    if name and not DOMAIN.fullmatch(name):
        raise ValueError("should be a domain name in ASCII, like bounces.example.org")
    return name


@dataclass(frozen=True)
class Resolver:
    """A DNS server to ask, by its IP address."""

    host: str
    port: int


def parse_resolver(text: str) -> Resolver | None:
    """Read `DIGEST_RESOLVER`; an empty one leaves it to the system."""
    if not text:
        return None
    should_be = "should be a DNS server's IP address, like 192.0.2.53, 192.0.2.53:5353 or [::1]:53"
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::([0-9]{1,5}))?", text)
    try:
        host = str(ipaddress.ip_address(found[1] or found[2] if found else text))
    except ValueError:
        raise ValueError(should_be) from None
    port = int(found[3]) if found and found[3] else 53
    if not 0 < port < 65536:
        raise ValueError(should_be)
    return Resolver(host, port)


def parse_domains(text: str) -> frozenset[str]:
    """Read `DIGEST_OWN_DOMAINS`."""
    names = {part.strip().lower().strip(".") for part in text.split(",") if part.strip()}
    for name in names:
        if not DOMAIN.fullmatch(name):
            raise ValueError(
                "should be names in ASCII (xn--…), like corp.internal, mailhost, separated by "
                f"commas; not {name!r}"
            )
    return frozenset(names)


def is_loopback(url: str) -> bool:
    """Say whether a URL leads to this machine."""
    return urlsplit(url).hostname in LOOPBACK_NAMES


def parse_rate(text: str) -> float:
    """Read a number of messages a second; 0 is no limit."""
    rate = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else -1.0
    if rate != 0 and not SLOWEST <= rate <= FASTEST:
        raise ValueError(
            f"should be messages a second, from {SLOWEST:g} to {FASTEST:g}, or 0 for no limit, "
            f"not {text!r}"
        )
    return rate


def parse_domain_rates(text: str) -> tuple[tuple[str, float], ...]:
    """Read `DIGEST_DOMAIN_RATES`."""
    rates: dict[str, float] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, number = (part.strip() for part in item.partition("="))
        domain = name.lower().removesuffix(".")
        if not equals or not (domain == "*" or DOMAIN.fullmatch(domain)):
            raise ValueError(
                "should be like gmail.com=20, *=50, with domain names in ASCII (xn--…), not "
                f"{item!r}"
            )
        if domain in rates:
            raise ValueError(f"should have each domain once, and has {domain} twice")
        try:
            rates[domain] = parse_rate(number)
        except ValueError as error:
            raise ValueError(f"the rate of {domain} {error}") from None
    return tuple(rates.items())


def parse_boolean(text: str) -> bool:
    """Read a yes or no."""
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError(f"should be true or false, not {text!r}")


def parse_disposable(text: str) -> str:
    """Read `DIGEST_DISPOSABLE`."""
    if text not in {"allow", "report", "refuse"}:
        raise ValueError("should be allow, report or refuse")
    return text


def parse_log_format(text: str) -> str:
    """Read `DIGEST_LOG_FORMAT`."""
    if text not in {"text", "json"}:
        raise ValueError("should be text or json")
    return text


def new_secret() -> str:
    """Return 32 random bytes as base64: what DIGEST_KEYS and DIGEST_SUPPRESSION_KEY are made of."""
    return base64.b64encode(os.urandom(KEY_BYTES_AT_LEAST)).decode()
