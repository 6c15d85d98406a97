"""The articles that an editor may choose from."""

from datetime import timedelta

from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.models import IssueState, Source
from digest.newsroom.issues.pool import MOST_SHOWN, MOST_SOURCES, Pool, pool_of
from tests.factories import NOW, make_article, make_issue, make_newsletter


def titles(pool: Pool) -> list[str]:
    return [each.article.title.rpartition(" ")[2] for each in pool.offered]


def add_source(session: Session, name: str) -> int:
    source = Source(
        name=name,
        url=f"https://{name}.example.org/feed",
        next_fetch_at=NOW,
        created_at=NOW,
    )
    session.add(source)
    session.flush()
    return source.id


def test_it_is_what_came_lately_the_newest_first(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session, story_max_age_days=14)
        other = make_newsletter(session, "climate")
        for slug, days in (("port", 2), ("cold", 1), ("attic", 15)):
            at = NOW - timedelta(days=days)
            make_article(session, slug, published_at=at, first_seen_at=at)
        shared = make_article(session, "roofs", section="Climate", published_at=None)
        make_issue(session, other, [shared], IssueState.SENT, number=7)
        issue = make_issue(session, newsletter, [shared], IssueState.DRAFT)
        pool = pool_of(session, issue, NOW)
        assert titles(pool) == ["cold", "roofs", "port"]
        assert pool.sections == ("Climate", "World")
        [roofs] = [each for each in pool.offered if each.is_in]
        assert roofs.elsewhere == "", "another newsletter's readers are others"
        assert titles(pool_of(session, issue, NOW, section="Climate")) == ["roofs"]
        assert titles(pool_of(session, issue, NOW, words="STORY attic")) == ["attic"]


def test_of_many_only_so_many_are_shown(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        issue = make_issue(session, newsletter, [], IssueState.DRAFT)
        for number in range(MOST_SHOWN):
            make_article(session, f"n{number}")
        assert not pool_of(session, issue, NOW).more
        make_article(session, "last")
        pool = pool_of(session, issue, NOW)
        assert (len(pool.offered), pool.more) == (MOST_SHOWN, True)


def test_one_source_at_a_time(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        issue = make_issue(session, newsletter, [], IssueState.DRAFT)
        harbour, market = add_source(session, "harbour"), add_source(session, "market")
        make_article(session, "port", source_id=harbour)
        make_article(session, "fish", source_id=market)
        assert titles(pool_of(session, issue, NOW, source_id=market)) == ["fish"]
        assert [each.name for each in pool_of(session, issue, NOW).sources] == [
            "harbour",
            "market",
        ]
        newsletter.source_ids = [None, market]
        assert [each.name for each in pool_of(session, issue, NOW).sources] == ["market"]


def test_of_many_sources_the_first_are_listed_and_the_others_are_found(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        issue = make_issue(session, newsletter, [], IssueState.DRAFT)
        ids = [add_source(session, f"source-{number:03}") for number in range(MOST_SOURCES + 2)]
        make_article(session, "fish", source_id=ids[-1])
        make_article(session, "port", source_id=ids[0])
        pool = pool_of(session, issue, NOW)
        assert pool.more_sources
        names = [each.name for each in pool.sources]
        assert names[:MOST_SOURCES] == [f"source-{number:03}" for number in range(MOST_SOURCES)]
        assert {each.source for each in pool.offered} == {"source-000", "source-201"}
        found = pool_of(session, issue, NOW, words="SOURCE-201")
        assert titles(found) == ["fish"]
        one = pool_of(session, issue, NOW, source_id=ids[-1])
        assert titles(one) == ["fish"]
        assert ids[-1] in [each.id for each in one.sources], "the one that is asked for"
        newsletter.source_ids = [ids[0], ids[-1]]
        few = pool_of(session, issue, NOW)
        assert ([each.id for each in few.sources], few.more_sources) == ([ids[0], ids[-1]], False)


def test_retired_sources_take_nobodys_place_in_the_list(database: Database) -> None:
    with database.transaction() as session:
        issue = make_issue(session, make_newsletter(session), [], IssueState.DRAFT)
        for number in range(MOST_SOURCES + 1):
            old = session.get_one(Source, add_source(session, f"a-{number:03}"))
            old.retired_at = NOW
        add_source(session, "b")
        assert [each.name for each in pool_of(session, issue, NOW).sources] == ["b"]


def test_what_does_not_feed_the_newsletter_is_not_offered(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session, sections=["Climate"])
        make_article(session, "port", section="World")
        make_article(session, "roofs", section="CLIMATE")
        issue = make_issue(session, newsletter, [], IssueState.DRAFT)
        for words in ("", "STORY"):
            pool = pool_of(session, issue, NOW, words=words)
            assert titles(pool) == ["roofs"]
            assert pool.sections == ("CLIMATE",)
