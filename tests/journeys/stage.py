"""The demo's stage, put together by a test that wants to break a part of it."""

import asyncio
import smtplib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from digest.cli.demo import demo_settings
from digest.cli.halyard import EDITOR, EDITOR_EMAIL, open_paper
from digest.cli.halyard_feed import HalyardSite
from digest.cli.story import Stage
from digest.desk.audit import OPERATOR
from digest.desk.users import Granted, create_user
from digest.models import Role
from digest.runtime import open_runtime
from digest.web import create_app
from digest.web.desk import DemoDoor, demo_door_pages
from digest.web.inbox import InboxServer, Mailbox
from digest.web.server import EmbeddedServer, Wsgi, bind
from tests.migrated import put_database
from tests.servers.smtp import SmtpSink
from worker.embedded import EmbeddedWorkers

PATIENCE_SECONDS = 6.0


def as_it_is(content: bytes) -> list[bytes]:
    return [content]


def nobody_else(content: bytes) -> list[str]:
    return []


@dataclass(frozen=True)
class Faults:
    """What is broken: by default nothing.

    `deliver` is what becomes of a mail on its way, `also_to` who else gets it.
    """

    site: Callable[[Wsgi], Wsgi] = lambda app: app
    deliver: Callable[[bytes], list[bytes]] = as_it_is
    also_to: Callable[[bytes], list[str]] = nobody_else
    workers: bool = True
    feed: bool = True
    relay: bool = True


@contextmanager
def stage_with(faults: Faults, folder: Path, path: str = "", **changes: Any) -> Iterator[Stage]:
    """The parts of `digest demo --once`, with a relay of the test's before its inbox.

    `path` is what the pages stand under, as in /newsletters; `changes` replace the demo's settings.
    """
    with ExitStack() as ends:
        mailbox = Mailbox()
        inbox = InboxServer(mailbox, bind("127.0.0.1", 0))
        inbox.start()
        ends.callback(inbox.stop)
        relay = BadRelay(inbox.port, faults)
        ends.callback(relay.close)
        listener = ends.enter_context(bind("127.0.0.1", 0))
        port = listener.getsockname()[1]
        settings = demo_settings(folder, port, relay.port if faults.relay else 1)
        site = settings.public_url + path
        settings = replace(settings, **{"public_url": site, **changes})
        put_database(settings.database_url)
        runtime = open_runtime(settings)
        ends.callback(runtime.close)
        with runtime.database.transaction() as session:
            now = runtime.clock.now()
            open_paper(session, now)
            create_user(session, OPERATOR, EDITOR_EMAIL, EDITOR, [Granted(Role.OWNER)], now=now)
        door = DemoDoor()
        app = create_app(runtime, [demo_door_pages(door)])
        server = EmbeddedServer(faults.site(app), listener)
        server.start()
        ends.callback(server.stop)
        if faults.workers:
            workers = EmbeddedWorkers(runtime)
            workers.start()
            ends.callback(workers.stop, 30)
        paper = ends.enter_context(HalyardSite())
        if not faults.feed:
            paper.close()
        yield Stage(runtime, site, mailbox, paper, door.path, PATIENCE_SECONDS)


class BadRelay(SmtpSink):
    """Passes on to the inbox what its faults leave of a mail."""

    def __init__(self, inbox_port: int, faults: Faults) -> None:
        self._inbox_port = inbox_port
        self._faults = faults
        super().__init__()

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.get_running_loop().run_in_executor(None, self._pass_on, envelope)
        return "250 2.0.0 passed on"

    def _pass_on(self, envelope: Envelope) -> None:
        content = envelope.content
        assert isinstance(content, bytes)
        readers = [*envelope.rcpt_tos, *self._faults.also_to(content)]
        with smtplib.SMTP("127.0.0.1", self._inbox_port, local_hostname="localhost") as client:
            for left in self._faults.deliver(content):
                for reader in readers:
                    client.sendmail(envelope.mail_from or "", [reader], left)
