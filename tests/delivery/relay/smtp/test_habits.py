"""What a relay is found to be like, and how it is spoken to from then on."""

import pytest

from digest.delivery.relay.connection import RelayDown, Stage
from digest.delivery.relay.habits import Habits
from tests.delivery.relay.smtp.cases import (
    ACCEPTED,
    LONG,
    MODES,
    REFUSED,
    SHORT,
    UNSENT,
    envelopes,
    fates,
    recipients,
    send,
    session,
)
from tests.scripted_smtp import Answer, Hang, ScriptedRelay


def test_silence_to_what_stood_behind_an_answered_dot_is_learnt() -> None:
    habits = Habits()
    with (
        ScriptedRelay(loses_behind_dot=True) as relay,
        session(relay.address, timeout=SHORT, habits=habits) as connection,
    ):
        outcomes = send(connection, envelopes(3))
    assert fates(outcomes) == [ACCEPTED, UNSENT, UNSENT]
    assert isinstance(connection.trouble, RelayDown)
    assert (habits.dot_alone, habits.learnt) == (True, True)


@pytest.mark.parametrize("refuse", ["", "r1@"])
def test_from_then_on_the_next_message_waits_for_the_dots_answer(refuse: str) -> None:
    with (
        ScriptedRelay(loses_behind_dot=True) as relay,
        session(relay.address, timeout=LONG, habits=Habits(dot_alone=True)) as connection,
    ):
        if refuse:
            relay.always("RCPT", "550 5.1.1 unknown", when=refuse)
        outcomes = send(connection, envelopes(5))
        assert relay.violations == []
    assert fates(outcomes) == [REFUSED if refuse and n == 1 else ACCEPTED for n in range(5)]
    assert connection.trouble is None


def test_one_that_answers_a_refused_recipients_data_with_354_loses_nothing() -> None:
    with (
        ScriptedRelay(loses_behind_dot=True) as relay,
        session(relay.address, timeout=LONG, habits=Habits(dot_alone=True)) as connection,
    ):
        relay.always("RCPT", "550 5.1.1 unknown", when="r1@")
        relay.script("DATA", None, "354 go on")
        outcomes = send(connection, envelopes(3))
        # The empty message was for nobody.
        assert recipients(relay) == ["r0@example.org", "r2@example.org"]
    assert fates(outcomes) == [ACCEPTED, REFUSED, ACCEPTED]


def test_a_relay_that_says_nothing_at_all_has_no_such_habit() -> None:
    habits = Habits()
    with (
        ScriptedRelay() as relay,
        session(relay.address, timeout=SHORT, habits=habits) as connection,
    ):
        relay.always("MAIL", Hang())
        send(connection, envelopes(2))
    assert habits == Habits()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("reply", ["421 4.7.0 too many errors", "554 Too many nonmail commands"])
def test_a_relay_that_hangs_up_after_so_many_refusals_is_learnt(mode: str, reply: str) -> None:
    habits = Habits()
    with (
        ScriptedRelay(extensions=MODES[mode]) as relay,
        session(relay.address, habits=habits) as connection,
    ):
        relay.always("RCPT", "550 5.1.1 unknown")
        relay.script("RSET", None, None, reply)
        outcomes = send(connection, envelopes(6))
    assert fates(outcomes) == [REFUSED] * 3 + [UNSENT] * 3
    assert (habits.refusals_at_most, habits.learnt) == (2, True)


@pytest.mark.parametrize("mode", MODES)
def test_a_connection_ends_before_the_relay_counts_too_many(mode: str) -> None:
    with (
        ScriptedRelay(extensions=MODES[mode]) as relay,
        session(relay.address, habits=Habits(refusals_at_most=2)) as connection,
    ):
        relay.script("RCPT", "550 5.1.1 unknown", None, "550 5.1.1 unknown")
        outcomes = send(connection, envelopes(5))
        assert relay.violations == []
    assert fates(outcomes) == [REFUSED, ACCEPTED, REFUSED, UNSENT, UNSENT]
    assert connection.spent
    assert not connection.usable
    assert connection.trouble is None
    assert {each.stage for each in outcomes if each.fate is UNSENT} == {Stage.RESET}


@pytest.mark.parametrize("answer", ["421 4.3.2 going down", "250 2.0.0 Ok"])
def test_a_goodbye_that_follows_no_refusal_is_no_limit(answer: Answer) -> None:
    habits = Habits()
    with ScriptedRelay() as relay, session(relay.address, habits=habits) as connection:
        relay.script("MAIL", None, None, answer)
        send(connection, envelopes(3))
    assert habits.refusals_at_most is None
