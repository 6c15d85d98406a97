"""What a reading child gives up before it sees its first feed. Nothing of it can be had back.

| given up | by what | where |
| --- | --- | --- |
| memory, processor time | RLIMIT_AS; RLIMIT_CPU and ITIMER_PROF | macOS knows no RLIMIT_AS |
| writing files, dumping core, forking | RLIMIT_FSIZE, _CORE, _NPROC | everywhere; root may fork |
| sockets, programs, files but Python's | an audit hook (PEP 578) | everywhere, in Python's code |
| the network | a namespace with no interface in it | Linux, where the system allows one |
| capabilities | capset(2) | Linux |

The hook holds back Python's code, which is what a parser for feeds consists of, and no machine code
that got in. The namespace holds back both. Root may make one, others where user namespaces are
allowed: not in most containers.
"""

import math
import os
import resource
import signal
import sys
from collections.abc import Sequence
from typing import Any

CLONE_NEWUSER, CLONE_NEWNET = 0x1000_0000, 0x4000_0000
CAPABILITY_VERSION = 0x2008_0522
OPEN_FILES = 32
REFUSED = (
    *("socket.", "subprocess.", "ctypes.", "pty.", "ftplib.", "http.client.", "urllib.Request"),
    *("os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "os.kill"),
    *("os.remove", "os.rename", "os.link", "os.symlink", "os.mkdir", "os.rmdir", "os.chmod"),
    *("os.chown", "os.truncate", "os.putenv", "shutil.", "sqlite3.", "tempfile.", "mmap."),
)
# What is imported when it is first needed, codecs above all, and time zones.
CODE = (".py", ".pyc")
TIME_ZONES = ("/usr/share/zoneinfo/", "/tzdata/zoneinfo/")


def seal(memory_bytes: int) -> None:
    """Give all of it up."""
    _heed_limits_only()
    _own_network()
    _no_capabilities()
    _bound(resource.RLIMIT_CORE, 0)
    _bound(resource.RLIMIT_FSIZE, 0)
    _bound(resource.RLIMIT_NPROC, 0)
    _bound(resource.RLIMIT_NOFILE, OPEN_FILES)
    if sys.platform != "darwin":
        # There it is taken and not kept, or refused, as the version may be.
        _bound(resource.RLIMIT_AS, memory_bytes)
    sys.addaudithook(_refuse)


def allow(processor_seconds: float, wall_seconds: float) -> None:
    """Let the process go on for so long. Beyond it, it ends by a signal.

    The timers count finely, RLIMIT_CPU whole seconds: it is there in case they are taken away.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(used.ru_utime + used.ru_stime + processor_seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = until if hard == resource.RLIM_INFINITY else min(until, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
    signal.setitimer(signal.ITIMER_PROF, processor_seconds)
    signal.setitimer(signal.ITIMER_REAL, wall_seconds)


def allow_waiting() -> None:
    """Let the process wait for as long as it likes."""
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _heed_limits_only() -> None:
    # A process manager may ask all of a group to stop. The child ends when the worker does, and
    # not before the feed that the worker waits for is read.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # What the worker ignores or holds back is inherited.
    ending = {signal.SIGPROF, signal.SIGALRM, signal.SIGXCPU}
    for number in ending:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ending)


def _bound(limit: int, most: int) -> None:
    _, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(limit, (most, most))


def _own_network() -> None:
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    unshare = ctypes.CDLL(None, use_errno=True).unshare
    if unshare(CLONE_NEWNET) != 0:
        unshare(CLONE_NEWUSER | CLONE_NEWNET)


def _no_capabilities() -> None:
    """Drop what root has, and what a user namespace gave."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    ctypes.CDLL(None, use_errno=True).capset(header, none)


def _refuse(event: str, arguments: Sequence[Any]) -> None:
    if event == "open":
        path, _, flags = arguments
        name = os.fsdecode(path) if isinstance(path, str | bytes) else ""
        is_code = name.endswith(CODE) or any(zones in name for zones in TIME_ZONES)
        # Not O_ACCMODE alone: a file can be emptied, or made, by who only reads it.
        if is_code and not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            return
    elif not event.startswith(REFUSED):
        return
    raise PermissionError(f"a reading child does not: {event}")
