"""Which sources and sections feed a newsletter: by the rule that picks, and in words."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.errors import FieldError
from digest.models import Article, Issue, IssueState, Newsletter, Source
from digest.models.article import section_key
from digest.newsroom import feeding
from digest.newsroom.feeding import (
    fed_by_nothing,
    feeding_of,
    sections_named,
    sections_there,
    sources_named,
)
from digest.newsroom.intake.articles import NewArticle, add_article
from digest.newsroom.intake.sources import SourceChange, add_source, edit_source, retire_source
from digest.newsroom.issues.composing import compose, create_issue
from digest.newsroom.issues.replacing import remove
from tests.delivery.ledger.test_plans import plan, statements
from tests.factories import NOW, make_article, make_newsletter

SATURDAY = date(2026, 11, 21)
LATER = NOW + timedelta(hours=1)

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def two_sources(session: Session) -> tuple[Source, Source]:
    """Add The Wire and The Sea."""
    wire = add_source(session, "https://halyard.example/wire.xml", NOW, name="The Wire")
    sea = add_source(session, "https://halyard.example/sea.xml", NOW, name="The Sea")
    return wire, sea


def make_stories(session: Session) -> tuple[Source, Source]:
    """Give The Wire, The Sea and no source a story in World and one in Science."""
    sources = two_sources(session)
    for name, source in (("wire", sources[0]), ("sea", sources[1]), ("api", None)):
        for section in ("World", "Science"):
            make_article(
                session,
                f"{name}-{section.lower()}",
                source_id=source.id if source else None,
                section=section,
            )
    return sources


def picked(session: Session, newsletter: Newsletter) -> set[str]:
    """Return what a new issue has."""
    issue = create_issue(session, newsletter, SATURDAY, NOW)
    compose(session, issue, NOW, again=True)
    return {story.article.url.rpartition("/")[2] for story in issue.stories}


# What is picked


def test_a_newsletter_that_names_nothing_takes_all(database: Database) -> None:
    with database.transaction() as session:
        make_stories(session)
        found = picked(session, make_newsletter(session))

    assert found == {
        *("wire-world", "wire-science", "sea-world", "sea-science", "api-world", "api-science"),
    }


def test_an_issue_has_only_what_feeds_its_newsletter(database: Database) -> None:
    with database.transaction() as session:
        wire, sea = make_stories(session)
        newsletter = make_newsletter(session, story_min=1)
        expected: list[tuple[list[int | None], list[str], set[str]]] = [
            ([wire.id], [], {"wire-world", "wire-science"}),
            ([wire.id, sea.id], ["Science"], {"wire-science", "sea-science"}),
            ([], ["World"], {"wire-world", "sea-world", "api-world"}),
            ([None], [], {"api-world", "api-science"}),
            ([None, sea.id], ["World"], {"api-world", "sea-world"}),
        ]
        for source_ids, sections, stories in expected:
            newsletter.source_ids, newsletter.sections = source_ids, sections
            assert picked(session, newsletter) == stories


def test_a_section_is_one_however_feeds_write_it(database: Database) -> None:
    with database.transaction() as session:
        make_article(session, "upper", section="ÉCONOMIE VERTE")
        make_article(session, "lower", section="économie  verte")
        make_article(session, "broken", section="Économie\N{NO-BREAK SPACE}Verte")
        make_article(session, "wide", section="Ｅ\N{COMBINING ACUTE ACCENT}conomieverte")
        make_article(session, "other", section="Économie")
        make_article(session, "none", section=None)
        newsletter = make_newsletter(session, sections=["Économie verte"])
        found = picked(session, newsletter)

    assert found == {"upper", "lower", "broken", "wide"}


def test_an_article_whose_section_changes_goes_with_it(database: Database) -> None:
    url = "https://halyard.example/a"
    with database.transaction() as session:
        newsletter = make_newsletter(session, sections=["World"], story_min=1)
        add_article(session, NewArticle(url=url, title="Port", section="world"), NOW)
        assert picked(session, newsletter) == {"a"}
        add_article(session, NewArticle(url=url, title="Port", section="Sea"), NOW)
        assert picked(session, newsletter) == set()


def test_a_source_that_is_renamed_goes_on_feeding(database: Database) -> None:
    with database.transaction() as session:
        wire, _ = make_stories(session)
        newsletter = make_newsletter(session, source_ids=[wire.id], story_min=1)
        edit_source(session, wire.id, SourceChange(name="The Cable"), NOW)
        assert picked(session, newsletter) == {"wire-world", "wire-science"}
        assert feeding_of(session, newsletter, NOW).origin == f" from The Cable (source {wire.id})"


def test_what_is_withdrawn_is_replaced_by_what_feeds_the_newsletter(database: Database) -> None:
    with database.transaction() as session:
        wire, _ = make_stories(session)
        # The freshest by far, of another source.
        make_article(session, "fresh", published_at=NOW, first_seen_at=NOW)
        make_article(session, "spare", source_id=wire.id)
        newsletter = make_newsletter(session, source_ids=[wire.id], story_min=1, story_count=2)
        before = picked(session, newsletter)
        gone = before.pop()
        url = f"https://halyard.example/a/{gone}"
        article = session.scalars(select(Article).where(Article.url == url)).one()
        [(issue, _)] = remove(session, [article], "Robin", NOW)
        after = {story.article.url.rpartition("/")[2] for story in issue.stories}

    assert after == ({"wire-world", "wire-science", "spare"} - {gone})


def test_two_newsletters_share_what_both_are_fed_with(database: Database) -> None:
    with database.transaction() as session:
        wire, _ = make_stories(session)
        first = make_newsletter(session, sections=["World"], story_min=1)
        second = make_newsletter(session, slug="wire", source_ids=[wire.id], story_min=1)
        assert picked(session, first) == {"wire-world", "sea-world", "api-world"}
        assert picked(session, second) == {"wire-world", "wire-science"}


# In words


def skipped(session: Session, newsletter: Newsletter) -> str:
    picked(session, newsletter)
    issue = session.scalars(select(Issue)).one()
    assert issue.state is IssueState.SKIPPED
    return str(issue.reason)


def test_too_few_says_from_what(database: Database) -> None:
    with database.transaction() as session:
        wire, _ = make_stories(session)
        newsletter = make_newsletter(session, source_ids=[wire.id, None], sections=["World"])
        reason = skipped(session, newsletter)

    assert reason == (
        f"There were only 2 new articles yet from The Wire (source {wire.id}) and what has no "
        "source in the section World, and it needs at least 3."
    )


def test_a_retired_source_skips_the_issue_in_words(database: Database) -> None:
    with database.transaction() as session:
        wire, _ = make_stories(session)
        newsletter = make_newsletter(session, source_ids=[wire.id])
        retire_source(session, wire.id, NOW)
        reason = skipped(session, newsletter)

    assert reason == (
        f"Nothing feeds it. The Wire (source {wire.id}) is retired. "
        "Choose its sources and sections anew."
    )


def test_a_reason_has_room_however_many_sources_are_lost(database: Database) -> None:
    with database.transaction() as session:
        named: list[int | None] = list(range(1, 60))
        reason = skipped(session, make_newsletter(session, source_ids=named))

    assert len(reason) <= 500
    assert reason.startswith("Nothing feeds it. There is no source 1 any more.")
    assert reason.endswith("Choose its sources and sections anew.")


def test_a_section_that_its_feed_renamed_is_told_with_those_there_are(database: Database) -> None:
    with database.transaction() as session:
        wire, _ = make_stories(session)
        newsletter = make_newsletter(session, source_ids=[wire.id], sections=["Economy"])
        make_article(
            session,
            "old",
            section="Economy",
            source_id=wire.id,
            first_seen_at=NOW - timedelta(days=15),
        )
        make_article(session, "more", section="world", source_id=wire.id)
        make_article(session, "another", section="World", source_id=wire.id)
        reason = skipped(session, newsletter)

    assert reason == (
        "Nothing feeds it. No article of its sources in the last 14 days is in the section "
        "Economy. Seen of late: World, Science. Choose its sources and sections anew."
    )


def test_what_is_lost_beside_others_is_told_and_no_reason_to_skip(database: Database) -> None:
    with database.transaction() as session:
        wire, sea = make_stories(session)
        newsletter = make_newsletter(
            session, source_ids=[wire.id, sea.id], sections=["World", "Sport"], story_min=1
        )
        retire_source(session, sea.id, NOW)
        fed = feeding_of(session, newsletter, NOW)
        assert picked(session, newsletter) == {"wire-world"}

    assert not fed.nothing
    assert fed.troubles == (
        f"The Sea (source {sea.id}) is retired.",
        "No article of its sources in the last 14 days is in the section Sport. "
        "Seen of late: Science, World.",
    )


def test_a_source_that_somebody_deleted_by_hand_is_told(database: Database) -> None:
    with database.transaction() as session:
        wire, _ = two_sources(session)
        newsletter = make_newsletter(session, source_ids=[wire.id])
        session.execute(delete(Source).where(Source.id == wire.id))
        session.flush()
        [(unfed, feeding)] = fed_by_nothing(session, NOW)

    assert unfed is newsletter
    assert feeding.troubles == ("Nothing feeds it.", f"There is no source {wire.id} any more.")


def test_a_newsletter_that_is_over_needs_no_food(database: Database) -> None:
    with database.transaction() as session:
        make_newsletter(session, sections=["World"], retired_at=NOW)
        assert fed_by_nothing(session, NOW) == []


# Naming them


def test_sources_are_named_by_name_or_id(database: Database) -> None:
    with database.transaction() as session:
        wire, sea = two_sources(session)
        named = sources_named(session, ["the  WIRE", str(sea.id), "API", "The Wire"])

    assert named == [wire.id, sea.id, None]


@only_sqlite
def test_a_source_that_is_not_there_is_told_with_those_that_are(database: Database) -> None:
    with database.transaction() as session:
        wire, sea = two_sources(session)
        retire_source(session, sea.id, NOW)
        for typed in ("The Sea", str(sea.id), "99", " ", "Wire"):
            with pytest.raises(FieldError) as refused:
                sources_named(session, [typed])
            assert refused.value.field == "source_ids"
            assert f"There are: The Wire (source {wire.id})." in refused.value.sentence
            assert "say api" in refused.value.sentence


@only_sqlite
def test_of_two_sources_of_one_name_an_id_is_asked_for(database: Database) -> None:
    with database.transaction() as session:
        add_source(session, "https://halyard.example/1.xml", NOW, name="The Wire")
        add_source(session, "https://halyard.example/2.xml", NOW, name="the wire")
        with pytest.raises(FieldError, match=r"2 called .* Give an id: 1 and 2"):
            sources_named(session, ["The Wire"])


def test_sections_are_kept_as_most_articles_write_them(database: Database) -> None:
    with database.transaction() as session:
        for slug, section in (("a", "world"), ("b", "World"), ("c", "World"), ("d", "WORLD")):
            make_article(session, slug, section=section)
        add_source(session, "https://halyard.example/sea.xml", NOW, section="High Seas")
        assert sections_named(session, ["wORLD", "World ", "highseas"]) == ["World", "High Seas"]
        with pytest.raises(FieldError, match=r"called Wold\. There are: World, High Seas\."):
            sections_named(session, ["Wold"])
        # What was named before is no mistake of whoever adds another.
        assert sections_named(session, ["Gone", "world"], before=["Gone"]) == ["Gone", "World"]


def test_a_section_that_only_old_articles_have_is_known(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "LOOKED_AT", 2)
    with database.transaction() as session:
        for slug, section in (("a", "World"), ("b", "world"), ("c", "World"), ("d", "Sea")):
            make_article(session, slug, section=section)
        make_article(session, "e", section="Sea")
        assert sections_there(session) == ["Sea"]
        assert sections_named(session, ["WORLD", "sea"]) == ["World", "Sea"]
        with pytest.raises(FieldError, match="no section called Wold"):
            sections_named(session, ["Wold"])


@only_sqlite
def test_where_no_article_has_a_section_that_is_said(database: Database) -> None:
    with database.transaction() as session, pytest.raises(FieldError, match="has one yet"):
        sections_named(session, ["World"])


@given(st.text(max_size=60), st.text(max_size=60))
def test_spaces_and_case_never_tell_sections_apart(one: str, other: str) -> None:
    key = section_key(f"{one} {other}")

    assert key == section_key(f" {one}\t\n{other} ")
    assert key is None or (key == section_key(key) and len(key) <= 200)
    ascii_only = (one + other).encode("ascii", "ignore").decode()
    assert section_key(ascii_only.upper()) == section_key(ascii_only.lower())


# Speed


def test_composing_asks_as_much_of_many_articles_as_of_few(database: Database) -> None:
    def asked(session: Session, newsletter: Newsletter) -> int:
        session.expire_all()
        issue = create_issue(session, newsletter, SATURDAY, NOW)
        with statements(database) as seen:
            compose(session, issue, NOW, again=True)
        return sum(statement.startswith("SELECT") for statement, _ in seen)

    with database.transaction() as session:
        wire, _ = make_stories(session)
        newsletter = make_newsletter(session, source_ids=[wire.id], story_count=2, story_min=1)
        newsletter.sections = ["World", "Science"]
        asked(session, newsletter)
        few = asked(session, newsletter)
        for number in range(200):
            make_article(session, f"more-{number}", source_id=wire.id)
        many = asked(session, newsletter)

    assert many == few > 0


def test_what_feeds_a_newsletter_is_found_among_the_recent_by_their_index(
    database: Database,
) -> None:
    with database.transaction() as session:
        wire, _ = two_sources(session)
        session.execute(
            text(
                "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers "
                "WHERE n < 20000) INSERT INTO article (url, key, title, standfirst, body, section, "
                "section_key, topics, image_alt, picture_candidates, pictures_tried, "
                "image_failures, backlog, source_id, first_seen_at, updated_at) "
                "SELECT 'u' || n, 'k' || n, 't', 's', 'b', 'World', 'world', '[]', '', '[]', 0, 0, "
                "false, :source, :old, :old FROM numbers"
            ),
            {"source": wire.id, "old": NOW - timedelta(days=300)},
        )
        make_article(session, "port", source_id=wire.id)
        newsletter = make_newsletter(session, source_ids=[wire.id], sections=["World"])
        session.execute(text("ANALYZE article"))
        issue = create_issue(session, newsletter, SATURDAY, NOW)
    with statements(database) as asked, database.transaction() as session:
        compose(session, session.get_one(Issue, issue.id), NOW)
    plans = [
        plan(database, statement, parameters)
        for statement, parameters in asked
        if "\nFROM article" in statement
    ]

    assert len(plans) == 2, "what may be picked, and, for it is too little, what its sections are"
    for steps in plans:
        assert "ix_article_first_seen_at" in steps
        assert "SCAN article" not in steps
        assert "Seq Scan on article" not in steps


def test_what_feeds_many_newsletters_is_asked_as_often_as_of_few(database: Database) -> None:
    with database.transaction() as session:
        kept = add_source(session, "https://halyard.example/kept.xml", NOW)
        lost = add_source(session, "https://halyard.example/lost.xml", NOW)
        for number in range(7):
            source_id = lost.id if number == 3 else kept.id
            make_newsletter(session, f"letter-{number}", source_ids=[source_id])
        retire_source(session, lost.id, NOW)
    with statements(database) as seen, database.reading() as session:
        [(newsletter, feeding)] = fed_by_nothing(session, NOW)
    assert newsletter.slug == "letter-3"
    assert feeding.troubles[0] == "Nothing feeds it."
    asked = [statement for statement, _ in seen if "FROM" in statement]
    assert len(asked) == 2, asked
