"""Addresses that our relay cannot write to, that are mistyped, and whose mailbox is another's."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from digest.database.tables import database_now
from digest.models import Notice, Relay, SignUp, Subscription
from digest.readers.signing_up.sign_up_form import InvalidSignUpError
from digest.readers.signing_up.submitting import sign_up
from tests.factories import SUPPRESSION_KEY
from tests.readers.conftest import ReadersDesk

RELAY = "relay.example:25"


def note(desk: ReadersDesk, offers: Sequence[str]) -> None:
    with desk.database.transaction() as session:
        session.add(Relay(name=RELAY, offers=list(offers), seen_at=database_now()))


def sign_up_by_relay(desk: ReadersDesk, email: str) -> None:
    with desk.database.bare_transaction() as connection:
        sign_up(
            connection,
            desk.form(email),
            now=desk.clock.now(),
            suppression=SUPPRESSION_KEY,
            relay=RELAY,
        )


@pytest.mark.parametrize("offers", [[], ["8bitmime", "pipelining"], ["smtputf8"]])
def test_where_the_relay_takes_no_such_address_the_form_says_so_at_once(
    desk: ReadersDesk, offers: Sequence[str]
) -> None:
    note(desk, ["8bitmime", "smtputf8"])
    sign_up_by_relay(desk, "jörg@example.org")
    desk.confirm(desk.rows(SignUp)[-1].token_id)
    with desk.database.transaction() as session:
        session.get_one(Relay, RELAY).offers = list(offers)
    before = desk.dump()
    said = []
    for email in ("jörg@example.org", "björn@example.org"):
        with pytest.raises(InvalidSignUpError) as caught:
            sign_up_by_relay(desk, email)
        said.append(str(caught.value))
    # A reader and a stranger are told the same.
    assert said[0] == said[1]
    assert said[0].startswith("Our mail server cannot send to addresses with letters such as ö")
    assert desk.dump() == before
    sign_up_by_relay(desk, "robin@bücher.example")


@pytest.mark.parametrize("known", [True, False])
def test_where_it_does_or_was_never_seen_the_address_is_taken(
    desk: ReadersDesk, known: bool
) -> None:
    if known:
        note(desk, ["8bitmime", "smtputf8", "size"])
    sign_up_by_relay(desk, "jörg@example.org")
    assert desk.rows(Notice)[0].to_address == "jörg@example.org"


def test_a_mistyped_address_is_asked_about_once_and_never_refused(desk: ReadersDesk) -> None:
    with pytest.raises(InvalidSignUpError) as caught:
        desk.sign_up("robin@gmial.com")
    [error] = caught.value.errors
    assert (error.sentence, error.suggestion) == (
        "Did you mean robin@gmail.com?",
        "robin@gmail.com",
    )
    assert desk.count(SignUp) == 0
    assert desk.sign_up("robin@gmial.com", sure="robin@gmial.com").email == "robin@gmial.com"
    with pytest.raises(InvalidSignUpError):
        desk.sign_up("robin@hotmail.vom", sure="robin@gmial.com")


def test_one_mailbox_gets_two_confirmations_a_day_however_it_is_spelt(desk: ReadersDesk) -> None:
    spellings = [
        *("robin@gmail.com", "r.obin@gmail.com", "robin+a@gmail.com", "ROBIN@googlemail.com"),
        *(f"ro.bin+{n}@googlemail.com" for n in range(20)),
    ]
    for email in spellings:
        desk.sign_up(email)
    assert desk.count(Notice) == 2
    assert {row.email for row in desk.rows(SignUp)} == {"robin@gmail.com", "r.obin@gmail.com"}
    for row in desk.rows(Notice):
        assert row.once is not None
        assert "robin" not in row.once
        assert not row.once.endswith(SUPPRESSION_KEY.mac("robin@gmail.com"))
    # Identity stays as it is typed.
    for asked in desk.rows(SignUp):
        desk.confirm(asked.token_id)
    assert desk.count(Subscription) == 2


def test_a_confirmation_that_was_used_does_not_count(desk: ReadersDesk) -> None:
    for n in range(4):
        desk.subscribe(f"robin+{n}@example.org")
        desk.clock.advance(timedelta(minutes=1))
    assert desk.count(Subscription) == 4
    desk.sign_up("robin+9@example.org")
    desk.sign_up("robin+10@example.org")
    desk.sign_up("robin+11@example.org")
    assert desk.count(Notice) == 6
