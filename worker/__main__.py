"""`python -m worker QUEUE ...`: what `celery worker` starts, without the console that it loads.

Celery's command has one for typing commands, of 11 MB, in each worker. `celery --app worker.app
worker` starts the same, too.
"""

import socket
import sys

import click

import worker.app
from digest.doorbell import BULK, FEEDS, NOTICES
from digest.errors import DigestError


@click.command()
@click.argument("queues", nargs=-1, required=True, type=click.Choice([BULK, FEEDS, NOTICES]))
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="So many do the work, beside the one that listens; without, it does the work itself.",
)
def main(queues: tuple[str, ...], processes: int | None) -> None:
    """Do the tasks of QUEUES until SIGTERM; what is being done then is finished."""
    try:
        app = worker.app.app
    except DigestError as error:
        click.echo(f"digest: {error}", err=True)
        sys.exit(1)
    listening = app.Worker(
        hostname=f"{queues[0]}@{socket.gethostname()}",
        queues=list(queues),
        pool="prefork" if processes else "solo",
        concurrency=processes or 1,
        # Workers need nothing of one another; with gossip one died of a restart of Redis.
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="WARNING",
        quiet=True,
    )
    listening.start()
    sys.exit(listening.exitcode)


if __name__ == "__main__":
    main()
