"""A command that only reads is not kept waiting by what others need: here is what it loads."""

import os
import subprocess
import sys

import pytest

from tests.cli.conftest import CommandLine

# What all commands load that open the database.
OPENING = {
    "digest",
    *(
        f"digest.{name}"
        for name in """
        cli cli.groups cli.opening cli.reading_files cli.tables clock database database.postgresql
        database.prepared database.spelling database.sqlite_files database.tables
        database.transactions doorbell errors home home.file home.server logs migrations models
        models.home models.installation ownership receivers reserved_names runtime settings
        settings.environment_file settings.loading settings.values settings.variables suppression
        tokens
        """.split()
    ),
}
# Others' that they load, by what is imported.
LIBRARIES = {"click", "sqlalchemy", "typing_extensions"}
# Of an environment, and of compiled modules.
AROUND = {"__main__", "_distutils_hack", "cython_runtime"}
CALENDAR = "newsroom newsroom.issues newsroom.issues.calendar prose zones"
NEWSLETTER = "models.newsletter newsroom newsroom.finding"
SAID = """
import atexit, sys
from digest.cli import main
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
main()
"""


@pytest.mark.parametrize(
    ("command", "own", "libraries"),
    [
        (
            "newsletter list",
            f"cli.newsletter cli.newsletter_views cli.arguments models.article newsroom.feeding "
            f"{NEWSLETTER} {CALENDAR}",
            {"tzdata"},
        ),
        (
            "issue list",
            "cli.issue cli.issue_list cli.issue_names models.article models.issue "
            f"newsroom.issues.coming {NEWSLETTER} {CALENDAR}",
            {"tzdata"},
        ),
        (
            "subscriber list",
            "cli.subscriber cli.subscriber_list cli.writing models.subscriber readers readers.data "
            f"readers.data.listing spreadsheet {NEWSLETTER}",
            set(),
        ),
        (
            "consent verify --json",
            "chain chain.heads chain.links chain.log chain.verifying cli.arguments cli.chains "
            "cli.consent cli.consent_chain cli.writing models.consent models.newsletter "
            "models.subscriber models.terms readers readers.consent readers.consent.chain "
            "readers.consent.recording",
            {"rfc8785"},
        ),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_command_that_reads_loads_no_more_than_it_needs(
    paper: CommandLine, command: str, own: str, libraries: set[str]
) -> None:
    allowed = OPENING | {f"digest.{name}" for name in own.split()}
    loaded = modules_of(paper, *command.split())
    ours = {name for name in loaded if name.partition(".")[0] == "digest"}
    theirs = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names - {"digest"}
    theirs = {name for name in theirs if not name.startswith(("_cython", "_sysconfigdata"))}
    assert ours - allowed == set()
    assert theirs - AROUND - LIBRARIES - libraries == set()
    # And no dialect but the one that is used.
    assert "sqlalchemy.dialects.postgresql" not in loaded


def modules_of(command_line: CommandLine, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SAID, *arguments],
        env={**os.environ, **command_line.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return set(done.stderr.split())
