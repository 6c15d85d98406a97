import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.errors import FieldError
from digest.models import Article, Source
from digest.newsroom.intake.articles import (
    Change,
    NewArticle,
    add_article,
    bring_in,
    bring_in_all,
    keys_of,
    reading_minutes,
    usable_articles,
)
from digest.newsroom.intake.links import fragment_key, guid_key, page_key
from tests.factories import NOW

PORT = NewArticle(
    url="https://halyard.example/a/port",
    title="The port that decided to stop growing",
    standfirst="For forty years Varrholm counted success in containers.",
    byline="Joss Penhallow",
    section="World",
)


def add_source(session: Session, name: str = "Halyard") -> Source:
    source = Source(
        url=f"https://halyard.example/{name}.xml", name=name, next_fetch_at=NOW, created_at=NOW
    )
    session.add(source)
    session.flush()
    return source


def count(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Article)) or 0


def test_an_article_is_added(database: Database) -> None:
    with database.transaction() as session:
        added = add_article(session, PORT, NOW)

    with database.reading() as session:
        article = session.get_one(Article, added.id)
    assert article.title == "The port that decided to stop growing"
    assert (article.byline, article.section) == ("Joss Penhallow", "World")
    assert (article.minutes, article.published_at) == (None, None)
    assert article.first_seen_at == article.updated_at == NOW
    assert not article.backlog


def test_everything_from_outside_is_cleaned(database: Database) -> None:
    hostile = NewArticle(
        url="https://halyard.example/a/port?utm_source=feed",
        title="The\x00 port\r\nBcc: all@example.org",
        standfirst="\u202eOne & \x07two.",
        body='<p onclick="x()">The <em>port</em></p><script>x()</script>',
        byline=" Joss\t ",
        section="\x00World\x07",
        topics=("ports", " ports", ""),
        image_url="javascript:alert(1)",
        image_alt="\x1bContainers",
    )
    with database.transaction() as session:
        article = add_article(session, hostile, NOW)

    assert article.url == "https://halyard.example/a/port"
    assert article.title == "The port Bcc: all@example.org"
    assert article.standfirst == "One & two."
    assert article.body == "<p>The <em>port</em></p>"
    assert (article.byline, article.section) == ("Joss", "World")
    assert article.topics == ["ports"]
    assert article.image_url is None
    assert article.image_alt == "Containers"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_plain_text_is_never_taken_for_markup(database: Database) -> None:
    words = "Vector<int>, the <dialog> element & a <b>bold</b> &lt;claim&gt;"
    given = NewArticle(
        PORT.url, words, standfirst=words, byline=words, section=words[:40], image_alt=words
    )
    with database.transaction() as session:
        article = add_article(session, given, NOW)

    assert {article.title, article.standfirst, article.byline, article.image_alt} == {words}
    assert article.section == words[:40]


def test_lengths_are_bounded(database: Database) -> None:
    long = NewArticle(
        url=PORT.url,
        title="port " * 1000,
        standfirst="port " * 10_000,
        byline="Joss " * 1000,
        section="World " * 100,
        topics=tuple(f"topic {number}" for number in range(1000)),
        guid="g" * 9000,
    )
    with database.transaction() as session:
        article = add_article(session, long, NOW, add_source(session))

    assert len(article.title) <= 500
    assert len(article.standfirst) <= 1000
    assert len(article.byline or "") <= 200
    assert len(article.section or "") <= 60
    assert len(article.topics) == 20


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("title", ["", "  ", "\u202e", "\x00"])
def test_an_article_without_a_title_is_refused(database: Database, title: str) -> None:
    with database.transaction() as session, pytest.raises(FieldError) as refused:
        add_article(session, NewArticle(url=PORT.url, title=title), NOW)

    assert refused.value.field == "title"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("url", ["javascript:alert(1)", "/a/port", ""])
def test_an_article_without_a_page_is_refused(database: Database, url: str) -> None:
    with database.transaction() as session, pytest.raises(FieldError) as refused:
        add_article(session, NewArticle(url=url, title="The port"), NOW)

    assert refused.value.field == "url"
    assert count(database) == 0


def test_the_same_page_is_one_article_and_is_updated(database: Database) -> None:
    later = NOW + timedelta(hours=1)
    with database.transaction() as session:
        add_article(session, PORT, NOW)
    with database.transaction() as session:
        again = NewArticle(
            url="HTTPS://Halyard.example:443/a/port?utm_campaign=x", title="The port, corrected"
        )
        article = add_article(session, again, later)

    assert count(database) == 1
    assert article.title == "The port, corrected"
    assert (article.first_seen_at, article.updated_at) == (NOW, later)


def test_an_article_that_did_not_change_keeps_its_date_of_change(database: Database) -> None:
    with database.transaction() as session:
        add_article(session, PORT, NOW)
    with database.transaction() as session:
        article = add_article(session, PORT, NOW + timedelta(hours=1))

    assert article.updated_at == NOW


def test_an_article_whose_address_changed_is_known_by_its_guid(database: Database) -> None:
    with database.transaction() as session:
        source = add_source(session)
        add_article(session, NewArticle(url=PORT.url, title="Port", guid="7"), NOW, source)
        moved = NewArticle(url="https://halyard.example/a/harbour", title="Port", guid="7")
        article = add_article(session, moved, NOW, source)

    assert count(database) == 1
    assert article.url == "https://halyard.example/a/harbour"


def test_the_same_guid_in_another_source_is_another_article(database: Database) -> None:
    with database.transaction() as session:
        one, other = add_source(session, "one"), add_source(session, "other")
        add_article(session, NewArticle(url=PORT.url, title="Port", guid="7"), NOW, one)
        cold = NewArticle(url="https://halyard.example/a/cold", title="Cold", guid="7")
        add_article(session, cold, NOW, other)

    assert count(database) == 2


def test_an_article_added_by_hand_is_taken_over_by_its_feed(database: Database) -> None:
    with database.transaction() as session:
        add_article(session, PORT, NOW)
        source = add_source(session)
        article = add_article(session, NewArticle(PORT.url, "Port", guid="7"), NOW, source)

    assert count(database) == 1
    assert (article.source_id, article.guid) == (source.id, "7")


@pytest.mark.parametrize("guid", [None, "7", "8"])
def test_an_article_of_a_retired_source_comes_without_its_guid_there(
    database: Database, guid: str | None
) -> None:
    cold = NewArticle("https://halyard.example/a/cold", "Cold", guid="7")
    with database.transaction() as session:
        retired, source = add_source(session, "old"), add_source(session, "new")
        add_article(session, replace(PORT, guid="7"), NOW, retired)
        add_article(session, cold, NOW, source)
        retired.retired_at = NOW
    with database.transaction() as session:
        source = session.get_one(Source, source.id)
        add_article(session, replace(PORT, guid=guid), NOW, source)

    with database.reading() as session:
        kept = session.execute(select(Article.source_id, Article.guid).order_by(Article.id)).all()
    assert kept == [(source.id, None if guid == "7" else guid), (source.id, "7")]


def test_a_guid_that_is_taken_stays_where_it_is(database: Database) -> None:
    with database.transaction() as session:
        add_article(session, PORT, NOW)
        source = add_source(session)
        cold = NewArticle(url="https://halyard.example/a/cold", title="Cold", guid="7")
        add_article(session, cold, NOW, source)
        article = add_article(session, NewArticle(PORT.url, "Port", guid="7"), NOW, source)

    assert count(database) == 2
    assert article.guid is None


@pytest.mark.parametrize("year", [1, 1970, 2090, 9999])
def test_a_date_that_cannot_be_true_is_none(database: Database, year: int) -> None:
    no_date = datetime(year, 1, 1, tzinfo=UTC)
    lost = NewArticle(PORT.url, "Port", published_at=no_date, first_seen_at=no_date)
    with database.transaction() as session:
        article = add_article(session, lost, NOW)

    assert (article.published_at, article.first_seen_at) == (None, NOW)


def test_a_date_that_is_gone_from_the_feed_is_remembered(database: Database) -> None:
    dated = replace(PORT, published_at=NOW - timedelta(days=1))
    with database.transaction() as session:
        add_article(session, dated, NOW)
        article = add_article(session, PORT, NOW + timedelta(hours=1))

    assert article.published_at == NOW - timedelta(days=1)


def test_what_is_no_news_becomes_news_by_its_date(database: Database) -> None:
    undated = replace(PORT, backlog=True)
    with database.transaction() as session:
        assert add_article(session, undated, NOW).backlog
        assert add_article(session, PORT, NOW).backlog, "the next fetch tells nothing new"
        dated = replace(PORT, published_at=NOW - timedelta(days=1))
        assert not add_article(session, dated, NOW).backlog


def test_what_was_news_stays_news(database: Database) -> None:
    with database.transaction() as session:
        add_article(session, PORT, NOW)
        assert not add_article(session, replace(PORT, backlog=True), NOW).backlog


def test_a_date_a_little_ahead_becomes_now(database: Database) -> None:
    ahead = NewArticle(PORT.url, "Port", published_at=NOW + timedelta(hours=5))
    with database.transaction() as session:
        assert add_article(session, ahead, NOW).published_at == NOW


def test_a_date_without_a_zone_is_taken_as_utc(database: Database) -> None:
    naive = NewArticle(PORT.url, "Port", published_at=datetime(2026, 11, 13))  # noqa: DTZ001
    with database.transaction() as session:
        published = add_article(session, naive, NOW).published_at

    assert published == datetime(2026, 11, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "minutes"),
    [(0, None), (1, 1), (100, 1), (344, 1), (346, 2), (2070, 9), (50_000, 217)],
)
def test_reading_minutes_are_words_by_230(words: int, minutes: int | None) -> None:
    assert reading_minutes("word " * words) == minutes


def test_minutes_come_from_the_body_unless_they_are_given(database: Database) -> None:
    body = f"<p>{'word ' * 2070}</p>"
    with database.transaction() as session:
        counted = add_article(session, NewArticle(PORT.url, "Port", body=body), NOW).minutes
        given = add_article(session, NewArticle(PORT.url, "Port", body=body, minutes=4), NOW)

    assert counted == 9
    assert given.minutes == 4


@pytest.mark.parametrize("body", ["", '<p><img src="https://halyard.example/i/port.jpg"></p>'])
def test_without_a_text_nobody_knows_how_long_it_takes_to_read(
    database: Database, body: str
) -> None:
    summary = replace(PORT, standfirst="For forty years Varrholm counted success.", body=body)
    with database.transaction() as session:
        assert add_article(session, summary, NOW).minutes is None
        assert add_article(session, replace(summary, minutes=9), NOW).minutes == 9


def test_a_feed_that_gives_only_a_summary_from_now_on_takes_the_minutes_back(
    database: Database,
) -> None:
    with database.transaction() as session:
        add_article(session, replace(PORT, body="<p>A word.</p>"), NOW)
        assert add_article(session, PORT, NOW).minutes is None


def test_two_who_add_the_same_page_at_once_make_one_article(database: Database) -> None:
    together = threading.Barrier(2)
    failed: list[BaseException] = []

    def add() -> None:
        try:
            together.wait()
            with database.transaction() as session:
                add_article(session, PORT, NOW)
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert count(database) == 1


# What is the same article


def bring(
    database: Database, source_id: int | None, *news: NewArticle, at: datetime = NOW
) -> list[Change | None]:
    """Bring in the entries of a feed, as fetching does."""
    with database.transaction() as session:
        source = session.get_one(Source, source_id) if source_id else None
        if source is None:
            return [bring_in(session, new, at)[1] for new in news]
        entries = usable_articles(as_read(news), at)
        done = bring_in_all(session, entries, at, source, keys_of(entries))
        return [change for _, change in done]


def as_read(news: Sequence[NewArticle]) -> list[NewArticle]:
    """Mark what shares its page, and leave out what comes twice, as reading a feed does."""
    pages = [page_key(new.url) for new in news]
    own = {
        (page, guid_key(new.guid) if new.guid else (fragment_key(new.url) or new.title)): new
        for page, new in list(zip(pages, news, strict=True))[::-1]
    }
    sharing = Counter(page for page, _ in own)
    entries = [replace(new, shares_page=sharing[page] > 1) for (page, _), new in own.items()]
    return entries[::-1]


def source_of(database: Database, name: str = "Halyard") -> int:
    with database.transaction() as session:
        return add_source(session, name).id


def stored(database: Database) -> list[Article]:
    with database.reading() as session:
        return list(session.scalars(select(Article).order_by(Article.id)))


def titles(database: Database) -> list[str]:
    return [article.title for article in stored(database)]


def item(path: str, title: str = "Port", **given: Any) -> NewArticle:
    return NewArticle(f"https://halyard.example{path}", title, **given)


@pytest.mark.parametrize("from_feed", [True, False])
def test_a_site_that_moves_to_https_brings_nothing_new(database: Database, from_feed: bool) -> None:
    source = source_of(database) if from_feed else None
    old = [
        NewArticle(
            f"http://www.halyard.example/{n}", f"Story {n}", guid=f"http://www.halyard.example/{n}"
        )
        for n in range(6)
    ]
    new = [
        NewArticle(
            f"https://halyard.example/{n}/", f"Story {n}", guid=f"https://halyard.example/{n}/"
        )
        for n in range(6)
    ]
    assert bring(database, source, *old) == [Change.ADDED] * 6
    assert bring(database, source, *new) == [Change.CHANGED] * 6

    assert [article.url for article in stored(database)] == [given.url for given in new]
    # An old copy of the feed, from a cache.
    assert bring(database, source, *new) == [Change.UNCHANGED] * 6
    bring(database, source, *old)
    assert [article.url for article in stored(database)] == [given.url for given in new]


def test_a_guid_that_is_the_link_is_kept_and_compared_as_a_page_is(database: Database) -> None:
    source = source_of(database)
    bring(
        database,
        source,
        NewArticle("http://halyard.example/a", "A", guid="http://halyard.example/a"),
    )
    moved = NewArticle(
        "https://halyard.example/b", "A, told anew", guid="https://www.halyard.example/a/"
    )

    assert bring(database, source, moved) == [Change.CHANGED]
    assert [article.url for article in stored(database)] == ["https://halyard.example/b"]
    assert stored(database)[0].guid == "https://www.halyard.example/a/"


def test_a_guid_tells_across_the_sources_of_a_site(database: Database) -> None:
    one, other = source_of(database, "one"), source_of(database, "other")
    bring(database, one, item("/a", guid="https://halyard.example/?p=7"), item("/b", "B", guid="7"))

    assert bring(
        database,
        other,
        item("/news/a", "Another title", guid="https://halyard.example/?p=7"),
        item("/news/b", "B", guid="7"),
    ) == [Change.UNCHANGED, Change.UNCHANGED]
    assert titles(database) == ["Port", "B"]


def test_a_guid_never_tells_across_sites(database: Database) -> None:
    one, other = source_of(database, "one"), source_of(database, "other")
    bring(database, one, item("/a", guid="1"), item("/b", "B", guid="urn:story:12345678"))
    bring(
        database,
        other,
        NewArticle("https://other.example/a", "Port", guid="1"),
        NewArticle("https://other.example/b", "B", guid="urn:story:12345678"),
    )

    assert count(database) == 4


def test_a_source_whose_site_moves_to_another_host_keeps_its_articles(database: Database) -> None:
    source = source_of(database)
    bring(database, source, item("/a", guid="7"))
    bring(database, source, NewArticle("https://news.example/a", "Port", guid="7"))

    assert [article.url for article in stored(database)] == ["https://news.example/a"]


def test_guids_that_are_places_in_the_feed_rename_nothing(database: Database) -> None:
    source = source_of(database)
    days = [NOW - timedelta(days=day) for day in range(5)]
    first = [item(f"/{n}", f"Story {n}", guid=str(3 - n), published_at=days[-n]) for n in (3, 2, 1)]
    then = [item(f"/{n}", f"Story {n}", guid=str(4 - n), published_at=days[-n]) for n in (4, 3, 2)]
    bring(database, source, *first)
    assert bring(database, source, *then) == [Change.ADDED, Change.UNCHANGED, Change.UNCHANGED]

    assert {(a.url[-1], a.title[-1]) for a in stored(database)} == {(n, n) for n in "1234"}


HOME = "https://halyard.example/"


def episodes(*numbers: int, page: str = HOME) -> list[NewArticle]:
    return [
        NewArticle(page, f"Episode {n}", guid=f"f00d-{n}", published_at=NOW - timedelta(days=n))
        for n in numbers
    ]


@pytest.mark.parametrize("page", [HOME, "https://halyard.example/podcast/", HOME + "?page=2"])
def test_a_podcast_whose_items_link_to_one_page_keeps_them_all(
    database: Database, page: str
) -> None:
    source = source_of(database)
    assert bring(database, source, *episodes(*range(131), page=page)) == [Change.ADDED] * 131
    assert bring(database, source, *episodes(*range(131), page=page)) == [Change.UNCHANGED] * 131

    later = episodes(*range(200, 205), *range(50), page=page)
    assert bring(database, source, *later).count(Change.ADDED) == 5
    assert sorted(titles(database)) == sorted(
        f"Episode {n}" for n in [*range(131), *range(200, 205)]
    )
    assert {article.url for article in stored(database)} == {page}


@pytest.mark.parametrize("page", [HOME, "https://halyard.example/podcast"])
def test_a_podcast_is_right_from_its_first_episode_to_its_last(
    database: Database, page: str
) -> None:
    source = source_of(database)
    for window in ([1], [1, 2], [2, 3], [3], [4], [5], [4, 5], [6]):
        bring(database, source, *episodes(*window, page=page))
        bring(database, source, *episodes(*window, page=page))

    assert titles(database) == [f"Episode {n}" for n in range(1, 7)]


def test_a_corrected_episode_stays_the_same(database: Database) -> None:
    source = source_of(database)
    bring(database, source, *episodes(1, 2))
    bring(database, source, *(replace(new, title=new.title + ", mended") for new in episodes(1, 2)))

    assert titles(database) == ["Episode 1, mended", "Episode 2, mended"]


def test_fragments_tell_entries_of_one_page_apart(database: Database) -> None:
    source = source_of(database)
    day = [item(f"/live#e{n}", f"Entry {n}") for n in range(4)]
    bring(database, source, *day)
    bring(database, source, *(replace(new, title=new.title + ", mended") for new in day))

    assert [a.url[-3:] for a in stored(database)] == ["#e0", "#e1", "#e2", "#e3"]
    assert titles(database) == [f"Entry {n}, mended" for n in range(4)]


def test_a_fragment_does_not_count_for_an_entry_alone(database: Database) -> None:
    source = source_of(database)
    bring(database, source, item("/a#rss"))
    bring(database, source, item("/a#atom"), item("/b", "B"))

    assert [article.url[-7:] for article in stored(database)] == ["/a#atom", "ample/b"]


def test_without_guid_and_fragment_the_title_tells_those_of_one_page(database: Database) -> None:
    source = source_of(database)
    for _ in range(2):
        bring(database, source, *(NewArticle(HOME, f"Notice {n}") for n in range(3)))
    bring(database, source, NewArticle(HOME, "Notice 3"))

    assert titles(database) == [f"Notice {n}" for n in range(4)]


def test_by_hand_an_address_is_an_article_whatever_it_is(database: Database) -> None:
    bring(database, None, NewArticle(HOME, "Welcome"), NewArticle(HOME, "Welcome back"))

    assert titles(database) == ["Welcome back"]


def test_a_guid_of_any_length_and_script_can_be_kept(database: Database) -> None:
    source = source_of(database)
    words = "".join(chr(0x4E00 + n * 7 % 20_000) for n in range(2000))
    for _ in range(2):
        bring(database, source, item("/a", "A", guid=words), item("/b", "B", guid=words[:-1]))

    assert titles(database) == ["A", "B"]


def test_an_entry_that_cannot_be_used_leaves_the_others(database: Database) -> None:
    source = source_of(database)
    news = [item("/a"), NewArticle("nowhere", "B"), item("/c", ""), item("/d", "D")]

    assert bring(database, source, *news) == [Change.ADDED, Change.ADDED]
    assert titles(database) == ["Port", "D"]


def test_feeds_that_bring_the_same_at_once_make_each_article_once(database: Database) -> None:
    sources = [source_of(database, "one"), source_of(database, "other")]
    together = threading.Barrier(3)
    failed: list[BaseException] = []

    def run(source: int | None, *news: NewArticle) -> None:
        try:
            together.wait()
            bring(database, source, *news)
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)

    for round_ in range(5):
        news = [item(f"/{round_}/{n}", f"{n}", guid=f"guid-of-{round_}-{n}") for n in range(20)]
        old = [replace(new, url=new.url.replace("https", "http")) for new in news[::-1]]
        threads = [
            threading.Thread(target=run, args=(sources[0], *news)),
            threading.Thread(target=run, args=(sources[1], *old)),
            threading.Thread(target=run, args=(None, *news[5:8])),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failed == []
    assert count(database) == 100
