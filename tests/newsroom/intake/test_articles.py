import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.errors import FieldError
from digest.models import Article, Source
from digest.newsroom.intake.articles import NewArticle, add_article, reading_minutes
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
    assert (article.byline, article.section, article.minutes) == ("Joss Penhallow", "World", 1)
    assert article.published_at == article.first_seen_at == article.updated_at == NOW


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
        PORT.url, words, standfirst=words, byline=words, section=words[:50], image_alt=words
    )
    with database.transaction() as session:
        article = add_article(session, given, NOW)

    assert {article.title, article.standfirst, article.byline, article.image_alt} == {words}
    assert article.section == words[:50]


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
def test_a_date_that_cannot_be_true_becomes_now(database: Database, year: int) -> None:
    lost = NewArticle(PORT.url, "Port", published_at=datetime(year, 1, 1, tzinfo=UTC))
    with database.transaction() as session:
        assert add_article(session, lost, NOW).published_at == NOW


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
    ("words", "minutes"), [(0, 1), (100, 1), (344, 1), (346, 2), (2070, 9), (50_000, 217)]
)
def test_reading_minutes_are_words_by_230(words: int, minutes: int) -> None:
    assert reading_minutes("word " * words) == minutes


def test_minutes_come_from_the_body_unless_they_are_given(database: Database) -> None:
    body = f"<p>{'word ' * 2070}</p>"
    with database.transaction() as session:
        counted = add_article(session, NewArticle(PORT.url, "Port", body=body), NOW).minutes
        given = add_article(session, NewArticle(PORT.url, "Port", body=body, minutes=4), NOW)

    assert counted == 9
    assert given.minutes == 4


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
