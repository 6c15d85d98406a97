"""The steps that make the tables, up and down, and the rules that only the tables can keep."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, func, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable

from digest.database.tables import Base
from digest.database.transactions import Database
from digest.delivery.ledger import partitions
from digest.errors import NotMigratedError
from digest.migrations import (
    check_migrated,
    configuration,
    current_revision,
    downgrade,
    newest_revision,
    upgrade,
)
from digest.models import (
    Approval,
    Article,
    ChangedField,
    Consent,
    ConsentDetail,
    ConsentKind,
    ConsentSeal,
    Delivery,
    DeliveryState,
    EndedReason,
    Installation,
    Issue,
    IssueChange,
    IssuePresence,
    IssueState,
    Media,
    Newsletter,
    Notice,
    NoticeKind,
    Publication,
    Rendering,
    Source,
    Story,
    Subscription,
    Terms,
    Wording,
)
from digest.newsroom.terms import DEFAULT_LABEL, publish_terms
from digest.tokens import new_token_id
from tests.factories import (
    NOW,
    make_article,
    make_editor,
    make_newsletter,
    make_reader,
)
from tests.factories import make_issue as make_draft

STEPS = ScriptDirectory.from_config(configuration())
BEFORE_FEEDING = str(STEPS.get_revision("0035").down_revision)
BEFORE_PICTURES = str(STEPS.get_revision("0042").down_revision)


def things(database: Database) -> set[str]:
    """Name everything that a migration could have left behind."""
    if database.is_sqlite:
        query = "SELECT type || ' ' || name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    else:
        query = """
            SELECT 'relation ' || relname FROM pg_class
            WHERE relnamespace = 'public'::regnamespace
            UNION SELECT 'function ' || proname FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace
            UNION SELECT 'type ' || typname FROM pg_type
            WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
        """
    with database.reading() as session:
        return {name.partition(" ")[2] for name in session.scalars(text(query))}


def compare_with_models(connection: Connection) -> None:
    command.check(configuration(connection))


# Up and down


def test_up_gives_what_the_models_say(bare: Database) -> None:
    upgrade(bare.url)
    with bare.connection() as connection:
        found = {name for name in inspect(connection).get_table_names() if "delivery_" not in name}
        assert found == {*Base.metadata.tables, "alembic_version"}
        connection.rollback()
        with connection.begin():
            compare_with_models(connection)
    check_migrated(bare)


def test_the_comparison_would_notice(bare: Database) -> None:
    upgrade(bare.url)
    with bare.transaction() as session:
        session.execute(text("ALTER TABLE heartbeat ADD COLUMN mood VARCHAR(20)"))
    with (
        pytest.raises(Exception, match=r"remove_column.*mood|mood.*remove_column"),
        bare.connection() as connection,
        connection.begin(),
    ):
        compare_with_models(connection)


def test_the_checks_are_those_of_the_models(bare: Database) -> None:
    upgrade(bare.url)
    written = CreateTables(bare)
    with bare.connection() as connection:
        for table in Base.metadata.tables:
            checks = [
                str(each["name"]) for each in inspect(connection).get_check_constraints(table)
            ]
            # A step that rebuilds a table on SQLite could leave the old check beside the new one.
            assert sorted(checks) == sorted(written.checks(table)), table


class CreateTables:
    """What the models would have made of an empty database."""

    def __init__(self, database: Database) -> None:
        self._dialect = database.engine.dialect

    def checks(self, table: str) -> set[str]:
        ddl = str(CreateTable(Base.metadata.tables[table]).compile(dialect=self._dialect))
        return set(re.findall(r"CONSTRAINT (ck_\w+) CHECK", ddl))


def test_down_leaves_nothing_and_up_again_works(bare: Database) -> None:
    upgrade(bare.url)
    everything = things(bare)
    downgrade(bare.url, "base")
    assert things(bare) <= {"alembic_version", "alembic_version_pkc"}
    with pytest.raises(NotMigratedError):
        check_migrated(bare)
    upgrade(bare.url)
    assert things(bare) == everything
    check_migrated(bare)


def test_down_works_with_rows_in_the_tables(bare: Database) -> None:
    upgrade(bare.url)
    with bare.transaction() as session:
        newsletter = make_newsletter(session, approval=Approval.SECOND_PERSON)
        make_reader(session, newsletter, "reader@example.org")
        add_consent(session)
        reminder = Notice(kind=NoticeKind.REMINDER, to_address="imara@example.org")
        reminder.token_id, reminder.created_at = new_token_id(), NOW
        reminder.newsletter_id = newsletter.id
        session.add(reminder)
    downgrade(bare.url, "base")
    assert things(bare) <= {"alembic_version", "alembic_version_pkc"}


def test_upgrading_again_keeps_what_is_there(database: Database) -> None:
    with database.transaction() as session:
        make_newsletter(session)
    upgrade(database.url)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Newsletter)) == 1


def test_the_newest_step_by_its_files_name_is_the_one_that_ends_the_chain() -> None:
    [last] = ScriptDirectory.from_config(configuration()).get_heads()
    assert newest_revision() == last


def test_tables_that_another_process_makes_meanwhile_are_seen(bare: Database) -> None:
    # One process asks, there is no table, and before it looks whether there is, the other made it.
    @event.listens_for(bare.engine, "handle_error", once=True)
    def upgraded(_: object) -> None:
        upgrade(bare.url)

    assert current_revision(bare) == newest_revision()


def test_without_tables_it_says_which_command(bare: Database) -> None:
    with pytest.raises(NotMigratedError, match="digest db upgrade"):
        check_migrated(bare)


def test_another_version_of_the_tables_says_which_command(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NotMigratedError, match=f"9999.*{newest_revision()}.*digest db upgrade"):
        check_migrated(database)


# Consent is evidence


def add_consent(session: Session) -> int:
    consent = Consent(subject=b"s" * 16, kind=ConsentKind.REQUESTED, at=NOW, mac=b"m" * 32)
    session.add(consent)
    session.flush()
    session.add(ConsentDetail(consent_id=consent.id, salt=b"s" * 32, email="reader@example.org"))
    session.add(
        ConsentSeal(
            sequence=1, consent_id=consent.id, previous=bytes(32), hash=b"h" * 32, sealed_at=NOW
        )
    )
    publish_terms(session, "Be kind.", now=NOW)
    session.flush()
    return consent.id


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consent SET kind = 'confirmed'",
        "UPDATE consent SET mac = mac",
        "UPDATE consent SET at = at WHERE 1 = 0 OR id = 1",
        "DELETE FROM consent",
        "DELETE FROM consent_seal",
        "UPDATE consent_seal SET sequence = 2",
        "UPDATE consent_seal SET hash = hash",
        "UPDATE terms SET body = 'We sell your address.'",
        "UPDATE wording SET label = 'I agree to [all]', terms_id = terms_id",
        "DELETE FROM wording",
        "DELETE FROM terms",
    ],
)
def test_consent_can_only_be_added_to(database: Database, statement: str) -> None:
    with database.transaction() as session:
        add_consent(session)
    with pytest.raises(DBAPIError, match="insert-only"), database.transaction() as session:
        session.execute(text(statement))
    with database.reading() as session:
        assert session.scalars(select(Consent.kind)).all() == [ConsentKind.REQUESTED]
        assert session.scalars(select(ConsentSeal.sequence)).all() == [1]
        agreed = select(Wording.label, Terms.body).join(Wording.terms)
        assert session.execute(agreed).all() == [(DEFAULT_LABEL, "Be kind.\n")]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("tables", ["consent CASCADE", "consent_seal", "wording, terms CASCADE"])
def test_consent_cannot_be_truncated(database: Database, tables: str) -> None:
    with database.transaction() as session:
        add_consent(session)
    with pytest.raises(DBAPIError, match="insert-only"), database.transaction() as session:
        session.execute(text(f"TRUNCATE {tables}"))
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Consent)) == 1


def test_replacing_is_refused_as_well(database: Database) -> None:
    with database.transaction() as session:
        id_ = add_consent(session)
    verb = "INSERT OR REPLACE" if database.is_sqlite else "INSERT"
    clash = "" if database.is_sqlite else "ON CONFLICT (id) DO UPDATE SET kind = 'erased'"
    values = "(:id, 'x', 'erased', '2026-01-01', 'x')"
    with pytest.raises(DBAPIError, match="insert-only"), database.transaction() as session:
        session.execute(
            text(f"{verb} INTO consent (id, subject, kind, at, mac) VALUES {values} {clash}"),
            {"id": id_},
        )
    with database.reading() as session:
        assert session.scalars(select(Consent.kind)).all() == [ConsentKind.REQUESTED]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "terms VALUES (1, 2, 'We sell your address.', '2026-01-01')",
        "terms VALUES (2, 1, 'We sell your address.', '2026-01-01')",
        "wording (id, number, label, language, terms_id, created_at) "
        "VALUES (2, 1, 'I agree to [all]', 'en', 1, '2026-01-01')",
    ],
)
def test_words_cannot_be_replaced_either(database: Database, statement: str) -> None:
    with database.transaction() as session:
        publish_terms(session, "Be kind.", now=NOW)
    with pytest.raises(DBAPIError, match="insert-only"), database.transaction() as session:
        session.execute(text(f"INSERT OR REPLACE INTO {statement}"))
    with database.reading() as session:
        agreed = select(Wording.label, Terms.body).join(Wording.terms)
        assert session.execute(agreed).all() == [(DEFAULT_LABEL, "Be kind.\n")]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("sequence", [1, 2])
def test_a_seal_cannot_be_replaced_either(database: Database, sequence: int) -> None:
    with database.transaction() as session:
        add_consent(session)
    with pytest.raises(DBAPIError, match="insert-only"), database.transaction() as session:
        session.execute(
            text(
                "INSERT OR REPLACE INTO consent_seal VALUES (:sequence, 1, 'x', 'x', '2026-01-01')"
            ),
            {"sequence": sequence},
        )
    with database.reading() as session:
        assert session.scalars(select(ConsentSeal.hash)).all() == [b"h" * 32]


def test_the_personal_side_can_be_erased(database: Database) -> None:
    with database.transaction() as session:
        add_consent(session)
        session.execute(text("DELETE FROM consent_detail"))
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Consent)) == 1


# Other rules of the tables


def test_one_active_subscription_for_a_reader_and_a_newsletter(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        subscription = make_reader(session, newsletter, "reader@example.org")
        period = {
            "subscriber_id": subscription.subscriber_id,
            "newsletter_id": newsletter.id,
            "topics": [],
            "site": "halyard.example",
            "started_at": NOW,
        }
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(insert(Subscription).values(token_id=b"2" * 16, **period))
    over = {"ended_at": NOW, "ended_reason": EndedReason.LEFT}
    with database.transaction() as session:
        session.execute(update(Subscription).values(**over))
        session.execute(insert(Subscription).values(token_id=b"2" * 16, **period))
        for number in (3, 4):
            session.execute(
                insert(Subscription).values(token_id=bytes([number]) * 16, **period, **over)
            )
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Subscription)) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"weekday": 7},
        {"weekday": -1},
        {"story_min": 0},
        {"story_min": 9, "story_count": 8},
        {"close_hours": -1},
        {"compose_hours": 1, "close_hours": 2},
    ],
)
def test_a_newsletter_that_makes_no_sense_is_refused(
    database: Database, changes: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError), database.transaction() as session:
        make_newsletter(session, **changes)


def test_a_state_that_does_not_exist_is_refused(database: Database) -> None:
    with database.transaction() as session:
        session.add(make_issue(make_newsletter(session).id))
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(text("UPDATE issue SET state = 'delivered'"))
    with database.transaction() as session:
        session.execute(text("UPDATE issue SET state = 'parked'"))
        assert session.scalar(select(Issue.state)) is IssueState.PARKED


def test_there_is_one_paper_and_one_installation(database: Database) -> None:
    paper = Publication(id=2, name="Another", site_url="https://halyard.example")
    installation = Installation(id=2, suppression_fingerprint="f", created_at=NOW)
    for second in (paper, installation):
        with pytest.raises(IntegrityError), database.transaction() as session:
            session.add(second)


def make_issue(newsletter_id: int, **changes: object) -> Issue:
    values: dict[str, object] = {
        "newsletter_id": newsletter_id,
        "occurrence_on": NOW.date(),
        "dateline": NOW.date(),
        "compose_at": NOW - timedelta(days=1),
        "closes_at": NOW - timedelta(hours=1),
        "send_at": NOW,
        "created_at": NOW,
    }
    return Issue(**(values | changes))


def test_an_occurrence_has_one_issue_and_specials_have_none(database: Database) -> None:
    with database.transaction() as session:
        newsletter_id = make_newsletter(session).id
        session.add(make_issue(newsletter_id))
        session.add(make_issue(newsletter_id, occurrence_on=None))
        session.add(make_issue(newsletter_id, occurrence_on=None))
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.add(make_issue(newsletter_id))


def test_a_delivery_needs_its_issue(database: Database) -> None:
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.add(
            Delivery(
                issue_id=1, subscriber_id=1, rendering_id=1, released_at=NOW, next_attempt_at=NOW
            )
        )


def test_deliveries_survive_the_way_down_and_up_again(database: Database) -> None:
    with database.transaction() as session:
        newsletter_id = make_newsletter(session).id
        for _ in range(2):
            issue = make_issue(newsletter_id, occurrence_on=None, state=IssueState.SENT)
            session.add(issue)
            session.flush()
            partitions.add(session, issue.id)
            for subscriber_id in (1, 2, 3):
                session.add(
                    Delivery(
                        issue_id=issue.id, subscriber_id=subscriber_id, rendering_id=1,
                        released_at=NOW, next_attempt_at=NOW, reply=f"for {issue.id}",
                    )
                )  # fmt: skip
        # The first issue was corrected on its way: what is still queued was to get the newest.
        for edition in (1, 2):
            session.add(
                Rendering(
                    id=edition, issue_id=1, variant="default", edition=edition, language="en",
                    subject="Salt", stencil=b"bytes", created_at=NOW,
                )
            )  # fmt: skip
        session.flush()
        session.execute(update(Rendering).where(Rendering.id == 1).values(replaced_by=2))
        accepted = (Delivery.issue_id == 1) & (Delivery.subscriber_id == 3)
        session.execute(update(Delivery).where(accepted).values(state=DeliveryState.ACCEPTED))
        claimed = (Delivery.issue_id == 1) & (Delivery.subscriber_id == 2)
        session.execute(update(Delivery).where(claimed).values(state=DeliveryState.CLAIMED))
    downgrade(database.url, "0001")
    with database.reading() as session:
        got = "SELECT rendering_id FROM delivery WHERE issue_id = 1 ORDER BY subscriber_id"
        assert session.scalars(text(got)).all() == [2, 2, 1]
        rows = session.execute(text("SELECT issue_id, reply FROM delivery")).all()
        assert sorted(rows) == [(1, "for 1")] * 3 + [(2, "for 2")] * 3
    upgrade(database.url)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 6
        if not database.is_sqlite:
            for issue_id in (1, 2):
                one = f"SELECT DISTINCT reply FROM delivery_{issue_id}"
                assert session.scalars(text(one)).all() == [f"for {issue_id}"]
    with database.connection() as connection, connection.begin():
        compare_with_models(connection)


OLD_ARTICLE = """
    INSERT INTO article (id, source_id, url, title, standfirst, body, topics, image_url, image_alt,
        image_due_at, image_failures, minutes, published_at, first_seen_at, updated_at)
    VALUES (:id, :source_id, :url, 'The port', 'For forty years.', :body, '[]', :image_url,
        'A "full" quay', :due, 0, :minutes, :at, :at, :at)
"""


def test_what_was_counted_from_a_summary_is_no_reading_time_any_more(database: Database) -> None:
    before = {
        1: (1, "", 1, None),
        2: (1, "For forty years.", 1, None),
        3: (1, "<p>For forty years.</p>", 1, None),
        4: (1, "<p>For forty years Varrholm counted success.</p>", 9, 9),
        5: (None, "", 9, 9),
    }
    with database.transaction() as session:
        session.add(
            Source(
                id=1, url="https://h.example/f", name="Wire", next_fetch_at=NOW, created_at=NOW
            )
        )  # fmt: skip
    downgrade(database.url, "0006")
    with database.transaction() as session:
        for id_, (source_id, body, minutes, _) in before.items():
            row: dict[str, Any] = {
                "id": id_,
                "source_id": source_id,
                "body": body,
                "minutes": minutes,
            }
            row |= {"url": f"https://h.example/{id_}", "at": NOW, "due": None, "image_url": None}
            session.execute(text(OLD_ARTICLE).bindparams(at=NOW), row)
    upgrade(database.url)

    with database.reading() as session:
        articles = session.scalars(select(Article)).all()
    assert {found.id: found.minutes for found in articles} == {
        id_: minutes for id_, (*_, minutes) in before.items()
    }
    assert not any(found.backlog for found in articles)
    assert all(found.published_at == NOW for found in articles)


def test_a_picture_that_was_fetched_is_the_one_candidate_and_has_been_tried(
    database: Database,
) -> None:
    downgrade(database.url, "0006")
    url = "https://h.example/port.jpg"
    with database.transaction() as session:
        for id_, image_url, due in ((1, url, None), (2, url, NOW), (3, None, None)):
            row: dict[str, Any] = {
                "id": id_,
                "source_id": None,
                "body": "",
                "minutes": 1,
                "image_url": image_url,
            }
            row |= {"url": f"https://h.example/{id_}", "at": NOW, "due": due}
            session.execute(text(OLD_ARTICLE).bindparams(at=NOW, due=due), row)
    upgrade(database.url)

    with database.reading() as session:
        articles = session.scalars(select(Article).order_by(Article.id)).all()
    assert [(found.picture_candidates, found.pictures_tried) for found in articles] == [
        ([[url, 'A "full" quay']], 1),
        ([[url, 'A "full" quay']], 0),
        ([], 0),
    ]


def test_sections_are_compared_as_they_were_written_before(database: Database) -> None:
    sections = ["ÉCONOMIE  verte", "World", None, "\N{NO-BREAK SPACE}"]
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        for number, section in enumerate(sections):
            make_article(session, f"a{number}", section=section)
    downgrade(database.url, BEFORE_FEEDING)
    upgrade(database.url)

    with database.reading() as session:
        keys = session.scalars(select(Article.section_key).order_by(Article.id)).all()
        kept = session.get_one(Newsletter, newsletter.id)
    assert keys == ["économieverte", "world", None, None]
    assert (kept.source_ids, kept.sections) == ([], [])


def test_the_way_down_gives_dates_and_minutes_to_what_had_none(database: Database) -> None:
    with database.transaction() as session:
        make_article(session, "port", minutes=None, published_at=None, backlog=True)
    downgrade(database.url, "0006")

    with database.reading() as session:
        [(minutes, at_first_sight)] = session.execute(
            text("SELECT minutes, published_at = first_seen_at FROM article")
        )
    assert (minutes, bool(at_first_sight)) == (1, True)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_comparison_leaves_partitions_out(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("CREATE TABLE delivery_7 PARTITION OF delivery FOR VALUES IN (7)"))
    with database.connection() as connection, connection.begin():
        compare_with_models(connection)
    downgrade(database.url, "base")
    assert things(database) <= {"alembic_version", "alembic_version_pkc"}


# Taking back


def test_portraits_are_told_from_articles_pictures(bare: Database) -> None:
    upgrade(bare.url, "0006")
    with bare.transaction() as session:
        for number, name in enumerate(("portrait", "lead")):
            session.execute(
                text(
                    "INSERT INTO media (hash, content_type, width, height, created_at)"
                    " VALUES (:name, 'image/png', :number, 1, CURRENT_TIMESTAMP)"
                ),
                {"name": name, "number": number},
            )
        session.execute(
            text(
                "INSERT INTO article (url, title, standfirst, body, topics, image_alt,"
                " image_failures, lead_image, minutes, published_at, first_seen_at, updated_at)"
                " VALUES ('https://halyard.example/a', 'A', '', '', '[]', '', 0, 'lead', 1,"
                " CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
            )
        )
    upgrade(bare.url)
    with bare.reading() as session:
        lasting = session.execute(select(Media.hash, Media.lasting)).all()
    assert sorted(map(tuple, lasting)) == [("lead", False), ("portrait", True)]


def test_what_is_new_does_not_stand_in_the_way_down(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        url = "https://halyard.example/feed.xml"
        for retired_at in (NOW, NOW, None):
            session.add(
                Source(url=url, name="H", next_fetch_at=NOW, created_at=NOW, retired_at=retired_at)
            )
        session.add(
            Notice(
                token_id=new_token_id(),
                kind=NoticeKind.STORY_WITHDRAWN,
                newsletter_id=newsletter.id,
                created_at=NOW,
            )
        )
    downgrade(database.url, "0006")
    with database.reading() as session:
        urls = session.scalars(text("SELECT url FROM source ORDER BY id")).all()
    assert urls == [f"{url}#1", f"{url}#2", url]
    upgrade(database.url)
    check_migrated(database)


def test_stories_pictures_and_who_is_in_go_down_and_up_again(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        issue = make_draft(
            session, newsletter, [make_article(session, "salt")], occurrence_on=date(2026, 11, 21)
        )
        sent = make_draft(session, newsletter, [make_article(session, "reef")])
        for story in (*issue.stories, *sent.stories):
            story.own_picture, story.own_thumbnail, story.image_alt = True, "small", "The quay"
        sent.stories[0].url = "https://halyard.example/reef"
        user = make_editor(session, "imara@example.org")
        session.add(IssuePresence(issue_id=issue.id, user_id=user.id, since=NOW, until=NOW))
        for field in (ChangedField.NOTE, ChangedField.PICTURE, ChangedField.ALT):
            session.add(
                IssueChange(issue_id=issue.id, version=1, at=NOW, by="I", field=field, words="So.")
            )
    downgrade(database.url, BEFORE_PICTURES)
    upgrade(database.url)
    check_migrated(database)
    with database.reading() as session:
        described = session.scalars(select(Story.image_alt).order_by(Story.id)).all()
        assert described == [None, "The quay"], "what is frozen stays"
        assert not any(session.scalars(select(Story.own_picture)))
        assert session.scalars(select(IssueChange.field)).all() == [ChangedField.NOTE]
        assert session.scalar(select(func.count()).select_from(IssuePresence)) == 0
