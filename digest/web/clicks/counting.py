"""A click that comes in: whether it is a person's, and one more of a story's.

What is counted is held in memory for two seconds and then added to the database, so that no reader
waits for it, and that no story's row is fought over. A process that is killed loses two seconds.
"""

import atexit
import re
import threading
from collections import defaultdict

from flask import Flask, Request, current_app
from sqlalchemy.exc import SQLAlchemyError

from digest.database.transactions import Database
from digest.delivery.clicks import Target, add_clicks, target_of
from digest.errors import UnavailableError
from digest.logs import get_logger
from digest.runtime import Runtime
from digest.web.clicks.followers import AGAIN, Followers, open_followers
from digest.web.evidence import reader_ip
from digest.web.guarding.networks import networks_of

EXTENSION = "digest-clicks"
WRITE_AFTER_SECONDS = 2.0
# The targets of so many links are known while the database is away.
REMEMBERED = 5000
# Programs that say what they are. A reader's mail program or browser says none of these words.
MACHINES = re.compile(
    r"(?<!cu)bots?\b|crawl|spider|scan|preview|slurp|fetch|monitor|check|headless|phantom|archiv|"
    r"curl|wget|python|java/|okhttp|go-http|libwww|httpclient|axios|node-fetch|ruby|perl|"
    r"facebookexternalhit|googleimageproxy|yahoomailproxy|barracuda|mimecast|proofpoint|"
    r"fireeye|trendmicro|safelinks|symantec|sophos|forcepoint|urldefense",
    re.IGNORECASE,
)

log = get_logger(__name__)


class Clicks:
    """The clicks of one process that are not written down yet, and where links lead."""

    def __init__(self, database: Database, followers: Followers) -> None:
        self._database = database
        self._followers = followers
        self._lock = threading.Lock()
        self._pending: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        self._timer: threading.Timer | None = None
        self._registered = self._over = False
        self._targets: dict[int, Target] = {}

    def target(self, story_id: int) -> Target | None:
        """Return where a link leads; while the database is away, as it was known before.

        Raises:
            UnavailableError, SQLAlchemyError: it is away, and nobody has followed that link lately.
        """
        try:
            with self._database.reading() as session:
                found = target_of(session, story_id)
        except (SQLAlchemyError, UnavailableError):
            known = self._targets.get(story_id)
            if known is None:
                raise
            return known
        if found is not None:
            if len(self._targets) >= REMEMBERED:
                self._targets.clear()
            self._targets[story_id] = found
        return found

    def count(self, story_id: int, issue_id: int, network: str | None, is_machine: bool) -> None:
        """Count a click, as a machine's where it is one, or its network turns out to be.

        What its network has followed within ten seconds is not counted again.
        """
        if is_machine:
            self._add([(story_id, 0, 1)])
            return
        told = self._followers.note(issue_id, story_id, network) if network else []
        if told == AGAIN:
            return
        # Those of a network that has just given itself away had been counted as a reader's.
        before = [(each, -1, 1) for each in told[:-1]]
        self._add([*before, (story_id, 0, 1) if told else (story_id, 1, 0)])

    def write(self) -> None:
        """Add what is pending to the database. Where that is away it is kept, and tried again."""
        with self._lock:
            pending, self._pending = self._pending, defaultdict(lambda: [0, 0])
            self._timer = None
        more = {story: (clicks, machines) for story, (clicks, machines) in pending.items()}
        if not more:
            return
        try:
            with self._database.transaction() as session:
                add_clicks(session, more)
        except (SQLAlchemyError, UnavailableError) as error:
            log.warning("clicks are not written down yet", error=type(error).__name__)
            self._add([(story, *numbers) for story, numbers in more.items()])

    def _finish(self) -> None:
        self._over = True
        self.write()

    def _add(self, more: list[tuple[int, int, int]]) -> None:
        with self._lock:
            for story_id, clicks, machines in more:
                self._pending[story_id][0] += clicks
                self._pending[story_id][1] += machines
            if not self._registered:
                # What the last two seconds brought, when the process ends in order.
                atexit.register(self._finish)
                self._registered = True
            if self._timer is None and not self._over:
                self._timer = threading.Timer(WRITE_AFTER_SECONDS, self.write)
                self._timer.daemon = True
                self._timer.start()


def keep_clicks(app: Flask, runtime: Runtime) -> None:
    """Give the app what counts its clicks."""
    app.extensions[EXTENSION] = Clicks(runtime.database, open_followers(runtime.settings))


def clicks() -> Clicks:
    """Return what counts the clicks of this process."""
    found = current_app.extensions[EXTENSION]
    assert isinstance(found, Clicks)
    return found


def count_click(request: Request, story_id: int, target: Target, runtime: Runtime) -> None:
    """Count a request for a link, unless it does not open a page: HEAD, or a look ahead."""
    if request.method != "GET" or not target.counts:
        return
    # A browser says what it is for. The desk's own preview is a frame.
    if request.headers.get("Sec-Fetch-Dest", "document") != "document":
        return
    networks = networks_of(reader_ip(request, runtime.settings.trusted_proxies))
    clicks().count(
        story_id, target.issue_id, networks.line if networks else None, _is_machine(request)
    )


def _is_machine(request: Request) -> bool:
    looks_ahead = request.headers.get("Sec-Purpose") or request.headers.get("Purpose")
    agent = request.user_agent.string
    return bool(looks_ahead) or not agent or MACHINES.search(agent) is not None
