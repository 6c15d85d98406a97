"""Who there is, what each may do, and that somebody is always an owner."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from digest.database.transactions import Database
from digest.desk.audit import OPERATOR
from digest.desk.sessions import Browser, find_session, open_session
from digest.desk.users import (
    Granted,
    create_user,
    disable_user,
    edit_user,
    enable_user,
    find_by_address,
    find_user,
    has_users,
    list_users,
    may,
    may_anywhere,
)
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import Grant, Newsletter, Role, User
from tests.desk.conftest import Hire, user_of, verbs
from tests.factories import NOW, make_newsletter

ROLES = st.lists(
    st.tuples(st.sampled_from(Role), st.sampled_from([None, 1, 2])), min_size=1, max_size=5
)


@settings(deadline=None)
@given(ROLES, st.sampled_from(Role), st.sampled_from([None, 1, 2]))
def test_a_role_for_all_is_one_for_each_and_owners_have_every(
    held: list[tuple[Role, int | None]], asked: Role, newsletter_id: int | None
) -> None:
    user = User(grants=[Grant(role=role, newsletter_id=where) for role, where in held])
    has = may(user, asked, newsletter_id)
    if has:
        assert may_anywhere(user, asked)
    if may(user, asked):
        assert may(user, asked, 1)
        assert may(user, asked, 2)
    if (Role.OWNER, None) in held:
        assert has
    if not any(where in {None, newsletter_id} for _, where in held):
        assert not has
    if asked is Role.READERS and not {Role.OWNER, Role.READERS} & {role for role, _ in held}:
        assert not has, "an editor sees no address"


def test_a_user_is_found_by_any_spelling(database: Database, hire: Hire) -> None:
    hire("Imara", Role.OWNER)
    with database.reading() as session:
        assert find_user(session, " IMARA@Example.ORG ").name == "Imara"
        assert find_by_address(session, "no address") is None
        with pytest.raises(NotFoundError, match="digest user list"):
            find_user(session, "joss@example.org")


def test_nobody_is_made_twice_or_without_a_role(database: Database, hire: Hire) -> None:
    hire("Imara", Role.OWNER)
    for email, name, grants, field in (
        ("Imara@example.org", "Another", [Granted(Role.EDITOR)], "email"),
        ("no address", "Joss", [Granted(Role.EDITOR)], "email"),
        ("joss@example.org", " ", [Granted(Role.EDITOR)], "name"),
        ("joss@example.org", "x" * 101, [Granted(Role.EDITOR)], "name"),
        ("joss@example.org", "Joss", [], "role"),
    ):
        with pytest.raises(FieldError) as caught, database.transaction() as session:
            create_user(session, OPERATOR, email, name, grants, now=NOW)
        assert caught.value.field == field
    with database.reading() as session:
        assert [user.name for user in list_users(session)] == ["Imara"]
    assert verbs(database) == ["user create"]


def test_roles_are_changed_whole(database: Database, hire: Hire) -> None:
    hire("Imara", Role.OWNER)
    joss = hire("Joss", Role.EDITOR)
    with database.transaction() as session:
        letter = make_newsletter(session, "climate")
        wanted = [Granted(Role.EDITOR, letter), Granted(Role.READERS)]
        user = session.get_one(User, joss)
        assert edit_user(session, OPERATOR, user, grants=wanted, now=NOW) == ["grants"]
        assert edit_user(session, OPERATOR, user, grants=wanted, now=NOW) == []
        assert edit_user(session, OPERATOR, user, name="Joss P.", now=NOW) == ["name"]
    with database.reading() as session:
        user = session.get_one(User, joss)
        newsletter_id = session.scalars(select(Newsletter.id)).one()
        assert {(grant.role, grant.newsletter_id) for grant in user.grants} == {
            (Role.EDITOR, newsletter_id),
            (Role.READERS, None),
        }
    assert verbs(database) == ["user create", "user create", "user edit", "user edit"]


def test_the_last_owner_stays_one(database: Database, hire: Hire) -> None:
    imara = hire("Imara", Role.OWNER)
    with pytest.raises(RefusedError, match="owner"), database.transaction() as session:
        disable_user(session, OPERATOR, session.get_one(User, imara), now=NOW)
    with pytest.raises(RefusedError, match="owner"), database.transaction() as session:
        edit_user(
            session,
            OPERATOR,
            session.get_one(User, imara),
            grants=[Granted(Role.EDITOR)],
            now=NOW,
        )
    assert user_of(database, imara).disabled_at is None
    hire("Joss", Role.OWNER)
    with database.transaction() as session:
        assert disable_user(session, OPERATOR, session.get_one(User, imara), now=NOW)
        assert not disable_user(session, OPERATOR, session.get_one(User, imara), now=NOW)


def test_an_owner_of_one_newsletter_is_not_enough(database: Database, hire: Hire) -> None:
    imara = hire("Imara", Role.OWNER)
    with database.transaction() as session:
        letter = make_newsletter(session, "climate")
        grants = [Granted(Role.OWNER, letter)]
        create_user(session, OPERATOR, "joss@example.org", "Joss", grants, now=NOW)
    with pytest.raises(RefusedError, match="owner"), database.transaction() as session:
        disable_user(session, OPERATOR, session.get_one(User, imara), now=NOW)


def test_of_two_owners_who_disable_each_other_one_stays(database: Database, hire: Hire) -> None:
    both = [hire("Imara", Role.OWNER), hire("Joss", Role.OWNER)]

    def disable(user_id: int) -> bool:
        try:
            with database.transaction() as session:
                return disable_user(session, OPERATOR, session.get_one(User, user_id), now=NOW)
        except RefusedError:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(disable, both)) == [False, True]
    with database.reading() as session:
        assert has_users(session)


def test_who_is_disabled_is_signed_out_at_once(database: Database, hire: Hire) -> None:
    hire("Imara", Role.OWNER)
    joss = hire("Joss", Role.EDITOR)
    with database.transaction() as session:
        user = session.get_one(User, joss)
        _, secret = open_session(session, user, Browser(), now=NOW, proved=True)
    with database.transaction() as session:
        disable_user(session, OPERATOR, session.get_one(User, joss), now=NOW)
    with database.reading() as session:
        assert find_session(session, secret, now=NOW) is None
    with database.transaction() as session:
        assert enable_user(session, OPERATOR, session.get_one(User, joss), now=NOW)
        assert not enable_user(session, OPERATOR, session.get_one(User, joss), now=NOW)
    with database.reading() as session:
        assert find_session(session, secret, now=NOW) is None, "it stays ended"


def test_the_first_user_is_an_owner(database: Database, hire: Hire) -> None:
    with pytest.raises(FieldError, match="has to be an owner"):
        hire("Joss", Role.EDITOR)
    hire("Imara", Role.OWNER)
    hire("Joss", Role.EDITOR)
