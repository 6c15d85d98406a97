"""`python -m tests.mtas`: prints the table, and exits 1 where anything was wrong or missing."""

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from digest.database.transactions import Database
from digest.logs import set_up_logging
from digest.migrations import upgrade
from digest.settings.loading import RelayAddress
from tests.delivery.conftest import Press
from tests.factories import make_settings
from tests.mtas.audience import FEWEST, Kind, audience, instruct
from tests.mtas.calls import Calls
from tests.mtas.names import no_names
from tests.mtas.playing import Play, Result, check_odd_sign_in
from tests.mtas.running import started, version
from tests.mtas.servers import LIMIT, LIMITED, PASSWORD, SERVERS, USER, MailServer, Ports
from tests.mtas.table import table
from tests.programs import CannotRunError, run_command
from tests.scripted_smtp import Certificate, ScriptedRelay, self_signed
from tests.servers import postgresql
from tests.servers.process import free_port
from tests.servers.run import Run, RunOwner

ALL = (*SERVERS, LIMITED)
TABLE = "mtas-table.txt"
# Shorter than Digest's own 30 s, as one that is waited for to its end is part of this.
ANSWER_SECONDS = 10.0


@click.command()
@click.option("--only", multiple=True, help="Run this mail server only, by its name.")
@click.option("--readers", type=click.IntRange(FEWEST), default=120, show_default=True)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder for the table, {TABLE}, and for the servers' logs where something was wrong.",
)
def main(only: tuple[str, ...], readers: int, out: Path | None) -> None:
    """Send two issues through real mail servers on loopback, and check what each reader got."""
    set_up_logging("text", logging.ERROR)
    chosen = _chosen(only)
    certificate = self_signed()
    folder = Path(tempfile.mkdtemp(prefix="digest-mtas-"))
    folder.chmod(0o755)
    # The private authority of the one that wants TLS, as docs/howto/mail.md has it.
    (folder / "authority.pem").write_text(certificate.pem)
    os.environ["SSL_CERT_FILE"] = str(folder / "authority.pem")
    owner, calls, results = RunOwner(), Calls(), list[Result]()
    try:
        with no_names():
            for number, server in enumerate(chosen):
                place = folder / str(number)
                result = _try(server, owner.run, place, calls, readers, certificate)
                click.echo(table([result]), nl=False)
                results.append(result)
                if out is not None and not result.holds:
                    _keep_log(place / "log", out, server)
    finally:
        owner.end()
        shutil.rmtree(folder, ignore_errors=True)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / TABLE).write_text(table(results))
    sys.exit(0 if all(result.holds for result in results) else 1)


def _chosen(only: Sequence[str]) -> list[MailServer]:
    names = [server.name for server in ALL]
    if unknown := [name for name in only if name not in names]:
        words = f"There is no mail server {', '.join(unknown)} here. There are: {', '.join(names)}."
        raise click.UsageError(words)
    return [server for server in ALL if not only or server.name in only]


def _try(
    server: MailServer,
    run: Run,
    folder: Path,
    calls: Calls,
    readers: int,
    certificate: Certificate,
) -> Result:
    result = Result(server.name)
    try:
        with ScriptedRelay() as next_hop:
            instruct(next_hop)
            ports = Ports(free_port(), next_hop.port, free_port())
            with started(server, ports, folder, certificate):
                result.version = version(server)
                _play(server, run, ports, next_hop, calls, readers, result)
    except CannotRunError as error:
        result.missing = str(error)
    return result


def _play(
    server: MailServer,
    run: Run,
    ports: Ports,
    next_hop: ScriptedRelay,
    calls: Calls,
    readers: int,
    result: Result,
) -> None:
    url = postgresql.shared_server(run).create_database()
    upgrade(url)
    database = Database(url)
    relay = RelayAddress("127.0.0.1", ports.smtp)
    if server.signs_in:
        relay = RelayAddress("127.0.0.1", ports.smtp, "starttls", USER, PASSWORD)
    settings = make_settings(
        url,
        relay=relay,
        inbound_domain="example.org",
        connections=2,
        notice_connections=2,
        smtp_timeout=ANSWER_SECONDS,
        reply_timeout=60.0,
    )
    press = Press(database, settings)
    try:
        if server is LIMITED:
            emails = [f"{Kind.KNOWN}{number}@example.org" for number in range(readers)]
            Play(press, next_hop, calls, emails, result).run_at_its_limit(LIMIT)
            return
        play = Play(press, next_hop, calls, audience(readers), result)
        play.loses_behind_dot, play.reports = server.loses_behind_dot, server.reports
        play.run()
        if server.odd_sign_in:
            check_odd_sign_in(press, result)
    finally:
        database.dispose()


def _keep_log(log: Path, out: Path, server: MailServer) -> None:
    out.mkdir(parents=True, exist_ok=True)
    if log.exists():
        shutil.copy(log, out / f"{server.name.lower().replace(' ', '-')}.log")


if __name__ == "__main__":
    run_command(main)
