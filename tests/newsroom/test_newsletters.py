from dataclasses import replace
from datetime import time

import pytest
from sqlalchemy import func, select

from digest.database.transactions import Database
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import Approval, Newsletter, Publication
from digest.newsroom.finding import NewsletterValues, find_newsletter, values_of
from digest.newsroom.newsletters import create_newsletter, edit_newsletter, ensure_publication
from tests.factories import NOW

VALUES = NewsletterValues(
    slug="editors-digest",
    name="Editor’s Digest",
    promise="Eight stories, every Saturday.",
    editor_name="Imara Vance-Oduya",
    editor_email="imara@halyard.example",
    from_address="digest@halyard.example",
    postal_address="4 Ropewalk Yard, Varrholm VH1 2AB",
    weekday=5,
    local_time=time(7, 0),
    zone="Europe/London",
)


@pytest.fixture
def paper(database: Database) -> Database:
    """A database with the publication in it."""
    with database.transaction() as session:
        ensure_publication(session, "The Halyard", "https://halyard.example/")
    return database


def test_a_newsletter_is_created_with_its_palette(paper: Database) -> None:
    with paper.transaction() as session:
        create_newsletter(session, replace(VALUES, accent="#ffd400"), NOW)

    with paper.reading() as session:
        kept = find_newsletter(session, "editors-digest")
    assert kept.accent == "#FFD400"
    assert kept.palette["text"] == "#735F00"
    assert kept.from_name == "Imara at The Halyard"
    assert (kept.weekday, kept.local_time, kept.zone) == (5, time(7, 0), "Europe/London")
    assert kept.approval is Approval.AUTOMATIC


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", ""),
        ("slug", "Editors"),
        ("slug", "42"),
        ("slug", "a--b"),
        ("slug", "a/b"),
        ("slug", "a" * 61),
        ("name", ""),
        ("name", "x" * 101),
        ("promise", " "),
        ("promise", "x" * 501),
        ("editor_name", ""),
        ("editor_email", "imara"),
        ("from_address", ""),
        ("from_address", "a@b@c"),
        ("from_address", "a@halyard.example\r\nBcc: x@example.org"),
        ("reply_to", "nobody"),
        ("postal_address", ""),
        ("weekday", 7),
        ("weekday", -1),
        ("zone", "London"),
        ("zone", "../../etc/passwd"),
        ("zone", ""),
        ("accent", "green"),
        ("language", "english please"),
        ("story_count", 0),
        ("story_count", 31),
        ("story_min", 0),
        ("story_min", 9),
        ("story_max_age_days", 0),
        ("compose_hours", -1),
        ("compose_hours", 6 * 24 + 1),
        ("close_hours", -1),
        ("close_hours", 25),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_name(
    paper: Database, field: str, value: object
) -> None:
    with pytest.raises(FieldError) as refused, paper.transaction() as session:
        create_newsletter(session, replace(VALUES, **{field: value}), NOW)  # type: ignore[arg-type]

    assert refused.value.field == field
    assert refused.value.sentence.endswith(".")
    with paper.reading() as session:
        assert session.scalar(select(func.count()).select_from(Newsletter)) == 0


def test_what_a_sender_would_be_called_has_no_line_breaks(paper: Database) -> None:
    with paper.transaction() as session:
        made = create_newsletter(session, replace(VALUES, from_name="Imara\r\nBcc: x"), NOW)

    assert made.from_name == "Imara Bcc: x"


def test_a_slug_is_taken_once(paper: Database) -> None:
    with paper.transaction() as session:
        create_newsletter(session, VALUES, NOW)
    with pytest.raises(FieldError, match="already"), paper.transaction() as session:
        create_newsletter(session, VALUES, NOW)


def test_a_newsletter_is_edited_and_its_palette_with_it(paper: Database) -> None:
    with paper.transaction() as session:
        made = create_newsletter(session, VALUES, NOW)
        edit_newsletter(
            session, made, replace(values_of(made), accent="#990F3D", story_count=5), NOW
        )

    with paper.reading() as session:
        kept = find_newsletter(session, "editors-digest")
    assert (kept.palette["text"], kept.story_count, kept.name) == ("#990F3D", 5, "Editor’s Digest")


def test_a_slug_cannot_be_changed(paper: Database) -> None:
    with paper.transaction() as session:
        made = create_newsletter(session, VALUES, NOW)
        with pytest.raises(FieldError, match="links"):
            edit_newsletter(session, made, replace(values_of(made), slug="another"), NOW)


def test_a_newsletter_needs_a_publication(database: Database) -> None:
    with pytest.raises(RefusedError, match="publication"), database.transaction() as session:
        create_newsletter(session, VALUES, NOW)


def test_there_is_one_publication_and_what_is_not_given_stays(paper: Database) -> None:
    with paper.transaction() as session:
        ensure_publication(session, privacy_url="https://halyard.example/privacy")
        ensure_publication(session, name="The New Halyard")

    with paper.reading() as session:
        kept = session.scalars(select(Publication)).one()
    assert (kept.name, kept.site_url) == ("The New Halyard", "https://halyard.example")
    assert kept.privacy_url == "https://halyard.example/privacy"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("name", "site", "field"),
    [
        (None, "https://halyard.example", "publication"),
        ("The Halyard", None, "site"),
        ("The Halyard", "halyard.example", "site"),
        ("The Halyard", "javascript:alert(1)", "site"),
        ("", "https://halyard.example", "publication"),
    ],
)
def test_a_publication_without_its_name_and_site_is_refused(
    database: Database, name: str | None, site: str | None, field: str
) -> None:
    with pytest.raises(FieldError) as refused, database.transaction() as session:
        ensure_publication(session, name, site)

    assert refused.value.field == field


def test_a_newsletter_that_is_not_there_names_those_that_are(paper: Database) -> None:
    with paper.transaction() as session:
        create_newsletter(session, VALUES, NOW)
        with pytest.raises(NotFoundError, match="There are: editors-digest"):
            find_newsletter(session, "weekly")
