from datetime import timedelta

import pytest
from sqlalchemy import func, select

from digest.database.transactions import Database
from digest.errors import FieldError
from digest.models import Terms, Wording
from digest.newsroom.terms import DEFAULT_LABEL, publish_terms
from tests.factories import NOW


def test_the_first_terms_are_version_one_with_their_wording(database: Database) -> None:
    with database.transaction() as session:
        terms, wording = publish_terms(session, "# Terms\r\n\r\nBe kind.", NOW)

    with database.reading() as session:
        kept = session.scalars(select(Wording)).one()
        assert kept.terms.body == "# Terms\n\nBe kind.\n"
        assert (kept.number, kept.label) == (1, DEFAULT_LABEL)
    assert (terms.version, wording.terms_id) == (1, terms.id)


def test_new_words_are_a_new_version_and_the_old_ones_stay(database: Database) -> None:
    with database.transaction() as session:
        publish_terms(session, "Be kind.", NOW)
    with database.transaction() as session:
        terms, wording = publish_terms(session, "Be kinder.", NOW + timedelta(days=1))

    assert (terms.version, wording.number) == (2, 2)
    with database.reading() as session:
        bodies = session.scalars(select(Terms.body).order_by(Terms.version)).all()
    assert bodies == ["Be kind.\n", "Be kinder.\n"]


def test_the_same_words_again_are_no_new_version(database: Database) -> None:
    with database.transaction() as session:
        first, _ = publish_terms(session, "Be kind.", NOW)
        again, _ = publish_terms(session, "Be kind.\n", NOW)

    assert again.id == first.id


def test_another_sentence_with_the_same_terms_is_a_new_version(database: Database) -> None:
    with database.transaction() as session:
        publish_terms(session, "Be kind.", NOW)
        terms, wording = publish_terms(session, "Be kind.", NOW, "I agree to the [house rules]")

    assert (terms.version, wording.number) == (2, 2)
    assert wording.label == "I agree to the [house rules]"


@pytest.mark.parametrize("body", ["", " \n ", "a\x00b", "x" * 200_001])
def test_terms_that_cannot_be_read_are_refused(database: Database, body: str) -> None:
    with database.transaction() as session, pytest.raises(FieldError) as refused:
        publish_terms(session, body, NOW)

    assert refused.value.field == "body"
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Terms)) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "label", ["", "I agree", "I [agree", "I agree to the []", "[a] and [b]", "[a]" + "x" * 300]
)
def test_a_sentence_without_one_link_is_refused(database: Database, label: str) -> None:
    with database.transaction() as session, pytest.raises(FieldError) as refused:
        publish_terms(session, "Be kind.", NOW, label)

    assert refused.value.field == "label"
