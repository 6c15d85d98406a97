"""What the environment may say, and what is answered when it says something else."""

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import SettingError
from digest.settings.loading import (
    UNSET_DATABASE,
    VARIABLES,
    Settings,
    load_settings,
    new_secret,
    parse_keys,
    parse_relay,
    setting_complaints,
)

SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
SHORT = base64.b64encode(b"0123456789abcdef").decode()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
        monkeypatch.delenv(f"{variable.name}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> "Load":
    return Load(monkeypatch)


class Load:
    """Loads the settings with these variables set besides those of the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, **variables: str) -> Settings:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)
        return load_settings()

    def refusal(self, **variables: str) -> str:
        with pytest.raises(SettingError) as caught:
            self(**variables)
        return str(caught.value)


GROWN_UP = {
    "DATABASE_URL": "postgresql://digest:hunter2@db.example.org/digest",
    "REDIS_URL": "redis://redis.example.org:6379/0",
    "SMTP_URL": "smtp+starttls://digest:hunter2@mail.example.org",
    "DIGEST_PUBLIC_URL": "https://digest.example.org",
    "DIGEST_KEYS": f"k2:{SECRET},k1:{SECRET}",
    "DIGEST_SUPPRESSION_KEY": SECRET,
}


def test_with_nothing_set_one_process_plays_every_part(load: Load, tmp_path: Path) -> None:
    loaded = load()
    assert loaded.embedded
    assert loaded.data_dir == tmp_path / "digest-data"
    assert loaded.database_url == f"sqlite:///{tmp_path}/digest-data/digest.sqlite3"
    assert (loaded.relay.host, loaded.relay.port) == ("localhost", 25)
    assert loaded.public_url == "http://127.0.0.1:8000"


def test_grown_up_settings_are_read(load: Load) -> None:
    loaded = load(**GROWN_UP)
    assert not loaded.embedded
    assert loaded.database_url == "postgresql+psycopg://digest:hunter2@db.example.org/digest"
    assert loaded.relay.security == "starttls"
    assert [key.id for key in loaded.keys] == ["k2", "k1"]
    assert loaded.suppression_key == base64.b64decode(SECRET)
    assert loaded.hello_name == "digest.example.org"
    assert loaded.inbound_domain is None
    assert loaded.trusted_proxies == ()


def test_rates_are_read(load: Load) -> None:
    loaded = load(
        DIGEST_RELAY_RATE="12.5", DIGEST_DOMAIN_RATES=" Gmail.com = 20, a.example=0, *=0.5"
    )
    assert loaded.relay_rate == 12.5
    assert loaded.domain_rates == (("gmail.com", 20.0), ("a.example", 0.0), ("*", 0.5))


def test_without_rates_nothing_is_held_back(load: Load) -> None:
    loaded = load(DIGEST_RELAY_RATE="0")
    assert (loaded.relay_rate, loaded.domain_rates) == (0, ())


def test_an_empty_variable_counts_as_unset(load: Load) -> None:
    assert load(**{variable.name: "" for variable in VARIABLES}) == load()
    assert load(**{variable.name: "  \n" for variable in VARIABLES}) == load()


def test_white_space_around_a_value_does_not_matter(load: Load) -> None:
    loaded = load(DIGEST_LEASE_SECONDS=" 90\n", DIGEST_LOG_FORMAT="json ")
    assert (loaded.lease_seconds, loaded.log_format) == (90, "json")


@pytest.mark.parametrize("name", ["DIGEST_KEYS", "DIGEST_SUPPRESSION_KEY"])
def test_grown_up_it_makes_no_keys_by_itself(load: Load, name: str, tmp_path: Path) -> None:
    message = load.refusal(**{**GROWN_UP, name: ""})
    assert message.startswith(f"{name} ")
    assert "not set" in message
    assert list(tmp_path.iterdir()) == []


# From files


def test_every_variable_can_come_from_a_file(load: Load, tmp_path: Path) -> None:
    named = {}
    for name, value in GROWN_UP.items():
        path = tmp_path / name
        path.write_text(f"{value}\n")
        named[f"{name}_FILE"] = str(path)
    assert load(**named) == load(**GROWN_UP)


@pytest.mark.parametrize("variable", [variable.name for variable in VARIABLES])
def test_a_file_that_cannot_be_read_is_named(load: Load, variable: str, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty").write_text("\n")
    for path in ("missing", "", "binary", "binary/below", "empty"):
        message = load.refusal(**{f"{variable}_FILE": str(tmp_path / path)})
        assert message.startswith(f"{variable}: ")
        assert f"{variable}_FILE" in message


# The embedded product's own keys


def test_keys_made_here_are_private_and_stay(load: Load, tmp_path: Path) -> None:
    first = load()
    path = tmp_path / "digest-data" / "keys"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["keys"]
    second = load_settings()
    assert (second.keys, second.suppression_key) == (first.keys, first.suppression_key)
    assert len(first.keys[0].secret) == len(first.suppression_key) == 32


def test_first_runs_at_once_agree_on_their_keys(load: Load, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: load_settings(), range(8)))
    assert len({settings.suppression_key for settings in loaded}) == 1
    assert [entry.name for entry in (tmp_path / "digest-data").iterdir()] == ["keys"]


def test_keys_that_are_given_are_not_made(load: Load, tmp_path: Path) -> None:
    load(DIGEST_KEYS=f"k1:{SECRET}", DIGEST_SUPPRESSION_KEY=SECRET)
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_given_wins_over_the_made_one(load: Load) -> None:
    made = load()
    loaded = load(DIGEST_KEYS=f"mine:{SECRET}")
    assert loaded.keys[0].id == "mine"
    assert loaded.suppression_key == made.suppression_key


def test_a_data_folder_that_cannot_be_made_is_named(load: Load, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert load.refusal(DIGEST_DATA_DIR="file/below").startswith("DIGEST_DATA_DIR: ")
    assert load.refusal(DIGEST_DATA_DIR="~nobody-of-this-name/x").startswith("DIGEST_DATA_DIR: ")


def test_a_damaged_file_of_keys_is_named(load: Load, tmp_path: Path) -> None:
    folder = tmp_path / "digest-data"
    folder.mkdir()
    for content in (b"", b"\xff\xfe", b"DIGEST_KEYS=k1:short\n", b"DIGEST_SUPPRESSION_KEY=x\n"):
        (folder / "keys").write_bytes(content)
        message = load.refusal()
        assert message.startswith(("DIGEST_DATA_DIR", "DIGEST_KEYS", "DIGEST_SUPPRESSION_KEY"))
        assert (folder / "keys").read_bytes() == content


@pytest.mark.parametrize("name", ["a b", "what?", "50%41", "ü", "a#b", "a'b"])
def test_the_database_is_in_the_data_folder_whatever_that_is_called(load: Load, name: str) -> None:
    from digest.database.transactions import Database

    loaded = load(DIGEST_DATA_DIR=name)
    database = Database(loaded.database_url)
    with database.transaction():
        pass
    database.dispose()
    assert (loaded.data_dir / "digest.sqlite3").exists()
    assert loaded.data_dir.name == name


# Malformed values

MALFORMED = {
    "DATABASE_URL": [
        "mysql://localhost/digest",
        "digest.sqlite3",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///relative.sqlite3",
        "postgresql://",
        "postgresql://host",
        "postgresql://host/",
        "postgresql://host:port/digest",
        "postgresql://host:99999/digest",
        "postgresql+psycopg2://host/digest",
        "postgresql+asyncpg://host/digest",
    ],
    "REDIS_URL": [
        "localhost:6379",
        "http://localhost",
        "redis://",
        "redis://host:99999/0",
        "redis://host:0/0",
        "redis://[::1/0",
        "redis://ho st/0",
        "redis://host/zero",
        "unix:///run/redis.sock",
        "memory:///",
    ],
    "DIGEST_REDIS_PREFIX": ["two words", "a:b", "-paper", "p" * 41, "päper", "*"],
    "SMTP_URL": [
        "mail.example.org",
        "mailto:a@example.org",
        "smtp://",
        "smtp://:25",
        "smtp://host:99999",
        "smtp://host:0",
        "smtp://host:-1",
        "smtp://host:smtp",
        "smtp://[::1",
        "smtp://::1:25",
        "smtp://ho st",
        "smtp://ho\nst",
        "smtp://host/path",
        "smtp://host?timeout=3",
        "smtp://host#x",
        "smtp://-host",
        "smtp://user@host",
        "smtp://:hunter2@host",
        "smtp://user:@host",
        "smtps://user:hunter#2@host",
        "smtps://user:hunter/2@host",
        "smtps://user:hunter%0d%0a@host",
        "smtps://user:hunter%ff@host",
        "smtps://user:h%C3%BCnter@host",
    ],
    "DIGEST_PUBLIC_URL": [
        "digest.example.org",
        "ftp://digest.example.org",
        "http://digest.example.org",
        "https://",
        "https://paper.example/a//b",
        "https://paper.example//a",
        "https://paper.example/a//",
        "https://paper.example/a/../b",
        "https://paper.example/..",
        "https://paper.example/./a",
        "https://paper.example/.a",
        "https://paper.example/a%20b",
        "https://paper.example/%61",
        "https://paper.example/nouvelles-du-caf\u00e9",
        "https://paper.example/a;b=c",
        "https://paper.example/a?b=c",
        "https://paper.example/a#b",
        f"https://paper.example/{'a' * 100}",
        "https://digest.example.org?a=b",
        "https://digest.example.org#a",
        "https://user@digest.example.org",
        "https://:hunter2@digest.example.org",
        "https://digest.example.org:99999",
        "https://digest.example.org:port",
        "https://[::1",
        "https://dig est.example.org",
        "https://digest.example.org\r\nX-Header:1",
        'https://digest.example.org"><script>',
        "https://bücher.example.org",
        "http://127.0.0.1.example.org",
    ],
    "DIGEST_KEYS": [
        ",",
        SECRET,
        f"k1={SECRET}",
        f"K1:{SECRET}",
        f"k-1:{SECRET}",
        f"toolong99:{SECRET}",
        f":{SECRET}",
        "k1:",
        f"k1:{SHORT}",
        "k1:not base64 at all, at all, at all, at all, at all",
        "k1:üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü",
        f"k1:{SECRET[:-1]}",
        f"k1:{SECRET},k1:{SECRET}",
    ],
    "DIGEST_SUPPRESSION_KEY": ["k1:" + SECRET, SHORT, "ü" * 44, SECRET[:-1], SECRET[:-2] + "!="],
    "DIGEST_TRUSTED_PROXIES": [
        "proxy.example.org",
        "10.0.0.0/33",
        "10.0.0.0/8 10.1.0.0/16",
        "10.0.0",
        "::1/129",
        "*",
        "10.0.0.0/-1",
        "10.0.0.256",
    ],
    "DIGEST_EMBED_ORIGINS": [
        "*",
        "null",
        "paper.example",
        "http://paper.example",
        "https://*.paper.example",
        "https://paper.example/news",
        "https://user@paper.example",
        "https://bücher.example",
        "https://paper.example https://blog.example",
        "https://paper.example, blog.example",
        "https://paper.example; script-src *",
    ],
    "DIGEST_INBOUND_DOMAIN": [
        "a..b",
        ".example.org",
        "-a.example.org",
        "a-.example.org",
        "user@example.org",
        "https://example.org",
        "exa mple.org",
        "bücher.example",
        "a" * 64 + ".example.org",
        ".".join(["a" * 60] * 5),
    ],
    "DIGEST_HELLO_NAME": ["a b", "a\r\nMAIL FROM:<>", "[127.0.0.1", "a..b"],
    "DIGEST_FETCH_PRIVATE": ["maybe", "2", "ja"],
    "DIGEST_RESOLVER": ["dns.example", "192.0.2.1:0", "192.0.2.300", "[::1", "192.0.2.1:99999"],
    "DIGEST_RELAY_SIGNS": ["maybe", "2", "ja"],
    "DIGEST_LEASE_SECONDS": [
        "0",
        "-1",
        "3601",
        "1.5",
        "two",
        "nan",
        "inf",
        "1e3",
        "1_0",
        "٣",
        "0x10",
    ],
    "DIGEST_TICK_SECONDS": ["0", "0.1", "3601", "nan", "often"],
    "DIGEST_SLICE_SECONDS": ["0", "-1", "301", "nan", "inf", "-inf", "1e400", "1,5", "10s"],
    "DIGEST_WINDOW_SIZE": ["0", "51", "2.5", "nan"],
    "DIGEST_NOTICE_CONNECTIONS": ["0", "17", "1.5", "many"],
    "DIGEST_RELAY_CONNECTIONS": ["0", "17", "1.5", "many"],
    "DIGEST_SMTP_TIMEOUT": ["0", "601", "nan", "infinity"],
    "DIGEST_REPLY_TIMEOUT": ["0", "3601", "nan"],
    "DIGEST_RELAY_RATE": ["-1", "0.001", "100001", "1e3", "nan", "fast", "10/s", "1,5"],
    "DIGEST_DOMAIN_RATES": [
        "gmail.com",
        "gmail.com=",
        "gmail.com=fast",
        "gmail.com=-1",
        "gmail.com=0.001",
        "=5",
        "*.example.org=5",
        "someone@example.org=5",
        "bücher.example=5",
        "example.org=5 example.com=6",
        "example.org=5, Example.org.=6",
        "*=5,*=6",
    ],
    "DIGEST_LATE_HOURS": ["0", "169", "1.5"],
    "DIGEST_KEEP_MONTHS": ["-1", "1201", "0.5"],
    "DIGEST_KEEP_UNCONFIRMED_DAYS": ["-1", "3651", "x"],
    "DIGEST_KEEP_LEFT_MONTHS": ["-1", "1201", "0.5"],
    "DIGEST_SOURCE_MINUTES": ["0", "1441", "0.5"],
    "DIGEST_FORM_SECONDS": ["-1", "61", "two"],
    "DIGEST_SURGE": ["-1", "1.5", "many"],
    "DIGEST_SIGN_UPS_A_MINUTE": ["-1", "1.5", "many"],
    "DIGEST_DISPOSABLE": ["no", "Refuse!"],
    "DIGEST_OWN_DOMAINS": ["corp..internal", "-corp", "bücher.example", "a b", "*"],
    "DIGEST_LOG_FORMAT": ["xml", "JSON lines"],
}


def test_every_variable_that_can_be_malformed_is_tried() -> None:
    assert {*MALFORMED, "DIGEST_DATA_DIR"} == {variable.name for variable in VARIABLES}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in MALFORMED.items() for value in values]
)
def test_a_malformed_value_is_refused_by_name(load: Load, name: str, value: str) -> None:
    message = load.refusal(**{name: value})
    assert message.startswith(f"{name}: ")
    assert "should" in message or "has the same id twice" in message
    assert "hunter" not in message
    assert SECRET[:-2] not in message


@settings(max_examples=20, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60))
def test_no_value_ends_in_another_error(text: str) -> None:
    names = [name for name in MALFORMED if name not in {"DIGEST_KEYS", "DIGEST_SUPPRESSION_KEY"}]
    keys = {"DIGEST_KEYS": f"k1:{SECRET}", "DIGEST_SUPPRESSION_KEY": SECRET}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in keys.items():
            patch.setenv(name, value)
        for name in names:
            patch.setenv(name, text)
            assert refusal() is None or str(refusal()).startswith(f"{name}: ")
            patch.delenv(name)


def refusal() -> SettingError | None:
    try:
        load_settings()
    except SettingError as error:
        return error
    return None


# SMTP_URL


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.org", ("mail.example.org", 25, "none", None, None)),
        ("smtp://mail.example.org/", ("mail.example.org", 25, "none", None, None)),
        ("smtp://MAIL.example.org:2525", ("mail.example.org", 2525, "none", None, None)),
        ("smtp://mail_1:1025", ("mail_1", 1025, "none", None, None)),
        ("smtp://127.0.0.1:1025", ("127.0.0.1", 1025, "none", None, None)),
        ("smtp://[::1]:1025", ("::1", 1025, "none", None, None)),
        ("smtp+starttls://u:p@h", ("h", 587, "starttls", "u", "p")),
        ("smtps://u%40example.org:p%2F%40%3A%23@h", ("h", 465, "tls", "u@example.org", "p/@:#")),
        ("smtps://u:p@[2001:db8::1]:4650", ("2001:db8::1", 4650, "tls", "u", "p")),
    ],
)
def test_ways_to_name_the_relay(url: str, expected: tuple[object, ...]) -> None:
    relay = parse_relay(url)
    found = (relay.host, relay.port, relay.security, relay.username, relay.password)
    assert found == expected


# DIGEST_PUBLIC_URL and DIGEST_HELLO_NAME


@pytest.mark.parametrize(
    ("url", "expected", "hello"),
    [
        ("https://digest.example.org", "https://digest.example.org", "digest.example.org"),
        ("https://Digest.Example.org/", "https://digest.example.org", "digest.example.org"),
        (
            "https://digest.example.org:8443",
            "https://digest.example.org:8443",
            "digest.example.org",
        ),
        ("https://digest.example.org:", "https://digest.example.org", "digest.example.org"),
        ("http://localhost:8000", "http://localhost:8000", "localhost"),
        # Under a path of another site.
        ("https://paper.example/news", "https://paper.example/news", "paper.example"),
        ("https://Paper.example/News/", "https://paper.example/News", "paper.example"),
        ("https://a.example/~x/v1.2_b/c-d", "https://a.example/~x/v1.2_b/c-d", "a.example"),
        (f"https://a.example/{'a' * 99}", f"https://a.example/{'a' * 99}", "a.example"),
        # RFC 5321, 4.1.3: an address is said in brackets.
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "[127.0.0.1]"),
        ("http://[::1]:8000", "http://[::1]:8000", "[IPv6:::1]"),
    ],
)
def test_public_url(load: Load, url: str, expected: str, hello: str) -> None:
    loaded = load(DIGEST_PUBLIC_URL=url)
    assert loaded.public_url == expected
    assert loaded.hello_name == hello


def test_hello_name_and_inbound_domain_are_said_as_given(load: Load) -> None:
    loaded = load(DIGEST_HELLO_NAME="Out.Example.org.", DIGEST_INBOUND_DOMAIN="in.example.org")
    assert (loaded.hello_name, loaded.inbound_domain) == ("out.example.org", "in.example.org")


# The others


def test_trusted_proxies(load: Load) -> None:
    loaded = load(DIGEST_TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.7, ::1,2001:db8::/32,")
    networks = [str(network) for network in loaded.trusted_proxies]
    assert networks == ["10.0.0.0/8", "192.0.2.7/32", "::1/128", "2001:db8::/32"]


def test_websites_that_hold_our_boxes_are_called_as_browsers_call_them(load: Load) -> None:
    loaded = load(
        DIGEST_EMBED_ORIGINS="https://Paper.example/, https://paper.example:443,"
        "https://blog.example:8443, http://localhost:3000, http://[::1]:80,"
    )
    assert loaded.embed_origins == (
        "https://paper.example",
        "https://blog.example:8443",
        "http://localhost:3000",
        "http://[::1]",
    )


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("YES", True), ("1", True), ("off", False), ("0", False)]
)
def test_fetch_private(load: Load, text: str, expected: bool) -> None:
    assert load(DIGEST_FETCH_PRIVATE=text).fetch_private is expected


def test_postgres_as_hosting_services_write_it(load: Load) -> None:
    url = "postgres://u:p%40ss@h:5433/d?sslmode=require"
    expected = "postgresql+psycopg://u:p%40ss@h:5433/d?sslmode=require"
    assert load(DATABASE_URL=url).database_url == expected


def test_postgres_on_a_socket(load: Load) -> None:
    url = "postgresql://digest@/digest?host=/run/postgresql"
    assert load(DATABASE_URL=url).database_url == url.replace("://", "+psycopg://", 1)


@pytest.mark.parametrize(
    "url", ["redis://h", "redis://h:6379/1", "rediss://:pw@h:6380/0", "redis://[::1]:6379/0"]
)
def test_ways_to_name_the_broker(load: Load, url: str) -> None:
    loaded = load(**{**GROWN_UP, "REDIS_URL": url})
    assert loaded.redis_url == url
    assert not loaded.embedded


def test_secrets_are_not_in_what_is_printed(load: Load) -> None:
    shown = repr(load(**{**GROWN_UP, "REDIS_URL": "redis://:hunter2@redis.example.org/0"}))
    assert "hunter2" not in shown
    assert "0123456789abcdef" not in shown


def test_a_new_secret_is_one_that_is_accepted() -> None:
    assert parse_keys(f"k1:{new_secret()}")[0].id == "k1"
    assert new_secret() != new_secret()


def test_loading_leaves_the_environment_alone(load: Load) -> None:
    before = dict(os.environ)
    load()
    assert dict(os.environ) == before


def test_all_that_is_wrong_can_be_told_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = {
        "REDIS_URL": "redis://redis.example.org",
        "SMTP_URL": "mail.example.org",
        "DIGEST_PUBLIC_URL": "http://digest.example.org",
        "DIGEST_WINDOW_SIZE": "many",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    complaints = setting_complaints()
    assert {complaint.split(":")[0].split(" ")[0] for complaint in complaints} == {
        *("SMTP_URL", "DIGEST_PUBLIC_URL", "DIGEST_WINDOW_SIZE"),
        *("DIGEST_KEYS", "DIGEST_SUPPRESSION_KEY"),
    }
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_KEYS_FILE", "/nonexistent/keys")
    monkeypatch.setenv("DIGEST_LOG_FORMAT", "xml")
    assert [complaint.split(":")[0] for complaint in setting_complaints()] == ["DIGEST_KEYS"]


def test_where_nothing_is_wrong_there_is_no_complaint(load: Load) -> None:
    load(**GROWN_UP)
    assert setting_complaints() == []


def test_the_table_in_the_documentation_is_that_of_the_code() -> None:
    documentation = Path(__file__).parents[2] / "docs" / "configuration.md"
    table = [line for line in documentation.read_text().splitlines() if line.startswith("| `")]
    assert table == [
        f"| `{variable.name}` | {as_documented(variable.default)} | {variable.meaning} |"
        for variable in VARIABLES
    ]


def as_documented(default: str | None) -> str:
    if default is None:
        return "required"
    return f"`{default}`" if default and default != UNSET_DATABASE else default or "none"
