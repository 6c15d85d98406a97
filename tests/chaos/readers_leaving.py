"""Readers leave in mid-send: by the link's one click, and by the function behind it."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import httpx
import psycopg

from digest.errors import UnavailableError
from digest.readers.preferences.leaving import leave
from tests.chaos.faults import Fault
from tests.chaos.scene import Leaver, Scene

BY_LINK, BY_FUNCTION = 6, 30
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


class ReadersLeave(Fault):
    name = "readers leave"

    def strike(self, scene: Scene) -> None:
        waiting = _not_yet_sent(scene)
        chosen = scene.draw.sample(waiting, min(len(waiting), BY_LINK + BY_FUNCTION))
        by_link, by_function = chosen[:BY_LINK], chosen[BY_LINK:]
        with scene.installation.relay.slow(), ThreadPoolExecutor(BY_LINK + 1) as hands:
            each = [hands.submit(partial(_leave_by_link, scene, email)) for email in by_link]
            for email in by_function:
                _leave_by_function(scene, email)
            for hand in each:
                hand.result()


def _not_yet_sent(scene: Scene) -> list[str]:
    # The relay's record rather than the rows: who is on the wire may leave as well.
    sent = {e.to for e in scene.installation.relay.entries() if e.issue_id == scene.issue_id}
    gone = {leaver.email for leaver in scene.leavers}
    return [email for email in scene.audience if email not in sent and email not in gone]


def _leave_by_link(scene: Scene, email: str) -> None:
    link = scene.installation.links.unsubscribe(_token_id(email))
    # Gunicorn may be starting, or its database away: whoever got no 200 has not left.
    with suppress(httpx.TransportError):
        if httpx.post(link, data=ONE_CLICK, timeout=10).status_code == 200:
            _witness(scene, email, "link")


def _leave_by_function(scene: Scene, email: str) -> None:
    database = scene.installation.database
    with suppress(UnavailableError):
        with database.transaction() as session:
            leave(session, _token_id(email), now=datetime.now(UTC))
        _witness(scene, email, "function")


def _witness(scene: Scene, email: str, by: str) -> None:
    """Note where the row is, once the leave is committed.

    One that is still to be claimed or opened has not become `sending` before: nothing may follow.
    """
    at = time.monotonic()
    with suppress(psycopg.OperationalError):
        [(state,)] = scene.installation.ask(
            """
            SELECT state FROM delivery WHERE issue_id = %s
            AND subscriber_id = (SELECT id FROM subscriber WHERE email = %s)
            """,
            scene.issue_id,
            email,
        )
        scene.leavers.append(Leaver(email, state, at, by))


def _token_id(email: str) -> bytes:
    # As Installation.add_readers makes them: the reader's number.
    number = int(email.removeprefix("reader").partition("@")[0])
    return number.to_bytes(16, "big")
