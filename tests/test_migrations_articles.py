"""Step 0008: articles that were the same under two addresses become one."""

from datetime import timedelta

from alembic.script import ScriptDirectory
from sqlalchemy import bindparam, func, select, text
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.migrations import check_migrated, configuration, downgrade, upgrade
from digest.models import Article, Issue, IssueState, Source, Story
from digest.newsroom.intake.articles import Change, NewArticle, bring_in
from tests.factories import NOW, make_article, make_issue, make_newsletter

BEFORE = str(ScriptDirectory.from_config(configuration()).get_revision("0008").down_revision)
HTTP, HTTPS = "http://www.halyard.example/a", "https://halyard.example/a/"


def add_source(session: Session) -> Source:
    source = Source(
        url="https://halyard.example/feed", name="Halyard", next_fetch_at=NOW, created_at=NOW
    )
    session.add(source)
    session.flush()
    return source


def add_issue(session: Session, state: IssueState, day: int, *articles: Article) -> int:
    newsletter = session.get_one(Issue, 1).newsletter if day else make_newsletter(session)
    frozen = NOW if state is IssueState.SENT else None
    on = NOW.date() - timedelta(days=day)
    return make_issue(
        session, newsletter, articles, state, occurrence_on=on, dateline=on, frozen_at=frozen
    ).id


def make_twins(database: Database, urls: dict[int, str], guids: dict[int, str]) -> None:
    """Give articles the addresses and GUIDs that the version before let them have."""
    downgrade(database.url, BEFORE)
    with database.transaction() as session:
        for column, values in (("url", urls), ("guid", guids)):
            statement = text(f"UPDATE article SET {column} = :value WHERE id = :id")
            for id_, value in values.items():
                session.execute(statement.bindparams(bindparam("id", id_)), {"value": value})
    upgrade(database.url)
    check_migrated(database)


def told(database: Database) -> list[tuple[int, int, str | None]]:
    with database.reading() as session:
        rows = session.execute(
            select(Story.issue_id, Story.article_id, Story.blurb).order_by(Story.issue_id, Story.id)
        )
        return [(issue, article, blurb) for issue, article, blurb in rows]


def urls_before(database: Database) -> list[str]:
    downgrade(database.url, BEFORE)
    with database.reading() as session:
        return list(session.scalars(text("SELECT url FROM article ORDER BY id")))


def test_twins_become_one_and_the_one_that_went_out_stays(bare: Database) -> None:
    upgrade(bare.url)
    with bare.transaction() as session:
        source = add_source(session)
        old = make_article(session, "old", source_id=source.id)
        out, other = make_article(session, "out"), make_article(session, "other")
        sent = add_issue(session, IssueState.SENT, 0, out)
        # A draft has both, and the editor's words are on the one that goes.
        draft = add_issue(session, IssueState.DRAFT, 7, out, old, other)
        held = add_issue(session, IssueState.HELD, 14, old)
        session.execute(
            text("UPDATE story SET blurb = 'Our own words.' WHERE article_id = :old"),
            {"old": old.id},
        )
        ids = (old.id, out.id, other.id)
    guid = "http://www.halyard.example/?p=1"
    make_twins(bare, {ids[0]: HTTP, ids[1]: HTTPS}, {ids[0]: guid})

    with bare.reading() as session:
        articles = list(session.scalars(select(Article).order_by(Article.id)))
    kept = articles[0]
    assert [article.id for article in articles] == [ids[1], ids[2]]
    assert (kept.url, kept.key, kept.guid) == (HTTPS, "halyard.example/a", guid)
    assert (kept.source_id, kept.guid_key) == (source.id, "halyard.example?p=1")
    assert told(bare) == [
        (sent, ids[1], None),
        (draft, ids[1], "Our own words."),
        (draft, ids[2], None),
        (held, ids[1], "Our own words."),
    ]
    assert urls_before(bare) == [HTTPS, "https://halyard.example/a/other"]


def test_an_issue_that_was_sent_with_both_twins_keeps_both(bare: Database) -> None:
    upgrade(bare.url)
    with bare.transaction() as session:
        source = add_source(session).id
        one = make_article(session, "one", source_id=source)
        two = make_article(session, "two", source_id=source)
        issue = add_issue(session, IssueState.SENT, 0, one, two)
        ids = (one.id, two.id)
    make_twins(
        bare,
        {ids[0]: HTTP, ids[1]: HTTPS},
        {ids[0]: "http://halyard.example/?p=1", ids[1]: "https://halyard.example/?p=1"},
    )

    assert told(bare) == [(issue, ids[0], None), (issue, ids[1], None)]
    with bare.transaction() as session:
        found = NewArticle(HTTPS, "Mended", guid="https://halyard.example/?p=1")
        article, change = bring_in(session, found, NOW, session.get_one(Source, source))
        assert (article.id, change, article.url) == (ids[0], Change.CHANGED, HTTPS)
    # The older version can have it so, but for one address and one GUID that are there twice.
    assert urls_before(bare) == [HTTPS, f"{HTTPS}#{ids[1]}"]
    upgrade(bare.url)
    assert told(bare) == [(issue, ids[0], None), (issue, ids[1], None)]


def test_of_two_that_went_out_the_first_stays_with_the_stories_of_both(bare: Database) -> None:
    upgrade(bare.url)
    with bare.transaction() as session:
        one, two = make_article(session, "one"), make_article(session, "two")
        first = add_issue(session, IssueState.SENT, 0, one)
        second = add_issue(session, IssueState.SENT, 7, two)
        ids = (one.id, two.id)
    make_twins(bare, {ids[0]: HTTP, ids[1]: HTTPS}, {})

    assert told(bare) == [(first, ids[0], None), (second, ids[0], None)]
    with bare.reading() as session:
        assert session.scalars(select(Article.url)).all() == [HTTPS]


def test_a_twin_hands_over_its_first_sight_and_its_picture(bare: Database) -> None:
    upgrade(bare.url)
    early = NOW - timedelta(days=3)
    picture = "https://halyard.example/a.jpg"
    with bare.transaction() as session:
        one = make_article(session, "one", first_seen_at=NOW)
        two = make_article(
            session,
            "two",
            first_seen_at=early,
            image_url=picture,
            image_alt="Containers",
            image_due_at=early,
        )
        ids = (one.id, two.id)
    make_twins(bare, {ids[0]: HTTP, ids[1]: HTTPS}, {})

    with bare.reading() as session:
        kept = session.scalars(select(Article)).one()
    assert (kept.id, kept.first_seen_at, kept.url) == (ids[0], early, HTTPS)
    assert (kept.image_url, kept.image_alt, kept.image_due_at) == (picture, "Containers", early)


def test_a_source_that_writes_its_guids_anew_has_each_article_once(bare: Database) -> None:
    upgrade(bare.url)
    with bare.transaction() as session:
        source = add_source(session)
        ids = [make_article(session, f"{n}", source_id=source.id).id for n in range(3)]
    guid = "halyard.example/?p=1"
    make_twins(bare, {}, {ids[0]: f"http://{guid}", ids[1]: f"https://www.{guid}", ids[2]: "7"})

    with bare.reading() as session:
        assert session.scalars(select(Article.id).order_by(Article.id)).all() == [ids[0], ids[2]]


def test_addresses_that_a_version_before_took_can_be_anything(bare: Database) -> None:
    upgrade(bare.url)
    with bare.transaction() as session:
        ids = [make_article(session, f"{n}").id for n in range(3)]
    odd = {ids[0]: "http://", ids[1]: "https://halyard..example/a b", ids[2]: "ü"}
    make_twins(bare, odd, {})

    with bare.reading() as session:
        assert session.scalar(select(func.count(func.distinct(Article.key)))) == 3


def test_articles_that_share_a_page_have_their_own_addresses_after_going_back(
    bare: Database,
) -> None:
    upgrade(bare.url)
    with bare.transaction() as session:
        source = add_source(session)
        for n in range(3):
            shared = NewArticle("https://halyard.example/", f"Episode {n}", guid=str(n))
            bring_in(session, shared, NOW, source)
        ids = session.scalars(select(Article.id).order_by(Article.id)).all()

    home = "https://halyard.example/"
    assert urls_before(bare) == [home, *(f"{home}#{id_}" for id_ in ids[1:])]
    upgrade(bare.url)
    check_migrated(bare)
