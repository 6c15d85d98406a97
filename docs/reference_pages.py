"""The parts of the reference that are made from the code, so that they are always complete."""

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from digest.cli import digest
from digest.clock import SystemClock
from digest.database.transactions import Database
from digest.runtime import Runtime
from digest.settings.loading import Key, RelayAddress, Settings
from digest.suppression import SuppressionKey
from digest.tokens import KeyRing
from digest.web import create_app

NOT_FOR_READERS = ("assets.", "static")


def commands() -> Iterator[tuple[str, click.Command]]:
    """Return every command that does something, by its full name."""
    context = click.Context(digest)
    for name in digest.list_commands(context):
        command = digest.get_command(context, name)
        assert command is not None
        yield from _within(name, command)


def _within(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, command
        return
    for sub in command.list_commands(click.Context(command)):
        found = command.get_command(click.Context(command), sub)
        assert found is not None
        yield from _within(f"{name} {sub}", found)


def commands_page() -> str:
    """Write every command with its arguments and options."""
    return "\n".join(_command(name, command) for name, command in commands())


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"digest {name}")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"## digest {name}", "", f"`digest {name} {usage}`", ""]
    lines += [_prose(command.help or ""), ""]
    options = [
        record
        for param in command.get_params(context)
        if isinstance(param, click.Option)
        and param.name != "help"
        and (record := param.get_help_record(context))
    ]
    if options:
        lines += ["| option | meaning |", "| --- | --- |"]
        lines += [f"| `{option}` | {_cell(meaning)} |" for option, meaning in options]
        lines.append("")
    return "\n".join(lines)


def routes_page() -> str:
    """Write every address that the pages and the API answer at."""
    settings = Settings(
        data_dir=Path("/nonexistent"),
        database_url="sqlite://",
        redis_url="memory://",
        redis_prefix="digest",
        relay=RelayAddress("localhost", 25),
        public_url="https://digest.example.org",
        keys=(Key("k1", bytes(32)),),
        suppression_key=bytes(32),
        trusted_proxies=(),
        embed_origins=(),
        inbound_domain=None,
        hello_name="digest.example.org",
        fetch_private=False,
        lease_seconds=120,
        slice_seconds=10,
        window_size=50,
        connections=1,
        notice_connections=2,
        smtp_timeout=30,
        reply_timeout=600,
        relay_rate=0.0,
        domain_rates=(),
        late_hours=12,
        keep_months=12,
        keep_unconfirmed_days=30,
        keep_left_months=12,
        source_minutes=15,
        tick_seconds=60,
        relay_signs=False,
        resolver=None,
        form_seconds=2,
        surge=60,
        sign_ups_a_minute=None,
        disposable="report",
        own_domains=frozenset(),
        log_format="text",
    )
    app = create_app(
        Runtime(
            settings=settings,
            database=Database(settings.database_url),
            ring=KeyRing(settings.keys),
            suppression=SuppressionKey(settings.suppression_key),
            bell=_Silence(),
            clock=SystemClock(),
        )
    )
    rows = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.endpoint.startswith(NOT_FOR_READERS):
            continue
        methods = ", ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        path = re.sub(r"<(?:\w+:)?(\w+?)_?>", r"<\1>", rule.rule)
        first = _prose(inspect.getdoc(app.view_functions[rule.endpoint]) or "").split("\n\n")[0]
        rows.append(f"| {methods} | `{path}` | {_cell(first)} |")
    return "\n".join(["| method | address | does |", "| --- | --- | --- |", *rows])


class _Silence:
    def ring(self, task: str, *ids: int) -> None:
        """Do nothing."""


def _prose(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


def _cell(text: str) -> str:
    parts = " ".join(text.split()).replace("|", "\\|").split("`")
    # What stands in backquotes is shown as it is.
    return "`".join(p if n % 2 else p.replace("<", "&lt;") for n, p in enumerate(parts))


GENERATED: dict[str, Callable[[], str]] = {
    "<!-- commands, from the code -->": commands_page,
    "<!-- routes, from the code -->": routes_page,
}
