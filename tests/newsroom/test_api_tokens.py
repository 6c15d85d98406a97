from datetime import timedelta

import pytest
from sqlalchemy import select, update

from digest.database.transactions import Database
from digest.errors import FieldError
from digest.models import ApiToken, Scope
from digest.newsroom.api_tokens import create_token, find_token, revoke_token
from tests.factories import NOW


def test_a_token_is_found_by_its_secret_which_is_not_kept(database: Database) -> None:
    with database.transaction() as session:
        made, secret = create_token(session, "the site", Scope.ARTICLES, NOW)

    with database.reading() as session:
        found = find_token(session, secret)
        row = session.execute(select(ApiToken.__table__)).one()
    assert found is not None
    assert (found.id, found.name) == (made.id, "the site")
    assert secret not in str(row)


def test_two_tokens_are_never_alike(database: Database) -> None:
    with database.transaction() as session:
        _, one = create_token(session, "one", Scope.ARTICLES, NOW)
        _, other = create_token(session, "other", Scope.SIGN_UPS, NOW)

    assert one != other
    assert len(one) > 40


@pytest.mark.parametrize("secret", ["", "dgst_", "\ud800", "x" * 10_000])
def test_an_unknown_secret_finds_nothing(database: Database, secret: str) -> None:
    with database.reading() as session:
        assert find_token(session, secret) is None


def test_a_revoked_token_finds_nothing(database: Database) -> None:
    with database.transaction() as session:
        _, secret = create_token(session, "the site", Scope.ARTICLES, NOW)
        session.execute(update(ApiToken).values(revoked_at=NOW))

    with database.reading() as session:
        assert find_token(session, secret) is None


def test_a_name_is_taken_once(database: Database) -> None:
    with database.transaction() as session:
        create_token(session, "the site", Scope.ARTICLES, NOW)
    with pytest.raises(FieldError, match="already"), database.transaction() as session:
        create_token(session, " the  site", Scope.ARTICLES, NOW)


@pytest.mark.parametrize("name", ["", " ", "x" * 101])
def test_a_name_says_something(database: Database, name: str) -> None:
    with pytest.raises(FieldError), database.transaction() as session:
        create_token(session, name, Scope.ARTICLES, NOW)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_who_revoke_at_the_same_moment_one_has_done_it(database: Database) -> None:
    with database.transaction() as session:
        create_token(session, "their CMS", Scope.ARTICLES, NOW)
    with database.transaction() as late:
        read = late.scalars(select(ApiToken)).one()
        with database.transaction() as session:
            assert revoke_token(session, "their CMS", NOW)
        assert not revoke_token(late, "their CMS", NOW + timedelta(minutes=1))
        assert read.revoked_at == NOW
