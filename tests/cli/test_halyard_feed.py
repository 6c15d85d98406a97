"""The demo's paper, fetched as any other source is."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from digest.cli.halyard import LAST_WEEK, SITE, THIS_WEEK
from digest.cli.halyard_feed import HalyardSite
from digest.database.transactions import Database
from digest.models import Article, Media
from digest.newsroom.intake.fetching import FEED, PRIVATE_NETWORKS, Fetcher, FetchError
from digest.newsroom.intake.fetching_pictures import fetch_pictures
from digest.newsroom.intake.fetching_sources import fetch_source
from digest.newsroom.intake.sources import add_source
from tests.factories import NOW

FETCHER = Fetcher("https://halyard.example", PRIVATE_NETWORKS)
EVERY = timedelta(minutes=15)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_paper_comes_in_by_its_feed(database: Database) -> None:
    with HalyardSite() as site:
        with database.transaction() as session:
            source_id = add_source(session, site.feed_url, NOW).id
        site.publish(THIS_WEEK, "this-week", NOW)
        fetched = fetch_source(database, source_id, fetcher=FETCHER, now=NOW, every=EVERY)
        assert fetched is not None
        assert (fetched.added, fetched.error) == (len(THIS_WEEK), None)
        assert fetch_pictures(database, fetcher=FETCHER, now=NOW, go_on=lambda: True)
        again = fetch_source(database, source_id, fetcher=FETCHER, now=NOW + EVERY, every=EVERY)
        assert again is not None
        assert again.unchanged
        site.publish(LAST_WEEK, "next-week", NOW + timedelta(days=7))
        later = NOW + timedelta(days=7)
        more = fetch_source(database, source_id, fetcher=FETCHER, now=later, every=EVERY)
        assert more is not None
        assert (more.added, more.changed) == (len(LAST_WEEK), 0)

    with database.reading() as session:
        found = {article.url: article for article in session.scalars(select(Article))}
        for story in THIS_WEEK:
            article = found[f"{SITE}/this-week/{story.slug}"]
            assert (article.title, article.standfirst) == (story.title, story.standfirst)
            assert (article.byline, article.section) == (story.byline, story.section)
            assert article.minutes == story.minutes
            assert article.published_at == NOW - timedelta(hours=story.age_hours)
            assert article.image_alt
            lead = session.get_one(Media, article.lead_image)
            assert (lead.width, lead.height) == (1072, 603)
            assert article.thumbnail is not None


def test_a_site_that_is_off_the_net_is_away(database: Database) -> None:
    with HalyardSite() as site:
        assert FETCHER.fetch(site.feed_url, FEED).content
        site.close()
        with pytest.raises(FetchError, match="did not take the connection"):
            FETCHER.fetch(site.feed_url, FEED)


@pytest.mark.parametrize(
    "path", ["/", "/pictures/mark", "/pictures/../feed.xml", "/pictures/x.png"]
)
def test_there_is_nothing_else_on_it(database: Database, path: str) -> None:
    with HalyardSite() as site, pytest.raises(FetchError, match="404"):
        FETCHER.fetch(site.url + path.replace("..", "%2e%2e"), FEED)
