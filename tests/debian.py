"""A Debian in a folder of its own: programs for measurements outside CI, and none on the host.

It is a chroot. Each command gets a view of the file system and of the processes of its own, so that
nothing stays mounted or goes on running when the command has ended.
"""

import os
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

from tests.programs import CannotRunError, run
from tests.servers.process import ServerProcess, free_port
from tests.servers.run import Run

SUITE = "bookworm"
INSTALLING_SECONDS = 1800
# Servers are started by whoever needs them, and not by being installed.
NO_SERVICES = "#!/bin/sh\nexit 101\n"
# The shell stays, as root: whoever becomes another user would outlive `unshare`.
ENTER = 'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && chroot "$@"; exit $?'
ENVIRONMENT = (
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG=C.UTF-8",
    "TZ=UTC",
    "TERM=xterm-256color",
    "DEBIAN_FRONTEND=noninteractive",
)


class Debian:
    """Debian 12 with some packages, kept in `folder` from one run to the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, packages: Sequence[str]) -> None:
        """Install what is not there yet, from the host's own mirror where that has this Debian.

        Raises:
            CannotRunError: why it cannot be had.
        """
        self.make()
        if any(self.version(package) is None for package in packages):
            apt = ["apt-get", "--yes", "--quiet", "--no-install-recommends"]
            self.run("apt-get", "--quiet", "update", within=INSTALLING_SECONDS)
            self.run(*apt, "install", *packages, within=INSTALLING_SECONDS)
            self.run("apt-get", "clean")

    def make(self) -> None:
        """Unpack Debian's smallest, with the lists of what can be installed, where it is not there.

        Raises:
            CannotRunError: why it cannot be had.
        """
        if not self._is_whole():
            print(f"Unpacking Debian {SUITE} (once).", flush=True)
            self._build()

    def version(self, package: str) -> str | None:
        """Return the version of a package, or None where it is not installed."""
        try:
            shown = self.run("dpkg-query", "--show", "--showformat=${Status}=${Version}", package)
        except CannotRunError:
            return None
        status, _, version = shown.partition("=")
        return version if status == "install ok installed" else None

    def command(self, *words: str | Path, user: str = "root") -> list[str]:
        """Return what runs a program in there. It ends, with all that it started, by SIGKILL."""
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        enter = ["sh", "-c", ENTER, self.folder, f"--userspec={user}", self.folder]
        home = "/root" if user == "root" else f"/home/{user}"
        inside = ["env", "--ignore-environment", f"--chdir={home}", f"HOME={home}", *ENVIRONMENT]
        return [str(word) for word in [*namespaces, *enter, *inside, *words]]

    def run(
        self,
        *words: str | Path,
        user: str = "root",
        told: str | None = None,
        within: float = 60,
    ) -> str:
        """Run a program in there to its end, and return what it printed.

        Raises:
            CannotRunError: it failed, or had not ended after `within` seconds.
        """
        return run(self.command(*words, user=user), told=told, within=within)

    def write(self, path: str, content: str | bytes, user: str = "root") -> None:
        """Write a file in there, with its folders."""
        file = self.folder / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        if user != "root":
            self.run("chown", "--recursive", f"{user}:", f"/home/{user}")

    def _is_whole(self) -> bool:
        return (self.folder / "usr/sbin/policy-rc.d").exists()

    def _build(self) -> None:
        if os.geteuid() != 0 or shutil.which("debootstrap") is None:
            raise CannotRunError("a Debian in a folder needs root, and Debian's debootstrap.")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        sources = _sources()
        mirror = sources[0].split()[1:2] if sources else []
        bootstrap = ["debootstrap", "--variant=minbase", SUITE, str(self.folder), *mirror]
        run(bootstrap, within=INSTALLING_SECONDS)
        if sources:
            self.write("/etc/apt/sources.list", "".join(sources))
        self.run("apt-get", "--quiet", "update", within=INSTALLING_SECONDS)
        services = self.folder / "usr/sbin/policy-rc.d"
        services.write_text(NO_SERVICES)
        services.chmod(0o755)


class Listening(ServerProcess):
    """A server in there that is ready once it takes connections on `port`."""

    def __init__(self, run: Run, debian: Debian, kind: str) -> None:
        super().__init__(run, run.server_directory(kind))
        self.debian = debian
        self.port = free_port()

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _sources() -> list[str]:
    """Return where the host has its packages from, with security's, if it is the same Debian."""
    form = "deb $(SITE) $(RELEASE) $(COMPONENT)"
    try:
        lines = run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"])
    except CannotRunError:
        return []
    ours = (SUITE, f"{SUITE}-security", f"{SUITE}-updates")
    found = sorted({line for line in lines.splitlines() if line.split()[2] in ours})
    return [f"{line}\n" for line in sorted(found, key=lambda line: line.split()[2])]
