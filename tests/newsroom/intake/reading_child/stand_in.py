"""A reading child in which something else reads: what it is to do is the end of the feed's URL.

Run by its path, as the real one is: `python -I stand_in.py MEMORY ANSWER IDLE`.
"""

import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from digest.newsroom.intake.feeds import Feed
from digest.newsroom.intake.reading_child.serving import serve


def tried(act: Callable[[], object]) -> str:
    try:
        act()
    except Exception as error:  # noqa: BLE001
        return type(error).__name__
    return "done"


def spin() -> None:
    while True:
        pass


def hoard() -> None:
    kept = []
    while True:
        kept.append(bytes(1 << 20))


def stumble() -> None:
    raise ZeroDivisionError("what the feed says")


def limits() -> dict[str, Any]:
    names = ("CORE", "FSIZE", "NOFILE", "AS", "CPU")
    return {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in names}


def attempts() -> dict[str, str]:
    """Say what comes of what a child must not do."""
    return {
        "a socket": tried(lambda: socket.create_connection(("127.0.0.1", 9))),
        "a Unix socket": tried(lambda: socket.socket(socket.AF_UNIX)),
        "a name": tried(lambda: socket.getaddrinfo("example.org", 80)),
        "a program": tried(lambda: subprocess.run([sys.executable, "-c", ""])),
        "a shell": tried(lambda: os.system("true")),
        "a fork": tried(os.fork),
        "a file": tried(lambda: Path("/etc/hostname").open()),
        "a file by its number": tried(lambda: os.open("/etc/hostname", os.O_RDONLY)),
        "a new file": tried(lambda: Path("/tmp/reading-child.py").open("w")),
        "a signal": tried(lambda: os.kill(os.getppid(), 0)),
        "a codec": tried(lambda: b"".decode("shift_jisx0213")),
    }


def network() -> str:
    return str(Path("/proc/self/ns/net").readlink())


DOES: dict[str, Callable[[], object]] = {
    "environment": lambda: dict(os.environ),
    "arguments": lambda: [sys.flags.isolated, str(Path.cwd()), os.getsid(0) == os.getpid()],
    "modules": lambda: sorted(sys.modules),
    "limits": limits,
    "attempts": attempts,
    "network": network,
    "pid": os.getpid,
    "sleep": lambda: time.sleep(60),
    "spin": spin,
    "hoard": hoard,
    "stumble": stumble,
    "exit": lambda: os._exit(3),
    "print": lambda: print("not an answer", flush=True),
    "much": lambda: "x" * 100_000,
}


def read(content: bytes, url: str, now: datetime, charset: str | None = None) -> Feed:
    return Feed(json.dumps(DOES[url.rpartition("/")[2]]()), ())


if __name__ == "__main__":
    memory, answer, idle = sys.argv[1:]
    serve(read, memory_bytes=int(memory), answer_bytes=int(answer), idle_seconds=float(idle))
