"""The paper's name and mark, which stand on every page, that of a failure included."""

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from digest.errors import UnavailableError
from digest.models import Newsletter, Publication
from digest.runtime import Runtime
from digest.settings.values import origin_of

# Two small rows, so that it is read often: what the desk changes is soon seen in every process.
FRESH_SECONDS = 2


@dataclass(frozen=True)
class Masthead:
    """What the pages show of the publication. `first` is its oldest newsletter, for its accent."""

    name: str
    mark: str | None
    language: str
    site_host: str
    site_origin: str
    first: Newsletter | None


NAMELESS = Masthead(name="", mark=None, language="en", site_host="", site_origin="", first=None)


class MastheadMemory:
    """Reads the masthead, and keeps it for two seconds; while the database is away, for longer.

    A page that says "something broke" must not need the thing that broke.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._seen = NAMELESS
        self._read_at = float("-inf")

    def get(self) -> Masthead:
        if time.monotonic() - self._read_at < FRESH_SECONDS and self._seen is not NAMELESS:
            return self._seen
        try:
            self._seen = self._read()
        except (UnavailableError, SQLAlchemyError):
            return self._seen
        self._read_at = time.monotonic()
        return self._seen

    def look_again(self) -> None:
        """Read it anew next time: for the pages on which it is changed, in any process."""
        self._read_at = float("-inf")

    def last_seen(self) -> Masthead:
        """Return it without asking the database."""
        return self._seen

    def _read(self) -> Masthead:
        with self._runtime.database.reading() as session:
            publication = session.get(Publication, 1)
            newsletters = select(Newsletter).where(Newsletter.retired_at.is_(None))
            first = session.scalar(newsletters.order_by(Newsletter.id).limit(1))
        if publication is None:
            return NAMELESS
        return Masthead(
            name=publication.name,
            mark=publication.mark,
            language=publication.language,
            site_host=urlsplit(publication.site_url).hostname or "",
            site_origin=_origin(publication.site_url),
            first=first,
        )


def _origin(site_url: str) -> str:
    try:
        return origin_of(site_url)
    except ValueError:
        # It may have been written before ports and host names were looked at: then it is nobody's.
        return ""


def remember_masthead(app: Flask, runtime: Runtime) -> None:
    """Give templates `masthead()`."""
    memory = MastheadMemory(runtime)
    app.extensions["digest-masthead"] = memory
    app.jinja_env.globals["masthead"] = memory.get


def masthead_of(app: Flask) -> MastheadMemory:
    """Return the app's memory of its masthead."""
    memory = app.extensions["digest-masthead"]
    assert isinstance(memory, MastheadMemory)
    return memory
