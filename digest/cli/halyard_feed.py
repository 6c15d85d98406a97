"""The Halyard’s site, as far as Digest needs it: a feed and its pictures, over HTTP on loopback."""

import hashlib
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice
from types import TracebackType
from typing import Self
from xml.sax.saxutils import escape, quoteattr

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.cli import art
from digest.cli.halyard import SITE, HalyardStory
from digest.models import Source
from digest.newsroom.intake.articles import WORDS_A_MINUTE
from digest.newsroom.intake.pictures import LEAD
from digest.newsroom.intake.sources import add_source

FEED_PATH = "/feed.xml"
PICTURES_PATH = "/pictures/"
LOOK_UP_SECONDS = 0.05

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:media="http://search.yahoo.com/mrss/">\n'
    f"<channel><title>The Halyard</title><link>{SITE}/</link>"
    "<description>Reporting from Varrholm.</description>\n"
)


@dataclass(frozen=True)
class _Published:
    story: HalyardStory
    edition: str
    at: datetime


class HalyardSite:
    """Serves what was published, the newest first, while it is entered as a context manager."""

    def __init__(self) -> None:
        self._published: list[_Published] = []
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.feed_url = self.url + FEED_PATH
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(LOOK_UP_SECONDS,), name="halyard"
        )

    def publish(self, stories: tuple[HalyardStory, ...], edition: str, at: datetime) -> None:
        """Put an edition on the site; its pieces came out in the hours before `at`."""
        new = [_Published(s, edition, at - timedelta(hours=s.age_hours)) for s in stories]
        everything = [*new, *self._published]
        self._published = sorted(everything, key=lambda piece: piece.at, reverse=True)

    def feed(self) -> bytes:
        """Return the feed, RSS 2.0 with Media RSS."""
        items = "".join(map(_item, self._published))
        return f"{HEAD}{items}</channel></rss>\n".encode()

    def close(self) -> None:
        """Take the site off the net; a second time does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()


def feed_due(session: Session, paper: HalyardSite, now: datetime) -> int:
    """Have the paper's feed among the sources, to be fetched at once; returns the source."""
    source = session.scalar(select(Source).where(Source.url == paper.feed_url))
    if source is None:
        source = add_source(session, paper.feed_url, now, name="The Halyard")
    source.next_fetch_at = now
    session.flush()
    return source.id


def _item(piece: _Published) -> str:
    story, page = piece.story, f"{SITE}/{piece.edition}/{piece.story.slug}"
    # As many words as the piece takes minutes to read; nobody but a counter reads them.
    words = " ".join(islice(cycle(story.standfirst.split()), story.minutes * WORDS_A_MINUTE))
    return (
        f"<item><title>{escape(story.title)}</title><link>{page}</link>"
        f'<guid isPermaLink="false">halyard-{piece.edition}-{story.slug}</guid>'
        f"<pubDate>{format_datetime(piece.at)}</pubDate>"
        f"<dc:creator>{escape(story.byline)}</dc:creator>"
        f"<category>{escape(story.section)}</category>"
        f"<description>{escape(story.standfirst)}</description>"
        f"<content:encoded>{escape(f'<p>{escape(words)}</p>')}</content:encoded>"
        f'<media:content medium="image" url={quoteattr(f"{PICTURES_PATH}{story.slug}.png")} '
        f'width="{LEAD.width}" height="{LEAD.height}">'
        f"<media:title>{escape(art.SCENES[story.slug].alt)}</media:title></media:content></item>\n"
    )


@cache
def _picture(name: str) -> bytes:
    return art.draw(name, LEAD.width, LEAD.height)


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, site: HalyardSite) -> None:
        self.site = site
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10.0

    def do_GET(self) -> None:
        name = self.path.removeprefix(PICTURES_PATH).removesuffix(".png")
        if self.path == FEED_PATH:
            self._answer(self.server.site.feed(), "application/rss+xml; charset=utf-8")
        elif self.path == f"{PICTURES_PATH}{name}.png" and name in art.SCENES:
            self._answer(_picture(name), "image/png")
        else:
            self.send_error(404)

    def _answer(self, body: bytes, content_type: str) -> None:
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if self.headers.get("If-None-Match") == etag:
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", etag)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the demo speaks for itself."""
