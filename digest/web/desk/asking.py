"""Asking an issue's links in a request: a few at once, and never in a transaction."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from digest.errors import RefusedError
from digest.models import Role
from digest.newsroom.intake.fetching import Fetcher
from digest.newsroom.intake.fetching_sources import open_fetcher
from digest.preflight.asking import ask_links_of
from digest.preflight.watching import wants_asking
from digest.web.context import current_runtime
from digest.web.desk.compose import found_issue
from digest.web.desk.signed_in import desk, refuse_without

# It takes a while, and the process has readers to serve beside it.
AT_ONCE = threading.BoundedSemaphore(2)


@contextmanager
def asking() -> Iterator[Fetcher]:
    """Give what asks, to two at once in a process.

    Raises:
        RefusedError: two others have it.
    """
    if not AT_ONCE.acquire(blocking=False):
        raise RefusedError("Other links are being checked just now. Try again in half a minute.")
    try:
        runtime = current_runtime()
        yield open_fetcher(runtime.database, runtime.settings)
    finally:
        AT_ONCE.release()


def ask_first(issue_id: int) -> None:
    """Ask the links that nobody asked within the hour, for an editor who sends it on its way.

    Raises:
        RefusedError: links of two other issues are being asked.
    """
    runtime, now = current_runtime(), desk().now
    url = runtime.settings.public_url
    with runtime.database.reading() as session:
        issue = found_issue(session, issue_id)
        refuse_without(Role.EDITOR, issue.newsletter_id)
        wanted = wants_asking(session, issue, public_url=url, now=now)
    if wanted:
        with asking() as fetcher:
            ask_links_of(
                runtime.database, issue_id, fetcher=fetcher, public_url=url, now=now, again=False
            )
