"""Links that are counted: where they lead, what is counted, and what is never kept of anybody."""

import io
import quopri
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text, update
from werkzeug.test import TestResponse

from digest.clock import FixedClock
from digest.database.transactions import Database
from digest.delivery.clicks import FEWEST, clicks_of
from digest.delivery.controls.previewing import preview_issue
from digest.delivery.ledger.freezing import freeze
from digest.delivery.messages import Links
from digest.delivery.rendering.stencil import Stencil
from digest.models import Issue, Newsletter, Rendering, Story, StoryClicks
from digest.web import create_app
from digest.web.clicks.counting import EXTENSION
from tests.factories import NOW, RING, make_article, make_issue, make_reader
from tests.web.conftest import words

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
URL = "http://127.0.0.1:8000"
LINKS = Links(RING, URL, None)
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SLUGS = ("port", "cold", "roofs", "bat", "ledgers")


class Mailed:
    """An issue of a newsletter that counts clicks, frozen, and those who follow its links."""

    def __init__(self, app: Flask, database: Database, issue_id: int) -> None:
        self.app, self.database, self.issue_id = app, database, issue_id
        with database.reading() as session:
            self.stories = list(
                session.scalars(
                    select(Story.id).where(Story.issue_id == issue_id).order_by(Story.position)
                )
            )

    def follow(
        self, place: int, ip: str = "198.51.100.7", agent: str = PERSON, **options: Any
    ) -> TestResponse:
        client: FlaskClient = self.app.test_client(use_cookies=False)
        headers = {"User-Agent": agent, **options.pop("headers", {})}
        return client.open(
            f"/s/{self.stories[place]}",
            headers=headers,
            environ_base={"REMOTE_ADDR": ip},
            **options,
        )

    def counted(self) -> list[tuple[int, int]]:
        """Return the clicks of each story, readers' and machines'."""
        self.app.extensions[EXTENSION].write()
        with self.database.reading() as session:
            rows = {row.story_id: row for row in session.scalars(select(StoryClicks))}
        told = [rows.get(story) for story in self.stories]
        return [(row.clicks, row.by_machines) if row else (0, 0) for row in told]


@pytest.fixture
def mailed(app: Flask, database: Database, newsletter: Newsletter) -> Iterator[Mailed]:
    with database.transaction() as session:
        found = session.get_one(Newsletter, newsletter.id)
        found.count_clicks = True
        make_reader(session, found, "robin@example.org")
        issue_id = make_issue(session, found, [make_article(session, each) for each in SLUGS]).id
    assert freeze(database, issue_id, now=NOW, public_url=URL, inbound_domain=None)
    yield Mailed(app, database, issue_id)
    app.extensions[EXTENSION].write()


def test_the_mail_s_links_lead_through_us_and_hold_nothing_of_a_reader(
    mailed: Mailed, client: FlaskClient
) -> None:
    with mailed.database.reading() as session:
        frozen = Stencil.from_bytes(session.scalars(select(Rendering.stencil)).one())
        issue = session.get_one(Issue, mailed.issue_id)
        looked_at = preview_issue(session, issue, "imara@example.org", links=LINKS, now=NOW)
    sent = quopri.decodestring(b"".join(frozen.pieces)).decode()
    for story in mailed.stories:
        assert f'href="{URL}/s/{story}"' in sent
        assert f"\n{URL}/s/{story}\r\n" in sent
    assert "halyard.example/a/" not in sent
    for slug in SLUGS:
        # An editor's look at it, or her test of it, is no click.
        assert f'href="https://halyard.example/a/{slug}"' in looked_at.html
        assert f"\nhttps://halyard.example/a/{slug}\n" in looked_at.text
    assert "/s/" not in looked_at.html + looked_at.text
    body = looked_at.eml.partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 76, "RFC 2045 6.7 (5)"
    for place, slug in enumerate(SLUGS):
        answer = mailed.follow(place)
        assert (answer.status_code, answer.location) == (302, f"https://halyard.example/a/{slug}")
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
    assert "In the Editor’s Digest the links to stories" in words(client.get("/privacy"))
    assert mailed.counted() == [(1, 0)] * 5
    with mailed.database.transaction() as session:
        session.execute(update(Newsletter).values(count_clicks=False))
    assert mailed.follow(0).location == "https://halyard.example/a/port"
    assert mailed.counted()[0] == (1, 0), "who switches it off is counted no more"
    assert "Clicks in mails" not in words(client.get("/privacy"))


@sqlite
def test_readers_are_counted_and_machines_are_set_apart(
    mailed: Mailed, logged: io.StringIO
) -> None:
    for person in range(6):
        mailed.follow(0, ip=f"8.8.{person}.7")
    mailed.follow(1)
    # A look without opening, a scanner that says so, one that says nothing, a look ahead, a frame.
    mailed.follow(1, method="HEAD")
    mailed.follow(1, agent="Mimecast-Scanner/1.0")
    mailed.follow(1, agent="")
    mailed.follow(1, headers={"Sec-Purpose": "prefetch"})
    mailed.follow(1, headers={"Sec-Fetch-Dest": "iframe"})
    assert mailed.counted()[:2] == [(6, 0), (1, 3)]
    # One network that follows everything at once: what it did before counts no more.
    for place in range(5):
        mailed.follow(place, ip="9.9.9.9")
    assert mailed.counted() == [(6, 1), (1, 4), (0, 1), (0, 1), (0, 1)]
    with mailed.database.reading() as session:
        told = clicks_of(session, mailed.issue_id)
        rows = session.scalars(text("SELECT sql FROM sqlite_master WHERE name = 'story_clicks'"))
        columns = rows.one()
    assert [each.clicks for each in told] == [6, *[None] * 4]
    assert FEWEST == 5
    # Where and when each came from has no place to stand.
    assert [word in columns for word in ("ip", "agent", "at ", "subscriber")] == [False] * 4
    assert "8.8." not in logged.getvalue()
    assert "9.9.9" not in logged.getvalue()


@sqlite
def test_a_link_leads_nowhere_but_to_a_story_that_went_out(
    mailed: Mailed, client: FlaskClient, database: Database
) -> None:
    with database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).one()
        secret = make_article(session, "not-out-yet")
        draft = make_issue(session, newsletter, [secret], occurrence_on=None)
        waiting = draft.stories[0].id
        direct = preview_issue(session, draft, "robin@example.org", links=LINKS, now=NOW)
    assert "https://halyard.example/a/not-out-yet" in direct.text
    assert "/s/" not in direct.text
    for path in (f"/s/{waiting}", "/s/0", "/s/999999", f"/s/{2**63}", "/s/https://evil.example"):
        assert client.get(path).status_code == 404, path
    answer = client.get(f"/s/{mailed.stories[0]}?url=https://evil.example&next=//evil.example")
    assert answer.location == "https://halyard.example/a/port"
    assert client.post(f"/s/{mailed.stories[0]}").status_code == 405


@sqlite
def test_links_lead_on_while_redis_and_the_database_are_away(
    mailed: Mailed, make_runtime: Any, clock: FixedClock
) -> None:
    # Nothing listens there.
    app = create_app(make_runtime(redis_url="redis://127.0.0.1:1/0"))
    lonely = Mailed(app, mailed.database, mailed.issue_id)
    assert lonely.follow(0).status_code == 302
    clock.at += timedelta(minutes=1)
    with mailed.database.transaction() as session:
        session.execute(text("ALTER TABLE story RENAME TO away"))
        session.execute(text("ALTER TABLE story_clicks RENAME TO clicks_away"))
    assert lonely.follow(0).location == "https://halyard.example/a/port"
    app.extensions[EXTENSION].write()
    with mailed.database.transaction() as session:
        session.execute(text("ALTER TABLE away RENAME TO story"))
        session.execute(text("ALTER TABLE clicks_away RENAME TO story_clicks"))
    assert lonely.counted()[0] == (2, 0), "what could not be written down was kept"
