"""The `digest` command. Exit codes: 0 done, 1 failed, 2 used wrongly."""

import gc
import importlib
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from digest.cli.reading_files import GivenFile
from digest.errors import DigestError
from digest.settings.environment_file import NAMED_BY

# Loaded when they are asked for: `digest --help` should not import a web server.
COMMANDS = {
    "article": "Add, list, hide and take back articles.",
    "audit": "List who did what, and check the chain of it.",
    "bounce": "Act on mail that came back, or that asks to leave.",
    "consent": "Check the chain of consents, and prove one person's.",
    "db": "Bring the database up to date.",
    "delivery": "Settle what is in doubt, list who missed an issue, send again.",
    "demo": "Play the whole product on this machine.",
    "dkim": "Make, use and retire the keys that mail is signed with.",
    "doctor": "Say what is missing, and how to mend it.",
    "issue": "Compose, look at, approve, send and stop issues.",
    "newsletter": "Create and edit newsletters.",
    "run": "Run everything in one process.",
    "source": "Check, add, edit, list, fetch, pause and retire feeds.",
    "subscriber": "List, show, export and erase subscribers.",
    "terms": "Publish the words that readers agree to.",
    "token": "Make tokens for the API.",
    "user": "Say who may sign in at the desk, and what each may do.",
}
# So many new objects until the collector looks at them; Python's own number is 700.
LOADED = 300_000
MODULES = {"demo": "demo_serving", "run": "serve"}


class Commands(click.Group):
    """The command families, each in a module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"digest.cli.{MODULES.get(cmd_name, cmd_name)}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


def version() -> str:
    """Return the installed version; `make demo` runs a checkout that nobody installed."""
    # Late: it reads what pip wrote.
    from importlib import metadata

    try:
        return metadata.version("digest")
    except metadata.PackageNotFoundError:
        return "of this checkout"


def _tell_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        click.echo(f"digest, version {version()}")
        ctx.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
@click.option(
    "--env-file",
    type=GivenFile(),
    help="Settings, as systemd's EnvironmentFile; the environment wins.  [DIGEST_ENV_FILE]",
)
def digest(env_file: Path | None) -> None:
    """Digest: the newsletter service that a publisher runs itself.

    Settings come from the environment; `digest doctor` looks at them.
    """
    if env_file is not None:
        os.environ[NAMED_BY] = str(env_file.absolute())


def main() -> NoReturn:
    """Run the command line; errors that a person can mend are one sentence, not a traceback."""
    # What is loaded stays, and to look for what has gone of it takes a tenth of the time.
    gc.set_threshold(LOADED)
    try:
        digest(prog_name="digest", standalone_mode=True)
    except DigestError as error:
        click.echo(f"digest: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
    finally:
        # Nor is it searched once more at the end.
        gc.freeze()
    sys.exit(0)
