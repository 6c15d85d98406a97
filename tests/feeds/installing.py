"""Installing feed writers, each in a folder of its own, in the versions that it is tried in."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.feeds.writers import Writer
from tests.programs import CannotRunError, run

INSTALLING_SECONDS = 900
# A build that asks the maker of the program for news is no build of ours.
QUIET: Mapping[str, str] = {
    "DO_NOT_TRACK": "1",
    "ASTRO_TELEMETRY_DISABLED": "1",
    "NO_UPDATE_NOTIFIER": "1",
    "SITE_ENVIRONMENT": "production",
}


def install(writer: Writer, within: Path, *, debian: bool) -> Path:
    """Install a writer in a folder of `within` where it is not yet, and return that folder.

    Raises:
        CannotRunError: why it cannot be had.
    """
    folder = within / writer.name.lower()
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == "\n".join(writer.packages):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    match writer.kind:
        case "pip":
            _pip(writer, folder)
        case "npm":
            _npm(writer, folder)
        case "go":
            _go(writer, folder)
        case "debian":
            _debian(writer, install=debian)
    stamp.write_text("\n".join(writer.packages))
    return folder


def versions(writer: Writer) -> Sequence[str]:
    """Return a writer's packages with their versions, Debian's as they are on this machine."""
    if writer.kind != "debian":
        return writer.packages
    shown = "--showformat=${Package}=${Version}\n"
    try:
        return run(["dpkg-query", "--show", shown, *writer.packages]).split()
    except CannotRunError:
        return writer.packages


def path(folder: Path) -> str:
    """Return where a writer's own programs are."""
    return f"{folder / 'venv/bin'}:{folder / 'node_modules/.bin'}"


def _pip(writer: Writer, folder: Path) -> None:
    run([sys.executable, "-m", "venv", folder / "venv"])
    pip = [str(folder / "venv/bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, *writer.packages], within=INSTALLING_SECONDS)


def _npm(writer: Writer, folder: Path) -> None:
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    run([*npm, "--prefix", folder, *writer.packages], within=INSTALLING_SECONDS, cwd=folder)


def _go(writer: Writer, folder: Path) -> None:
    (folder / "go.mod").write_text("module halyard.example/write\n\ngo 1.20\n")
    shutil.copy(Path(__file__).parent / "projects" / writer.name.lower() / "main.go", folder)
    run(["go", "get", *writer.packages], within=INSTALLING_SECONDS, cwd=folder)
    run(["go", "build", "-o", "write", "."], within=INSTALLING_SECONDS, cwd=folder)


def _debian(writer: Writer, *, install: bool) -> None:
    if shutil.which(writer.command[0]):
        return
    if not install:
        packages = " ".join(writer.packages)
        raise CannotRunError(f"not on this machine. On Debian: apt-get install {packages}")
    apt = ["apt-get", "install", "--yes", "--quiet", *writer.packages]
    run(apt, within=INSTALLING_SECONDS, environment={"DEBIAN_FRONTEND": "noninteractive"})
