"""A mail server on a port of its own, from a fresh queue to its end."""

import shlex
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mtas import having
from tests.mtas.enclosure import Enclosed, alone, in_root
from tests.mtas.servers import ROOT_FILES, MailServer, Ports
from tests.programs import CannotRunError
from tests.scripted_smtp import Certificate

START_SECONDS = 60
LOG_END = 1500


def version(server: MailServer) -> str:
    """Return the version of a server that was run."""
    return server.version or having.debian_version(server.packages)


@contextmanager
def started(
    server: MailServer, ports: Ports, folder: Path, certificate: Certificate
) -> Iterator[None]:
    """Run a server in `folder` for as long as the `with` lasts.

    Raises:
        CannotRunError: it cannot be had, or takes no connections.
    """
    folder.mkdir()
    folder.chmod(0o755)
    if server.packages:
        layers = having.layers(server.packages)
        command = in_root(layers, folder, _exported(ports) + server.script)
        root, files = folder / "upper", {**ROOT_FILES, **server.files(ports)}
    else:
        program = having.go_program(server.module, server.version, server.command)
        there = f"cd {shlex.quote(str(folder))}; export PROGRAM={shlex.quote(str(program))}; "
        command = alone(there + server.script)
        root, files = folder, dict(server.files(ports))
    if server.signs_in:
        files |= _certificates(certificate)
    _write(root, files)
    process = Enclosed(command, folder / "log")
    try:
        _await(process, server, ports.smtp)
        yield
    finally:
        process.stop()


def _exported(ports: Ports) -> str:
    return f"export NEXT_HOP={ports.next_hop}; "


def _certificates(certificate: Certificate) -> dict[str, str]:
    place = "etc/chasquid/certs/mail.example.com"
    return {f"{place}/fullchain.pem": certificate.pem, f"{place}/privkey.pem": certificate.key}


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        _make_folder(path.parent)
        path.write_text(text)
        path.chmod(0o644)


def _make_folder(folder: Path) -> None:
    """Make it one that every user of a root can read, whatever our umask."""
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir()
        folder.chmod(0o755)


def _await(process: Enclosed, server: MailServer, port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.runs:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                if connection.recv(3) == b"220":
                    return
        except OSError:
            pass
        time.sleep(0.1)
    said = process.log.read_text(errors="replace")[-LOG_END:]
    raise CannotRunError(f"{server.name} takes no connections: {said or 'it says nothing.'}")
