"""Getting mail servers: Debian's packages unpacked into roots of their own, Go modules built.

All of it goes into the ignored folder `.mtas`, and is kept from one run to the next.
"""

import json
import shutil
from pathlib import Path

from tests.debian import Debian
from tests.mtas.enclosure import check_rights, in_root
from tests.programs import CannotRunError, run

FOLDER = Path(__file__).parent.parent.parent / ".mtas"
INSTALLING_SECONDS = 900
BUILDING_SECONDS = 1800

_APT = """set -e
export DEBIAN_FRONTEND=noninteractive
apt-get install --quiet --yes --no-install-recommends {packages}
"""


def layers(packages: tuple[str, ...]) -> list[Path]:
    """Return the folders of a root with these packages, the lowest first; made where missing.

    Raises:
        CannotRunError: why it cannot be had.
    """
    check_rights()
    base = FOLDER / "base"
    Debian(base).make()
    folder = FOLDER / packages[0]
    stamp = folder / "installed"
    wanted = "\n".join(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        command = in_root([base], folder, _APT.format(packages=" ".join(packages)))
        run(command, within=INSTALLING_SECONDS)
        stamp.write_text(wanted)
    return [base, folder / "upper"]


def debian_version(packages: tuple[str, ...]) -> str:
    """Return the version of the first package, in the root that has it."""
    status = FOLDER / packages[0] / "upper/var/lib/dpkg/status"
    for block in status.read_text().split("\n\n"):
        lines = block.splitlines()
        if f"Package: {packages[0]}" in lines:
            return next(line for line in lines if line.startswith("Version: ")).partition(" ")[2]
    raise CannotRunError(f"{packages[0]} is not installed in {status.parent}.")


def go_program(module: str, version: str, command: str) -> Path:
    """Return the program that is in the folder `command` of a Go module; built where missing.

    Raises:
        CannotRunError: why it cannot be had.
    """
    check_rights()
    name = module.rpartition("/")[2]
    program = FOLDER / "go" / f"{name}-{version}"
    if program.exists():
        return program
    if shutil.which("go") is None:
        raise CannotRunError(f"Go is not on this machine, to build {module} {version} with.")
    print(f"Building {name} {version} (once).", flush=True)
    told = run(["go", "mod", "download", "-json", f"{module}@{version}"], within=BUILDING_SECONDS)
    # `go install` refuses a module that replaces others; its own folder is where that counts.
    source = FOLDER / "go" / f"{name}-source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(json.loads(told)["Dir"], source)
    for path in (source, *source.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    run(["go", "build", "-o", str(program), command], within=BUILDING_SECONDS, cwd=source)
    shutil.rmtree(source)
    return program
