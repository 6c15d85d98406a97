"""Settings come from the environment, are checked once at start, and never change after.

Every variable may be given as `NAME_FILE` instead, naming a file that holds the value (for
secrets). A missing or malformed one raises `SettingError` with the variable's name and what it
should be. docs/configuration.md lists them; a test holds that table against `VARIABLES`.
"""

import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from digest.errors import SettingError
from digest.ownership import hand_over, why_unreadable
from digest.reserved_names import ReservedNames
from digest.settings.environment_file import add_environment_file
from digest.settings.values import (
    LOOPBACK_NAMES,
    Key,
    Network,
    RelayAddress,
    Resolver,
    hello_name,
    is_loopback,
    new_secret,
    parse_boolean,
    parse_database_url,
    parse_disposable,
    parse_domain,
    parse_domain_rates,
    parse_domains,
    parse_folder,
    parse_keys,
    parse_log_format,
    parse_networks,
    parse_origins,
    parse_public_url,
    parse_rate,
    parse_redis_prefix,
    parse_redis_url,
    parse_relay,
    parse_resolver,
    parse_secret,
)
from digest.settings.variables import UNSET_DATABASE, VARIABLES, Variable

# As many, or as much, as is right just now.
AUTO = "auto"

__all__ = [
    "LOOPBACK_NAMES",
    "UNSET_DATABASE",
    "VARIABLES",
    "Key",
    "Network",
    "RelayAddress",
    "Resolver",
    "Settings",
    "Variable",
    "load_settings",
    "new_secret",
    "parse_keys",
    "parse_relay",
    "setting_complaints",
]

MADE_WHEN_EMBEDDED = ("DIGEST_KEYS", "DIGEST_SUPPRESSION_KEY")


@dataclass(frozen=True)
class Settings:
    """All that a process needs to know of its surroundings; see VARIABLES for the meanings."""

    data_dir: Path
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    redis_prefix: str
    relay: RelayAddress
    public_url: str
    keys: tuple[Key, ...]
    suppression_key: bytes = field(repr=False)
    trusted_proxies: tuple[Network, ...]
    embed_origins: tuple[str, ...]
    inbound_domain: str | None
    hello_name: str
    fetch_private: bool
    lease_seconds: int
    slice_seconds: float
    window_size: int
    connections: int
    notice_connections: int
    smtp_timeout: float
    reply_timeout: float
    relay_rate: float
    domain_rates: tuple[tuple[str, float], ...]
    late_hours: int
    keep_months: int
    keep_unconfirmed_days: int
    keep_left_months: int
    source_minutes: int
    tick_seconds: float
    relay_signs: bool
    resolver: Resolver | None
    form_seconds: float
    surge: int
    sign_ups_a_minute: int | None
    disposable: Literal["allow", "report", "refuse"]
    own_domains: frozenset[str]
    log_format: Literal["text", "json"]

    @property
    def public_path(self) -> str:
        """The path of `public_url`, as in /newsletters; empty where the host is all ours."""
        return urlsplit(self.public_url).path

    @property
    def embedded(self) -> bool:
        """Whether one process plays every part, with no broker to install."""
        return self.redis_url == "memory://"

    @property
    def reserved_names(self) -> ReservedNames:
        """Which names that no mail of the internet reaches are taken in addresses."""
        return ReservedNames(for_tries=is_loopback(self.public_url), own=self.own_domains)

    @property
    def final_dot_wait(self) -> float:
        """Seconds after a lease before a message in doubt may be sent again (RFC 5321 4.5.3.2)."""
        return self.reply_timeout


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingError: a variable is missing or malformed; the message begins with its name.
    """
    add_environment_file()
    return _read(_Reader())


def setting_complaints() -> list[str]:
    """Return all that `load_settings` would refuse, and not only the first of it."""
    env = _PatientReader()
    try:
        add_environment_file()
        _read(env)
    except SettingError as error:
        env.complaints.append(str(error))
    return list(dict.fromkeys(env.complaints))


def _read(env: "_Reader") -> Settings:
    data_dir = env.parsed("DIGEST_DATA_DIR", parse_folder)
    redis_url = env.parsed("REDIS_URL", parse_redis_url)
    public_url = env.parsed("DIGEST_PUBLIC_URL", parse_public_url)
    if redis_url == "memory://" and not all(map(env.given, MADE_WHEN_EMBEDDED)):
        env.made.update(_keys_made_here(data_dir))
    return Settings(
        data_dir=data_dir,
        database_url=env.parsed("DATABASE_URL", lambda text: _database_url(text, data_dir)),
        redis_url=redis_url,
        redis_prefix=env.parsed("DIGEST_REDIS_PREFIX", parse_redis_prefix),
        relay=env.parsed("SMTP_URL", parse_relay),
        public_url=public_url,
        keys=env.parsed("DIGEST_KEYS", parse_keys),
        suppression_key=env.parsed("DIGEST_SUPPRESSION_KEY", parse_secret),
        trusted_proxies=env.parsed("DIGEST_TRUSTED_PROXIES", parse_networks),
        embed_origins=env.parsed("DIGEST_EMBED_ORIGINS", parse_origins),
        inbound_domain=env.parsed("DIGEST_INBOUND_DOMAIN", parse_domain) or None,
        hello_name=env.parsed("DIGEST_HELLO_NAME", parse_domain) or hello_name(public_url),
        fetch_private=env.parsed("DIGEST_FETCH_PRIVATE", parse_boolean),
        lease_seconds=env.whole("DIGEST_LEASE_SECONDS", 1, 3600),
        slice_seconds=env.number("DIGEST_SLICE_SECONDS", 0.1, 300),
        window_size=env.whole("DIGEST_WINDOW_SIZE", 1, 50),
        connections=env.whole("DIGEST_RELAY_CONNECTIONS", 1, 16),
        notice_connections=env.whole("DIGEST_NOTICE_CONNECTIONS", 1, 16),
        smtp_timeout=env.number("DIGEST_SMTP_TIMEOUT", 0.1, 600),
        reply_timeout=env.number("DIGEST_REPLY_TIMEOUT", 0.1, 3600),
        relay_rate=env.parsed("DIGEST_RELAY_RATE", parse_rate),
        domain_rates=env.parsed("DIGEST_DOMAIN_RATES", parse_domain_rates),
        late_hours=env.whole("DIGEST_LATE_HOURS", 1, 24 * 7),
        keep_months=env.whole("DIGEST_KEEP_MONTHS", 0, 1200),
        keep_unconfirmed_days=env.whole("DIGEST_KEEP_UNCONFIRMED_DAYS", 0, 3650),
        keep_left_months=env.whole("DIGEST_KEEP_LEFT_MONTHS", 0, 1200),
        source_minutes=env.whole("DIGEST_SOURCE_MINUTES", 1, 24 * 60),
        tick_seconds=env.number("DIGEST_TICK_SECONDS", 0.2, 3600),
        relay_signs=env.parsed("DIGEST_RELAY_SIGNS", parse_boolean),
        resolver=env.parsed("DIGEST_RESOLVER", parse_resolver),
        form_seconds=env.number("DIGEST_FORM_SECONDS", 0, 60),
        surge=env.whole("DIGEST_SURGE", 0, 1_000_000),
        sign_ups_a_minute=env.whole_or_auto("DIGEST_SIGN_UPS_A_MINUTE", 0, 1_000_000),
        disposable=env.parsed("DIGEST_DISPOSABLE", parse_disposable),
        own_domains=env.parsed("DIGEST_OWN_DOMAINS", parse_domains),
        log_format=env.parsed("DIGEST_LOG_FORMAT", parse_log_format),
    )


class _Reader:
    """The environment with our defaults, every complaint beginning with the variable's name."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}
        self.defaults = {v.name: v.default for v in VARIABLES}

    def given(self, name: str) -> str:
        """Return what the environment says; an empty variable counts as unset."""
        file = os.environ.get(f"{name}_FILE")
        if not file:
            return os.environ.get(name, "").strip()
        try:
            text = Path(file).read_text().strip()
        except (OSError, ValueError) as error:
            raise SettingError(f"{name}: {_unread(f'{name}_FILE', error)}") from None
        # Not unset: a secret that was meant to be there is not quietly made anew.
        if not text:
            raise SettingError(f"{name}: the file that {name}_FILE names should not be empty")
        return text

    def text(self, name: str) -> str:
        value = self.given(name) or self.made.get(name) or self.defaults[name]
        if value is None:
            raise SettingError(f"{name} is not set. `digest doctor` says how to make one.")
        return value

    def parsed(self, name: str, parse: Callable[[str], Any]) -> Any:
        text = self.text(name)
        try:
            return parse(text)
        except ValueError as error:
            raise SettingError(f"{name}: {error}") from None

    def number(self, name: str, low: float, high: float) -> float:
        def parse(text: str) -> float:
            value = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else -1
            if not low <= value <= high:
                raise ValueError(f"should be a number from {low:g} to {high:g}, not {text!r}")
            return value

        return float(self.parsed(name, parse))

    def whole(self, name: str, low: int, high: int) -> int:
        return int(self.parsed(name, lambda text: _whole(text, low, high)))

    def whole_or_auto(self, name: str, low: int, high: int) -> int | None:
        """Return None for `auto`."""
        found = self.parsed(
            name, lambda text: None if text == AUTO else _whole(text, low, high, f", or {AUTO}")
        )
        return None if found is None else int(found)


def _whole(text: str, low: int, high: int, otherwise: str = "") -> int:
    value = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
    if not low <= value <= high:
        raise ValueError(f"should be a whole number from {low} to {high}{otherwise}, not {text!r}")
    return value


class _PatientReader(_Reader):
    """Takes a complaint down, and reads on with what the variable is by default."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints: list[str] = []
        self.stand_ins = self.defaults | {
            "DIGEST_KEYS": f"k1:{new_secret()}",
            "DIGEST_SUPPRESSION_KEY": new_secret(),
        }

    def parsed(self, name: str, parse: Callable[[str], Any]) -> Any:
        try:
            return super().parsed(name, parse)
        except SettingError as error:
            self.complaints.append(str(error))
            return parse(self.stand_ins[name] or "")


def _unread(variable: str, error: OSError | ValueError) -> str:
    path = Path(os.environ.get(variable, ""))
    why = "it is no file of text"
    if isinstance(error, OSError | UnicodeDecodeError):
        why = why_unreadable(path, error)
    return f"{variable} should name a file that Digest may read, and {path} is none: {why}"


def _database_url(text: str, data_dir: Path) -> str:
    if text != UNSET_DATABASE:
        return parse_database_url(text)
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(data_dir / "digest.sqlite3")).render_as_string()


def _keys_made_here(data_dir: Path) -> dict[str, str]:
    """Read the embedded product's own keys, making them (mode 0600) on the first run."""
    path = data_dir / "keys"
    try:
        if not path.exists():
            data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_keys(path)
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(
            f"DIGEST_DATA_DIR: keys cannot be kept in {path}: {why_unreadable(path, error)}"
        ) from None
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _write_keys(path: Path) -> None:
    lines = f"DIGEST_KEYS=k1:{new_secret()}\nDIGEST_SUPPRESSION_KEY={new_secret()}\n"
    # A draft (which is 0600) and a link: first runs at once agree on one file, and a power cut
    # leaves it whole or not at all.
    descriptor, draft = tempfile.mkstemp(prefix="keys.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(lines)
            file.flush()
            os.fsync(descriptor)
            hand_over(descriptor, path.parent)
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
