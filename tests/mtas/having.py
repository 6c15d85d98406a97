"""Getting mail servers: Debian's packages unpacked into roots of their own, Go modules built.

All of it goes into the ignored folder `.mtas`, and is kept from one run to the next.
"""

import json
import shutil
from pathlib import Path

from tests.mtas.enclosure import check_rights, in_root
from tests.programs import CannotRunError, run

FOLDER = Path(__file__).parent.parent.parent / ".mtas"
# Debian 12: its packages are what the configurations here are written for.
RELEASE = "bookworm"
INSTALLING_SECONDS = 900
BUILDING_SECONDS = 1800
# As in sources.list.
ONE_LINE = "deb $(REPO_URI) $(CODENAME) $(COMPONENT)"

_APT = """set -e
export DEBIAN_FRONTEND=noninteractive
apt-get install --quiet --yes --no-install-recommends {packages}
"""
# Debian's packages start their servers when they are installed, on the host's port 25.
_START_NOTHING = "#!/bin/sh\nexit 101\n"


def layers(packages: tuple[str, ...]) -> list[Path]:
    """Return the folders of a root with these packages, the lowest first; made where missing.

    Raises:
        CannotRunError: why it cannot be had.
    """
    check_rights()
    base = _base()
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


def _base() -> Path:
    """Return the root that all have in common: Debian's smallest."""
    base = FOLDER / "base"
    stamp = FOLDER / "base-installed"
    if stamp.exists():
        return base
    if shutil.which("debootstrap") is None:
        raise CannotRunError("debootstrap is not on this machine. On Debian: apt-get install it.")
    print(f"Unpacking Debian {RELEASE} (once).", flush=True)
    shutil.rmtree(base, ignore_errors=True)
    sources = _sources()
    mirrors = [line.split()[1] for line in sources[:1]]
    FOLDER.mkdir(exist_ok=True)
    bootstrap = ["debootstrap", "--variant=minbase", RELEASE, str(base), *mirrors]
    run(bootstrap, within=INSTALLING_SECONDS)
    policy = base / "usr/sbin/policy-rc.d"
    policy.write_text(_START_NOTHING)
    policy.chmod(0o755)
    if sources:
        (base / "etc/apt/sources.list").write_text("\n".join(sources) + "\n")
    shutil.copy("/etc/resolv.conf", base / "etc/resolv.conf")
    run(["chroot", str(base), "apt-get", "update", "--quiet"], within=INSTALLING_SECONDS)
    stamp.touch()
    return base


def _sources() -> list[str]:
    """Return the lines by which this machine itself gets that release; none if it is another."""
    try:
        told = run(["apt-get", "indextargets", "--format", ONE_LINE, "Created-By: Packages"])
    except CannotRunError:
        return []
    lines = [line for line in told.splitlines() if len(line.split()) == len(ONE_LINE.split())]
    found = {line for line in lines if line.split()[2].partition("-")[0] == RELEASE}
    # Debian's own first, without its updates: that is what the base is made of.
    return sorted(found, key=lambda line: len(line.split()[2]))
