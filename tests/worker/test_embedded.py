"""The workers of one process: their queues, and their end."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from sqlalchemy import select

from digest.cli.demo import demo_settings
from digest.clock import FixedClock
from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.models import Delivery, Notice, NoticeKind, NoticeState
from digest.runtime import PREPARE_ISSUE, SEND_NOTICES, Runtime, open_runtime
from digest.tokens import new_token_id
from tests.factories import NOW, make_article, make_issue, make_newsletter, make_reader
from tests.journeys.formation import wait_until
from tests.migrated import put_database
from worker.embedded import EmbeddedWorkers


class DeafRelay:
    """Takes every connection; the first so many hear nothing until `answer` is set."""

    def __init__(self, deaf: int) -> None:
        self.connections = 0
        self.answer = threading.Event()
        self._deaf = deaf
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self.answer.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(30)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            waits = self.connections <= self._deaf
            thread = threading.Thread(target=self._talk, args=(connection, waits))
            thread.start()
            self._threads.append(thread)

    def _talk(self, connection: socket.socket, waits: bool) -> None:
        with connection, connection.makefile("rb") as lines:
            if waits:
                self.answer.wait(30)
            connection.sendall(b"220 here\r\n")
            for line in lines:
                if line[:4].upper() == b"DATA":
                    connection.sendall(b"354 go on\r\n")
                    while lines.readline() not in {b".\r\n", b""}:
                        pass
                connection.sendall(b"250 fine\r\n")


@contextmanager
def runtime_with(relay_port: int, folder: Path) -> Iterator[Runtime]:
    settings = replace(demo_settings(folder, 8000, relay_port), smtp_timeout=30.0)
    put_database(settings.database_url)
    runtime = open_runtime(settings, clock=FixedClock(NOW))
    yield runtime
    runtime.close()


def add_notice(database: Database, newsletter_id: int, reader_id: int) -> None:
    with database.transaction() as session:
        session.add(
            Notice(
                token_id=new_token_id(),
                kind=NoticeKind.ALREADY_SIGNED_UP,
                to_address="robin@example.org",
                newsletter_id=newsletter_id,
                subscriber_id=reader_id,
                created_at=NOW,
                next_attempt_at=database_now(),
            )
        )


def test_a_notice_does_not_wait_behind_a_bulk_send_that_is_stuck(tmp_path: Path) -> None:
    before = threading.active_count()
    with closing(DeafRelay(deaf=2)) as relay, runtime_with(relay.port, tmp_path) as runtime:
        with runtime.database.transaction() as session:
            newsletter = make_newsletter(session, story_min=1)
            reader = make_reader(session, newsletter, "robin@example.org")
            issues = [
                make_issue(session, newsletter, [make_article(session, slug)], occurrence_on=day)
                for slug, day in (("port", date(2026, 11, 7)), ("cold", date(2026, 11, 14)))
            ]
        workers = EmbeddedWorkers(runtime)
        workers.start()
        try:
            for issue in issues:
                runtime.bell.ring(PREPARE_ISSUE, issue.id)
            wait_until(lambda: relay.connections == 2, "both threads for bulk are stuck")
            add_notice(runtime.database, newsletter.id, reader.subscriber_id)
            runtime.bell.ring(SEND_NOTICES)
            wait_until(lambda: notice_is_accepted(runtime.database), "the notice is accepted")
            with runtime.database.reading() as session:
                assert session.scalars(select(Delivery.final_at)).all() == [None, None]
            assert not workers.stop(0.5), "it cannot have finished what is stuck"
        finally:
            relay.answer.set()
            assert workers.stop(30)
    # A thread of an earlier test may have ended meanwhile.
    assert threading.active_count() <= before


def notice_is_accepted(database: Database) -> bool:
    with database.reading() as session:
        return session.scalar(select(Notice.state)) is NoticeState.ACCEPTED


def test_it_can_start_again_in_the_same_process(tmp_path: Path) -> None:
    before = threading.active_count()
    with runtime_with(1, tmp_path) as runtime:
        for _ in range(2):
            runtime.stopping.clear()
            workers = EmbeddedWorkers(runtime)
            workers.start()
            assert workers.alive
            assert workers.stop(30)
            assert not workers.alive
    # A thread of an earlier test may have ended meanwhile.
    assert threading.active_count() <= before
    assert socket.getdefaulttimeout() is None, "other sockets of this process wait as before"
