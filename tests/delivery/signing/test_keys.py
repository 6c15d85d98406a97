"""The life of a key: it waits, signs, is replaced and retired; and which one signs whose mail."""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from digest.database.tables import Base
from digest.database.transactions import Database
from digest.delivery.signing.keys import (
    covering,
    create_keys,
    list_keys,
    read_domain,
    retire_key,
    start_signing,
    waiting_keys,
)
from digest.delivery.signing.signatory import Signatory, SigningError
from digest.errors import FieldError, NotFoundError, RefusedError
from digest.models import DkimAlgorithm, DkimState, load_all
from digest.settings.loading import Key
from digest.vault import Vault
from tests.factories import NOW, VAULT

DOMAIN = "halyard.example"


def make_two(database: Database, domain: str = DOMAIN, *, sign: bool = True) -> list[str]:
    """Make a key of each kind, have them sign, and return their selectors."""
    with database.transaction() as session:
        made = create_keys(session, VAULT, domain, DkimAlgorithm, NOW)
        if sign:
            start_signing(session, domain, [key.id for key in made], NOW)
        return [key.selector for key in made]


def states(database: Database, domain: str = DOMAIN) -> dict[str, str]:
    with database.reading() as session:
        return {key.selector: key.state.value for key in list_keys(session, domain)}


def signing_names(database: Database, sender: str, vault: Vault = VAULT) -> list[str]:
    with database.reading() as session:
        keys = Signatory(lambda: vault).keys_for(session, sender)
    return [key.selector for key in keys]


def test_new_keys_wait_and_old_ones_sign_until_they_take_over(database: Database) -> None:
    assert make_two(database) == ["d20261114r", "d20261114e"]
    assert make_two(database, sign=False) == ["d20261114r2", "d20261114e2"]
    assert signing_names(database, f"digest@{DOMAIN}") == ["d20261114r", "d20261114e"]
    with database.transaction() as session:
        start_signing(session, DOMAIN, [key.id for key in waiting_keys(session, DOMAIN)], NOW)
    assert signing_names(database, f"digest@{DOMAIN}") == ["d20261114r2", "d20261114e2"]
    assert states(database) == {
        "d20261114r": "replaced",
        "d20261114e": "replaced",
        "d20261114r2": "signing",
        "d20261114e2": "signing",
    }


def test_one_of_an_algorithm_leaves_the_other_alone(database: Database) -> None:
    make_two(database)
    with database.transaction() as session:
        [made] = create_keys(session, VAULT, DOMAIN, [DkimAlgorithm.RSA], NOW)
        start_signing(session, DOMAIN, [made.id], NOW)
    assert signing_names(database, f"digest@{DOMAIN}") == ["d20261114r2", "d20261114e"]


def test_a_retired_key_has_no_secret_and_signs_nothing(database: Database) -> None:
    make_two(database)
    with database.transaction() as session, pytest.raises(RefusedError, match="--leaves-unsigned"):
        retire_key(session, DOMAIN, "d20261114r", NOW)
    with database.transaction() as session:
        retire_key(session, DOMAIN, "D20261114R", NOW, leaves_unsigned=True)
        # Twice is once.
        retire_key(session, DOMAIN, "d20261114r", NOW + timedelta(days=1))
    assert signing_names(database, f"digest@{DOMAIN}") == ["d20261114e"]
    with database.reading() as session:
        retired = list_keys(session, DOMAIN)[0]
        assert (retired.secret, retired.retired_at) == (None, NOW)


def test_what_somebody_else_changed_meanwhile_is_refused(database: Database) -> None:
    make_two(database, sign=False)
    with database.reading() as session:
        ids = [key.id for key in waiting_keys(session, DOMAIN)]
    with database.transaction() as session:
        retire_key(session, DOMAIN, "d20261114e", NOW)
    with database.transaction() as session, pytest.raises(RefusedError, match="Somebody else"):
        start_signing(session, DOMAIN, ids, NOW)
    assert states(database)["d20261114r"] == "waiting"


def test_older_keys_do_not_take_over_from_newer_ones(database: Database) -> None:
    make_two(database, sign=False)
    with database.reading() as session:
        older = [key.id for key in waiting_keys(session, DOMAIN)]
    make_two(database)
    with database.transaction() as session, pytest.raises(RefusedError, match="Somebody else"):
        start_signing(session, DOMAIN, older, NOW)


def test_a_key_that_was_passed_over_waits_for_nothing(database: Database) -> None:
    make_two(database, sign=False)
    make_two(database, sign=False)
    with database.transaction() as session:
        start_signing(session, DOMAIN, [key.id for key in waiting_keys(session, DOMAIN)], NOW)
    with database.reading() as session, pytest.raises(RefusedError, match="digest dkim create"):
        waiting_keys(session, DOMAIN)


def test_there_is_a_word_for_each_mistake(database: Database) -> None:
    make_two(database)
    with database.transaction() as session:
        with pytest.raises(RefusedError, match=r"digest dkim create halyard\.example"):
            waiting_keys(session, DOMAIN)
        with pytest.raises(NotFoundError, match="There are: d20261114r, d20261114e"):
            retire_key(session, DOMAIN, "other", NOW)
        for wrong in (
            "",
            "halyard",
            "a b.example",
            "[192.0.2.1]",
            "x@y.example",
            "192.0.2.1",
            "a" * 250 + ".example",
        ):
            with pytest.raises(FieldError, match="is no domain"):
                create_keys(session, VAULT, wrong, DkimAlgorithm, NOW)


@pytest.mark.parametrize(
    ("typed", "domain"),
    [("Halyard.Example.", "halyard.example"), (" bücher.example ", "xn--bcher-kva.example")],
)
def test_a_domain_is_read_as_the_dns_has_it(typed: str, domain: str) -> None:
    assert read_domain(typed) == domain


def test_mail_is_signed_by_its_own_domain_or_the_next_above() -> None:
    domains = ["example.org", "news.example.org"]
    assert covering(domains, "example.org") == "example.org"
    assert covering(domains, "News.Example.org") == "news.example.org"
    assert covering(domains, "a.news.example.org") == "news.example.org"
    assert covering(domains, "bounces.example.org") == "example.org"
    assert covering(domains, "badexample.org") is None
    assert covering([], "example.org") is None


def test_keys_of_another_domain_sign_nothing(database: Database) -> None:
    make_two(database, "other.example")
    assert signing_names(database, f"digest@{DOMAIN}") == []


def test_a_secret_that_does_not_open_is_told_with_the_way_out(database: Database) -> None:
    make_two(database)
    lost = Vault([Key("k9", b"n" * 32)])
    with pytest.raises(SigningError, match="put the key back that it was sealed with"):
        signing_names(database, f"digest@{DOMAIN}", lost)


def test_a_secret_opens_in_its_own_place_only(database: Database) -> None:
    make_two(database)
    with database.transaction() as session:
        first, second = list_keys(session, DOMAIN)
        first.secret, second.secret = second.secret, first.secret
    with pytest.raises(SigningError):
        signing_names(database, f"digest@{DOMAIN}")


class KeysMachine(RuleBasedStateMachine):
    """Whatever is done, in whatever order: at most one key of an algorithm signs, and no key that
    signs, or is to, is without its secret."""

    @initialize()
    def begin(self) -> None:
        load_all()
        self.database = Database("sqlite://")
        with self.database.connection() as connection:
            Base.metadata.create_all(connection)
            connection.commit()

    @rule(algorithm=st.just(DkimAlgorithm.ED25519))
    def create(self, algorithm: DkimAlgorithm) -> None:
        with self.database.transaction() as session:
            create_keys(session, VAULT, DOMAIN, [algorithm], NOW)

    @rule()
    def sign(self) -> None:
        with self.database.transaction() as session:
            keys = list_keys(session, DOMAIN)
            signing = max((key.id for key in keys if key.state is DkimState.SIGNING), default=0)
            newer = [key for key in keys if key.state is DkimState.WAITING and key.id > signing]
            if not newer:
                with pytest.raises(RefusedError, match="waits to sign"):
                    waiting_keys(session, DOMAIN)
                return
            chosen = waiting_keys(session, DOMAIN)
            assert chosen == newer[-1:]
            start_signing(session, DOMAIN, [key.id for key in chosen], NOW)

    @rule(number=st.integers(0, 5), anyway=st.booleans())
    def retire(self, number: int, anyway: bool) -> None:
        with self.database.transaction() as session:
            keys = list_keys(session, DOMAIN)
            if number >= len(keys):
                return
            if keys[number].state is DkimState.SIGNING and not anyway:
                with pytest.raises(RefusedError):
                    retire_key(session, DOMAIN, keys[number].selector, NOW)
                return
            retire_key(session, DOMAIN, keys[number].selector, NOW, leaves_unsigned=anyway)

    @invariant()
    def at_most_one_signs(self) -> None:
        if not hasattr(self, "database"):
            return
        with self.database.reading() as session:
            keys = list_keys(session, DOMAIN)
            assert sum(key.state is DkimState.SIGNING for key in keys) <= 1
            assert len({key.selector for key in keys}) == len(keys)
            for key in keys:
                assert (key.secret is None) == (key.state is DkimState.RETIRED)

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.dispose()


KeysMachine.TestCase.settings = settings(deadline=None, max_examples=20, stateful_step_count=15)
TestKeysMachine = KeysMachine.TestCase
