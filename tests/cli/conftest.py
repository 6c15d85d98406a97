"""The command line as a person uses it: in this process for most tests, as a process for some."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from digest.cli import digest
from digest.errors import DigestError

NEWSLETTER = (
    *("newsletter", "create", "editors-digest", "--name", "Editor’s Digest"),
    *("--promise", "Eight stories, every Saturday.", "--editor-name", "Imara Vance-Oduya"),
    *("--editor-email", "imara@halyard.example", "--from-address", "digest@halyard.example"),
    *("--postal-address", "4 Ropewalk Yard, Varrholm VH1 2AB", "--weekday", "saturday"),
    *("--time", "07:00", "--zone", "Europe/London"),
    *("--publication", "The Halyard", "--site", "https://halyard.example"),
)


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """`digest`, with the settings of one test."""

    environment: Mapping[str, str]

    def __call__(self, *arguments: str) -> Said:
        """Run a command in this process."""
        done = CliRunner(env=self.environment).invoke(digest, arguments)
        if isinstance(done.exception, DigestError):
            return Said(1, done.stdout, f"{done.stderr}digest: {done.exception}")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Said(done.exit_code, done.stdout, done.stderr)

    def process(self, *arguments: str) -> Said:
        """Run a command as a process of its own."""
        done = subprocess.run(
            [sys.executable, "-c", "from digest.cli import main; main()", *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def add_articles(self, *slugs: str) -> None:
        for slug in slugs:
            url = f"https://halyard.example/a/{slug}"
            said = self("article", "add", "--title", f"The {slug}", "--url", url)
            assert said.exit_code == 0, said.err


@pytest.fixture
def command_line(database_url: str, tmp_path: Path) -> CommandLine:
    return CommandLine(
        {
            "DATABASE_URL": database_url,
            "DIGEST_DATA_DIR": str(tmp_path / "data"),
            "REDIS_URL": "memory://",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
    )


@pytest.fixture
def paper(command_line: CommandLine) -> CommandLine:
    """A command line whose database has the Editor's Digest in it."""
    said = command_line(*NEWSLETTER)
    assert said.exit_code == 0, said.err
    return command_line


@pytest.fixture
def composed(paper: CommandLine) -> CommandLine:
    """A command line whose next issue has three stories."""
    paper.add_articles("port", "cold", "roofs")
    assert paper("issue", "compose", "editors-digest").exit_code == 0
    return paper
