"""`digest demo`: everything in one process, with a paper, its readers and an inbox."""

import logging
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import click

from digest.cli.demo import DemoEditor, demo_settings, print_last_week, start_paper
from digest.cli.halyard_feed import HalyardSite
from digest.cli.proof import StoryError
from digest.cli.serve import Parts, Stop, port_range, serving
from digest.cli.story import Stage, play
from digest.inbound import MailFor, act_on_mail
from digest.logs import set_up_logging
from digest.migrations import upgrade
from digest.runtime import DELIVER_ISSUE, Runtime, open_runtime
from digest.web import create_app
from digest.web.desk import DemoDoor, demo_door_pages
from digest.web.inbox import InboxServer, Mailbox, inbox_pages
from digest.web.server import bind

DEMO_PORT = 8025


@click.command()
@click.option("--once", is_flag=True, help="Play the whole story without a person, and check it.")
@click.option("--port", type=port_range, default=None, help=f"0: any free one.  [{DEMO_PORT}]")
def demo(once: bool, port: int | None) -> None:
    """Play the whole product on this machine: The Halyard, its readers' pages, and an inbox.

    It leaves nothing behind: the database is in a temporary folder, and mail goes no further
    than the inbox.
    """
    set_up_logging("text", logging.WARNING)
    if once:
        _play_once(port or 0)
    else:
        _run_demo(DEMO_PORT if port is None else port)


def _run_demo(port: int) -> None:
    with Stop() as stop, demo_stage(port) as (stage, parts):
        stop.discard = stage.runtime.settings.data_dir
        stage.runtime.bell.ring(DELIVER_ISSUE, print_last_week(stage.runtime, stage.paper))
        editor = DemoEditor(stage.runtime, stage.paper)
        editor.prepare_issue()
        click.echo(
            f"The Halyard is at   {stage.url}/\n"
            f"Its readers' mail   {stage.url}/inbox\n"
            f"Its editor's desk   {stage.url}{stage.desk_path} (good once)\n\n"
            "Sign up with any address, then look into the inbox. Ctrl-C ends the demo."
        )

        def look() -> None:
            if (happened := editor.look()) is not None:
                click.echo(happened)

        parts.run_until(stop, look)
    click.echo("The demo has ended, and left nothing behind.")


def _play_once(port: int) -> None:
    with interrupted_by_sigterm(), demo_stage(port) as (stage, _):
        start_paper(stage.runtime)
        held = tell(stage)
    sys.exit(0 if held else 1)


def tell(stage: Stage) -> bool:
    """Play the story, print a line for each step that held, and return whether all did."""
    began = step = time.monotonic()
    try:
        for sentence in play(stage):
            now = time.monotonic()
            click.echo(f"✓ {now - step:5.2f} s  {sentence}")
            step = now
    except StoryError as broken:
        click.echo(f"✗ {time.monotonic() - step:5.2f} s  {broken}", err=True)
        return False
    click.echo(f"All of it held, in {time.monotonic() - began:.1f} s.")
    return True


@contextmanager
def demo_stage(port: int) -> Iterator[tuple[Stage, Parts]]:
    """Run the whole product in a folder that is thrown away, with an inbox as its relay."""
    with ExitStack() as ends:
        listener = ends.enter_context(bind("127.0.0.1", port, "--port"))
        mail_listener = ends.enter_context(bind("127.0.0.1", 0))
        paper = ends.enter_context(HalyardSite())
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="digest-demo-")))
        settings = demo_settings(folder, listener.getsockname()[1], mail_listener.getsockname()[1])
        upgrade(settings.database_url)
        runtime = open_runtime(settings)
        ends.callback(runtime.close)
        mailbox = Mailbox(clock=runtime.clock)
        inbox = InboxServer(
            mailbox,
            mail_listener,
            inbound_domain=settings.inbound_domain,
            act_on=partial(_act_on_mail, runtime),
        )
        inbox.start()
        ends.callback(inbox.stop)
        door = DemoDoor()
        extra = [inbox_pages(mailbox, settings.public_url), demo_door_pages(door)]
        parts = ends.enter_context(serving(runtime, create_app(runtime, extra), listener))
        yield Stage(runtime, settings.public_url, mailbox, paper, door.path), parts


def _act_on_mail(runtime: Runtime, content: bytes, recipients: tuple[str, ...]) -> bool:
    """Act on a mail; return whether to show it: of a mail to itself only the demo knows."""
    acted = act_on_mail(
        runtime.database, runtime.ring, content, recipients, now=runtime.clock.now()
    )
    return acted.what is not MailFor.ECHO


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
