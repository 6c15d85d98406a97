"""Memory as it adds up: each page of memory is counted once, however many processes share it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Held:
    """What a process holds, in MB: `whole` with its part of what it shares, `own` without."""

    whole: float
    own: float


def tree(pid: int) -> list[int]:
    """Return a process and all that came of it."""
    found = [pid]
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                found += tree(int(child))
    except (FileNotFoundError, ProcessLookupError):
        # It has ended meanwhile.
        return found
    return found


def held(pid: int) -> Held:
    """Return what a process holds now (proc(5), smaps_rollup); nothing where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return Held(0, 0)
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    own = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return Held(kilobytes["Pss"] / 1024, own / 1024)
