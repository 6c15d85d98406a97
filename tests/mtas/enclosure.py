"""Running mail servers beside one another, each in a root of its own, with the host left as it is.

A root is a stack of folders (overlayfs), of which only the uppermost is written to. The processes
have a PID namespace of their own: however they detach themselves, they end with their first one,
and that ends when we let go of its standard input, also by dying.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from tests.programs import CannotRunError

STOP_SECONDS = 10
NEEDED = ("unshare", "mount", "chroot")
_NAMESPACES = ("unshare", "--pid", "--fork", "--kill-child", "--mount")
_ENTER = """set -e
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/whole"
mount -t proc proc "$2/whole/proc"
exec chroot "$2/whole" sh -c "$3"
"""


def check_rights() -> None:
    """Raise CannotRunError where no root can be made."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        raise CannotRunError(f"{' and '.join(missing)} is not on this machine.")
    if os.geteuid() != 0:
        raise CannotRunError("needs root, for a root folder of its own (chroot): run it by sudo.")


def in_root(layers: Sequence[Path], folder: Path, script: str) -> list[str]:
    """Return the command that runs a shell script in a root: `layers`, the lowest first.

    What it writes is kept in `folder`, which is made, as `folder/upper`.
    """
    for name in ("upper", "work", "whole"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    lower = ":".join(str(layer) for layer in reversed(layers))
    return [*_NAMESPACES, "sh", "-c", _ENTER, "sh", lower, str(folder), script]


def alone(script: str) -> list[str]:
    """Return the command that runs a shell script with processes of its own, on the host's root."""
    return [*_NAMESPACES, "sh", "-c", script]


class Enclosed:
    """Such a command, running until it is stopped; a script must end with `cat`."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self.log = log
        output: IO[bytes]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """End it, and all that it started."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
            return
        self._process.kill()
        self._process.wait()
