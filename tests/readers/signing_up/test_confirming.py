"""The link of the confirmation mail."""

import threading
from datetime import timedelta

import pytest

from digest.database.transactions import Database
from digest.models import (
    Consent,
    ConsentDetail,
    ConsentKind,
    Notice,
    SignUp,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from digest.readers.preferences.leaving import leave
from digest.readers.signing_up.confirming import (
    Confirmation,
    ConfirmState,
    ask_again,
    look_at_sign_up,
)
from tests.factories import NOW, SUPPRESSION_KEY
from tests.readers.conftest import EVIDENCE, ReadersDesk


def asked_again(desk: ReadersDesk, token_id: bytes) -> Confirmation:
    with desk.database.transaction() as session:
        return ask_again(
            session, token_id, EVIDENCE, now=desk.clock.now(), suppression=SUPPRESSION_KEY
        )


def looked_at(desk: ReadersDesk, token_id: bytes) -> Confirmation:
    with desk.database.transaction() as session:
        return look_at_sign_up(session, token_id, now=desk.clock.now())


def test_confirming_makes_a_reader_with_a_period_and_evidence(desk: ReadersDesk) -> None:
    desk.sign_up(name="Robin Aske", topics=("climate",))
    [row] = desk.rows(SignUp)
    found = desk.confirm(row.token_id)

    assert found.state is ConfirmState.CONFIRMED
    [reader] = desk.rows(Subscriber)
    assert (reader.email, reader.name) == ("robin@example.org", "Robin Aske")
    assert reader.subject == row.subject
    assert reader.suppression_mac == SUPPRESSION_KEY.mac("robin@example.org")
    [period] = desk.rows(Subscription)
    assert (period.topics, period.site, period.started_at) == (["climate"], "halyard.example", NOW)
    requested, confirmed = desk.rows(Consent)
    assert confirmed.kind is ConsentKind.CONFIRMED
    assert confirmed.subject == requested.subject
    assert confirmed.wording_id == requested.wording_id


def test_the_sign_up_s_personal_fields_go_when_it_is_consumed(desk: ReadersDesk) -> None:
    desk.subscribe(name="Robin")

    [row] = desk.rows(SignUp)
    assert (row.email, row.email_key, row.name) == (None, None, None)


def test_confirming_again_says_the_same_and_changes_nothing(desk: ReadersDesk) -> None:
    desk.subscribe()
    before = desk.dump()
    again = desk.confirm(desk.rows(SignUp)[0].token_id)

    assert again.state is ConfirmState.CONFIRMED
    assert desk.dump() == before


def test_looking_changes_nothing(desk: ReadersDesk) -> None:
    desk.sign_up()
    before = desk.dump()

    found = looked_at(desk, desk.rows(SignUp)[0].token_id)
    assert (found.state, found.email) == (ConfirmState.PENDING, "robin@example.org")
    assert desk.dump() == before


def test_a_link_runs_out_after_48_hours(desk: ReadersDesk) -> None:
    desk.sign_up()
    [row] = desk.rows(SignUp)
    desk.clock.advance(timedelta(hours=48))
    before = desk.dump()

    assert desk.confirm(row.token_id).state is ConfirmState.EXPIRED
    assert desk.dump() == before
    desk.clock.advance(timedelta(seconds=-1))
    assert desk.confirm(row.token_id).state is ConfirmState.CONFIRMED


def test_a_link_that_ran_out_is_mailed_anew(desk: ReadersDesk) -> None:
    desk.sign_up(topics=("climate",), name="Robin")
    [old] = desk.rows(SignUp)
    desk.clock.advance(timedelta(hours=49))
    assert asked_again(desk, old.token_id).state is ConfirmState.EXPIRED

    new = desk.rows(SignUp)[-1]
    assert new.token_id != old.token_id
    assert (new.email, new.name, new.subject) == ("robin@example.org", "Robin", old.subject)
    assert desk.rows(Notice)[-1].sign_up_id == new.id
    assert desk.confirm(new.token_id).state is ConfirmState.CONFIRMED
    assert desk.rows(Subscription)[0].topics == ["climate"]


def test_a_new_link_is_mailed_twice_a_day_at_most(desk: ReadersDesk) -> None:
    desk.sign_up()
    [old] = desk.rows(SignUp)
    desk.clock.advance(timedelta(hours=49))
    for _ in range(4):
        assert asked_again(desk, old.token_id).state is ConfirmState.EXPIRED

    assert desk.count(Notice) == 3


def test_a_link_that_has_not_run_out_is_not_mailed_anew(desk: ReadersDesk) -> None:
    desk.sign_up()
    before = desk.dump()

    assert asked_again(desk, desk.rows(SignUp)[0].token_id).state is ConfirmState.PENDING
    assert desk.dump() == before


def test_an_unknown_id_is_unknown(desk: ReadersDesk) -> None:
    before = desk.dump()

    assert desk.confirm(b"?" * 16).state is ConfirmState.UNKNOWN
    assert asked_again(desk, b"?" * 16).state is ConfirmState.UNKNOWN
    assert looked_at(desk, b"?" * 16).state is ConfirmState.UNKNOWN
    assert desk.dump() == before


def test_the_link_that_began_it_does_not_bring_back_who_left(desk: ReadersDesk) -> None:
    period = desk.subscribe()
    with desk.database.transaction() as session:
        leave(session, period.token_id, now=NOW)

    assert desk.confirm(desk.rows(SignUp)[0].token_id).state is ConfirmState.LEFT
    assert all(period.ended_at for period in desk.rows(Subscription))


def test_a_second_link_asked_for_before_leaving_does_not_either(desk: ReadersDesk) -> None:
    desk.sign_up()
    desk.sign_up()
    first, second = desk.rows(SignUp)
    desk.confirm(first.token_id)
    with desk.database.transaction() as session:
        leave(session, desk.rows(Subscription)[0].token_id, now=desk.clock.now())
    desk.clock.advance(timedelta(hours=1))

    assert desk.confirm(second.token_id).state is ConfirmState.EXPIRED
    assert all(period.ended_at for period in desk.rows(Subscription))


def test_who_left_may_sign_up_and_confirm_anew(desk: ReadersDesk) -> None:
    period = desk.subscribe()
    with desk.database.transaction() as session:
        leave(session, period.token_id, now=NOW)
    desk.clock.advance(timedelta(days=2))
    desk.subscribe()

    old, new = desk.rows(Subscription)
    assert old.ended_at is not None
    assert new.ended_at is None
    assert old.subscriber_id == new.subscriber_id


def test_a_stranger_s_name_does_not_replace_a_reader_s(
    desk: ReadersDesk, database: Database
) -> None:
    period = desk.subscribe(name="Robin")
    with database.transaction() as session:
        leave(session, period.token_id, now=NOW)
    desk.clock.advance(timedelta(days=2))
    desk.subscribe(name="Somebody Rude")

    assert desk.rows(Subscriber)[0].name == "Robin"


def test_a_suppressed_address_cannot_be_started(desk: ReadersDesk, database: Database) -> None:
    desk.sign_up()
    with database.transaction() as session:
        session.add(
            Suppression(
                mac=SUPPRESSION_KEY.mac("robin@example.org"),
                reason=SuppressionReason.COMPLAINED,
                created_at=NOW,
            )
        )

    assert desk.confirm(desk.rows(SignUp)[0].token_id).state is ConfirmState.BLOCKED
    assert desk.count(Subscription) == 0


def test_two_links_of_one_address_at_the_same_moment_make_one_reader(desk: ReadersDesk) -> None:
    desk.sign_up()
    desk.sign_up()
    tokens = [row.token_id for row in desk.rows(SignUp)]
    states = in_parallel(desk, tokens)

    assert states == [ConfirmState.CONFIRMED, ConfirmState.CONFIRMED]
    assert desk.count(Subscriber) == desk.count(Subscription) == 1


def test_one_link_pressed_twice_at_the_same_moment_starts_one_period(desk: ReadersDesk) -> None:
    desk.sign_up()
    token = desk.rows(SignUp)[0].token_id
    states = in_parallel(desk, [token, token, token])

    assert set(states) == {ConfirmState.CONFIRMED}
    assert desk.count(Subscription) == 1
    kinds = [consent.kind for consent in desk.rows(Consent)]
    assert kinds == [ConsentKind.REQUESTED, ConsentKind.CONFIRMED]


def in_parallel(desk: ReadersDesk, tokens: list[bytes]) -> list[ConfirmState]:
    start = threading.Barrier(len(tokens))
    states: list[ConfirmState] = []

    def press(token: bytes) -> None:
        start.wait()
        states.append(desk.confirm(token).state)

    threads = [threading.Thread(target=press, args=[token]) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return states


@pytest.mark.parametrize("field", ["email", "ip", "user_agent"])
def test_the_evidence_of_the_confirmation_holds_who_pressed(desk: ReadersDesk, field: str) -> None:
    desk.subscribe()

    assert getattr(desk.rows(ConsentDetail)[-1], field)
