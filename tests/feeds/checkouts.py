"""Asking a checkout of Digest what it makes of feeds: this one, and an old commit."""

import base64
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.feeds.folder import FOLDER
from tests.newsroom.intake.corpus.samples import NOW, Sample
from tests.programs import CannotRunError, run

ROOT = Path(__file__).parent.parent.parent
READING = ROOT / "tests/newsroom/intake/corpus/reading.py"
# The last commit whose feeds were read by fastfeedparser.
BEFORE = "bbfca12"
READING_SECONDS = 600


def seen_here(samples: Iterable[Sample]) -> list[dict[str, Any]]:
    """Return what this tree makes of feeds, in its own environment."""
    return _seen(Path(sys.executable), ROOT, samples)


def seen_before(samples: Iterable[Sample]) -> list[dict[str, Any]]:
    """Return what the old commit makes of them, in an environment with its own libraries.

    Raises:
        CannotRunError: the commit is not in this clone, or its libraries could not be installed.
    """
    checkout = FOLDER / f"before-{BEFORE}"
    python = checkout / ".venv/bin/python"
    if not (checkout / "ready").exists():
        shutil.rmtree(checkout, ignore_errors=True)
        _unpack(checkout)
        print(f"Installing what {BEFORE} ran on (once).", file=sys.stderr)
        run([sys.executable, "-m", "venv", checkout / ".venv"])
        locked = str(checkout / "requirements.lock")
        run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", locked])
        (checkout / "ready").touch()
    return _seen(python, checkout, samples)


def _unpack(checkout: Path) -> None:
    git = ["git", "-C", str(ROOT), "archive", BEFORE, "digest", "requirements.lock"]
    done = subprocess.run(git, capture_output=True, check=False)
    if done.returncode:
        raise CannotRunError(f"This clone does not have {BEFORE}: there is no “before”.")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(checkout, filter="data")


def _seen(python: Path, checkout: Path, samples: Iterable[Sample]) -> list[dict[str, Any]]:
    asked = json.dumps([_asked(sample) for sample in samples])
    command: Sequence[str | Path] = (python, READING, checkout, NOW.isoformat())
    answer = run(command, within=READING_SECONDS, told=asked, cwd=checkout)
    seen: list[dict[str, Any]] = json.loads(answer)
    return seen


def _asked(sample: Sample) -> Mapping[str, str | None]:
    content = base64.b64encode(sample.content).decode()
    return {"content": content, "url": sample.url, "charset": sample.charset}
