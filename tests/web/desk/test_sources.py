"""Sources at the desk: tried, added, changed and given up, as by the command."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from digest.database.transactions import Database
from digest.desk.audit import list_events
from digest.models import Article, Newsletter, Source, SourceFetch
from tests.cli.conftest import CommandLine
from tests.factories import NOW, make_article, make_issue
from tests.servers.web import WebServer
from tests.web.conftest import RecordingBell, hidden, words
from tests.web.desk.conftest import Colleague

PAGE = "/desk/sources"
FEED = b"""<rss version="2.0"><channel><title>The Halyard</title>
<item><title>The port &lt;b&gt;that&lt;/b&gt; stopped</title>
<link>https://halyard.example/a/port</link></item></channel></rss>"""
SITE = b"""<html><head><link rel="alternate" type="application/rss+xml" href="/feed.xml"></head>"""


def source_of(database: Database, source_id: int) -> Source:
    with database.reading() as session:
        return session.get_one(Source, source_id)


def kept(source: Source) -> dict[str, Any]:
    names = ("name", "section", "priority", "failures", "last_error", "etag")
    return {name: getattr(source, name) for name in names}


@dataclass
class Feeds:
    feed: str
    page: str


@pytest.fixture
def feeds(http_server: WebServer) -> Feeds:
    return Feeds(http_server.route("/feed.xml", FEED), http_server.route("/", SITE))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_source_is_tried_added_changed_and_retired(
    imara: Colleague, database: Database, feeds: Feeds, bell: RecordingBell,
    command_line: CommandLine,
) -> None:  # fmt: skip
    typed = {"url": feeds.feed, "name": "The Halyard", "section": "Sea", "priority": "2"}
    tried = imara.press(PAGE, PAGE, **typed, action="check")
    assert "one entry would come in" in words(tried)
    assert "The port that stopped" in words(tried)
    assert f'value="{feeds.feed}"' in tried.text
    page = imara.press(PAGE, PAGE, **(typed | {"url": feeds.page}), action="check")
    assert (page.status_code, feeds.feed in words(page)) == (422, True), "the page names its feed"
    nothing = imara.press(PAGE, PAGE, **(typed | {"url": " "}), action="check")
    assert "Give the feed" in words(nothing)
    with database.reading() as session:
        assert session.scalar(select(Source.id)) is None, "it was only tried"

    assert imara.press(PAGE, PAGE, **typed, action="add").location == f"{PAGE}/1?done=added"
    assert bell.rung == ["worker.tasks.fetch_source"]
    added = command_line("source", "add", f"{feeds.feed}?2", "--name", "The Halyard",
                         "--section", "Sea", "--priority", "2")  # fmt: skip
    assert added.exit_code == 0, added.err
    assert kept(source_of(database, 1)) == kept(source_of(database, 2))
    for fields, said in (
        ({}, "a source with that address already"),
        ({"url": "feed"}, "http"),
        ({"url": "https://halyard.example/x", "priority": "15"}, "-14 to 14"),
        ({"url": "https://halyard.example/x", "priority": "much"}, "Give a number of days"),
    ):
        told = imara.press(PAGE, PAGE, **(typed | fields), action="add")
        assert (told.status_code, said in words(told)) == (422, True), fields
        assert 'value="The Halyard"' in told.text

    one = f"{PAGE}/1"
    with database.transaction() as session:
        source = session.get_one(Source, 1)
        source.last_error, source.failures = "The site answers 503.", 3
        moments = {"began_at": NOW, "last_at": NOW, "source_id": 1}
        session.add(SourceFetch(took_ms=1240, error="The site answers 503.", times=3, **moments))
        newsletter = session.scalars(select(Newsletter)).one()
        newsletter.source_ids = [1]
        article = make_article(session, "port", source_id=1, first_seen_at=NOW)
        make_issue(session, newsletter, [article])
    assert "Trouble. The site answers 503. It has not answered yet. Next fetch on" in words(
        imara.get(PAGE)
    )
    shown = words(imara.get(one))
    assert "1 in the last seven days" in shown
    assert "3 times The site answers 503. 1.2 s" in shown
    stamp = hidden(imara.get(one).text, "stamp")
    named = typed | {"name": "Wire", "action": "save", "stamp": stamp}
    assert imara.press(one, one, **named).status_code == 303
    older = typed | {"section": "Port", "stamp": stamp}
    tried = imara.press(one, one, **older, action="check")
    assert hidden(tried.text, "stamp") == stamp, "it was only tried"
    stale = imara.press(one, one, **older, action="save")
    assert (stale.status_code, "Somebody else changed" in words(stale)) == (422, True)
    assert 'value="Port"' in stale.text, "what was typed is kept"
    assert source_of(database, 1).name == "Wire"
    assert hidden(stale.text, "stamp") == hidden(imara.get(one).text, "stamp")
    assert imara.press(one, one, **typed, action="pause").location == f"{one}?done=paused"
    assert source_of(database, 1).paused_at == NOW
    assert imara.press(one, one, **typed, action="resume").status_code == 303
    assert "one entry would come in" in words(imara.press(one, one, **typed, action="check"))
    retired = words(imara.press(one, one, **typed, action="retire"))
    assert "Saturday 14 November, keeps the stories that it has of it" in retired
    assert "Nothing feeds Editor’s Digest now" in retired
    assert "is retired" in words(imara.press(PAGE, one, **typed, action="pause"))
    assert "Wire" not in words(imara.get(PAGE))
    assert "Retired on" in words(imara.get(f"{PAGE}?all=1"))
    assert imara.get(f"{PAGE}/99").status_code == 404
    with database.reading() as session:
        events = [(each.verb, each.fields) for each in list_events(session, at_most=5)]
        assert session.scalars(select(Article)).one().source_id == 1
    assert events[::-1] == [
        ("source add", ("name", "priority", "section", "url")),
        ("source edit", ("name",)),
        ("source pause", ("paused_at",)),
        ("source resume", ("failures", "next_fetch_at", "paused_at")),
        ("source retire", ("retired_at",)),
    ]
