"""What becomes of a window of messages, whatever a relay says to each."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.delivery.relay.connection import (
    Connection,
    Envelope,
    Fate,
    RelayDown,
    RelayRefused,
    RelayTrouble,
    Stage,
)
from tests.delivery.relay.smtp.cases import (
    ACCEPTED,
    DEFERRED,
    IN_DOUBT,
    LONG,
    MODES,
    REFUSED,
    SHORT,
    UNSENT,
    Opener,
    content,
    envelopes,
    fates,
    never,
    recipients,
    send,
    session,
)
from tests.scripted_smtp import (
    Answer,
    Drop,
    Hang,
    ScriptedRelay,
    self_signed,
)

# A good relay.


def test_it_sends_a_window_and_yields_an_outcome_each(relay: ScriptedRelay, opened: Opener) -> None:
    connection = opened(relay)
    outcomes = send(connection, envelopes(5))
    assert fates(outcomes) == [ACCEPTED] * 5
    assert {(outcome.stage, outcome.reason) for outcome in outcomes} == {(Stage.FINAL_DOT, "")}
    assert outcomes[0].reply is not None
    assert (outcomes[0].reply.code, outcomes[0].reply.enhanced) == (250, "2.0.0")
    assert outcomes[0].reply.text == "Ok: kept"
    assert [mail.sender for mail in relay.messages] == [f"bounce-{n}@digest.test" for n in range(5)]
    assert [mail.recipients for mail in relay.messages] == [
        (f"r{n}@example.org",) for n in range(5)
    ]
    assert [mail.content for mail in relay.messages] == [content(n) for n in range(5)]
    assert connection.trouble is None
    assert connection.usable


def test_a_pipelined_message_costs_one_round_trip_and_a_plain_one_four(mode: str) -> None:
    with ScriptedRelay(extensions=MODES[mode]) as relay:
        connection = session(relay.address)
        before = relay.flushes
        send(connection, envelopes(10))
        # The first commands, and then one for each message.
        assert relay.flushes - before == (11 if mode == "pipelining" else 40)
        connection.close()
        assert relay.verbs() == ["EHLO", *["MAIL", "RCPT", "DATA"] * 10, "QUIT"]


def test_an_outcome_comes_before_the_next_message_leaves(
    relay: ScriptedRelay, opened: Opener
) -> None:
    for seen, outcome in enumerate(opened(relay).send(envelopes(4), deadline=never), 1):
        time.sleep(0.02)
        assert outcome.fate is ACCEPTED
        assert len(relay.received) == seen


def test_a_connection_takes_window_after_window(relay: ScriptedRelay, opened: Opener) -> None:
    relay.script("RCPT", None, "550 5.1.1 Unknown", None, "450 4.2.0 Busy")
    connection = opened(relay)
    assert fates(send(connection, envelopes(2))) == [ACCEPTED, REFUSED]
    assert connection.usable
    assert fates(send(connection, envelopes(2))) == [ACCEPTED, DEFERRED]
    assert fates(send(connection, [])) == []
    assert fates(send(connection, envelopes(1))) == [ACCEPTED]
    assert relay.connections == 1


def test_the_null_sender_is_an_empty_path(relay: ScriptedRelay, opened: Opener) -> None:
    send(opened(relay), [Envelope("key", "", "ada@example.org", content(1))])
    assert relay.messages[0].mail.startswith("MAIL FROM:<> ")


LINES = st.lists(st.text(". a\tä=", max_size=4).map(str.encode), min_size=1, max_size=12)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(window=st.lists(LINES, min_size=1, max_size=3))
def test_any_body_arrives_as_it_was(
    mode: str, window: list[list[bytes]], persistent: dict[str, tuple[ScriptedRelay, Connection]]
) -> None:
    relay, connection = persistent[mode]
    relay.forget()
    bodies = [b"".join(line + b"\r\n" for line in lines) for lines in window]
    batch = [Envelope(n, "s@d.test", "r@d.test", body) for n, body in enumerate(bodies)]
    assert fates(send(connection, batch)) == [ACCEPTED] * len(bodies)
    assert [mail.content for mail in relay.messages] == bodies


# Trouble at every stage.

SAID: dict[str, Answer] = {
    "4xx": "451 4.3.0 Not now",
    "5xx": "554 5.7.1 Never",
    "421": "421 4.3.2 Going away",
    "drop": Drop(),
    "reset": Drop(reset=True),
    "timeout": Hang(),
}


@pytest.mark.parametrize("said", list(SAID))
@pytest.mark.parametrize("step", ["connect", "EHLO", "STARTTLS", "AUTH"])
def test_trouble_before_mail_is_the_relays(step: str, said: str) -> None:
    with ScriptedRelay(certificate=self_signed(), credentials=("ada", "secret")) as relay:
        relay.script(step, SAID[said])
        expected = RelayRefused if said == "5xx" else RelayDown
        with pytest.raises(RelayTrouble) as caught:
            session(relay.address, timeout=SHORT if said == "timeout" else LONG)
        trouble = caught.value
        assert type(trouble) is expected
        assert trouble.stage == step
        assert f"{relay.host}:{relay.port}" in str(trouble)
        if said in {"4xx", "5xx", "421"}:
            assert trouble.reply is not None
            assert str(trouble.reply) == SAID[said]
        else:
            assert trouble.reply is None
        assert relay.received == []


# What becomes of the message itself, of those behind it, and whose matter it is.
OK, LOST = "the others go on", "the others are unsent"
CONSEQUENCES: dict[tuple[str, str], tuple[Fate, str, type[RelayTrouble] | None]] = {
    ("MAIL", "4xx"): (UNSENT, LOST, RelayDown),
    ("MAIL", "5xx"): (UNSENT, LOST, RelayRefused),
    ("MAIL", "421"): (UNSENT, LOST, RelayDown),
    ("RCPT", "4xx"): (DEFERRED, OK, None),
    ("RCPT", "5xx"): (REFUSED, OK, None),
    ("RCPT", "421"): (DEFERRED, LOST, RelayDown),
    ("DATA", "4xx"): (UNSENT, LOST, RelayDown),
    ("DATA", "5xx"): (UNSENT, LOST, RelayRefused),
    ("DATA", "421"): (UNSENT, LOST, RelayDown),
    ("dot", "4xx"): (DEFERRED, OK, None),
    ("dot", "5xx"): (REFUSED, OK, None),
    ("dot", "421"): (DEFERRED, LOST, RelayDown),
    **{
        (step, said): (IN_DOUBT if step == "dot" else UNSENT, LOST, RelayDown)
        for step in ("MAIL", "RCPT", "DATA", "dot")
        for said in ("drop", "reset", "timeout")
    },
}


@pytest.mark.parametrize(
    ("step", "said", "nth"),
    # Of four: the first, one in the middle, the last. Waiting for nothing, only once.
    [(*what, nth) for what in CONSEQUENCES for nth in ((1,) if "timeout" in what else (0, 1, 3))],
)
def test_trouble_at_a_stage_has_its_consequences(
    relay: ScriptedRelay, opened: Opener, step: str, said: str, nth: int
) -> None:
    fate, others, trouble = CONSEQUENCES[step, said]
    relay.script(step, *[None] * nth, SAID[said])
    connection = opened(relay, SHORT if said == "timeout" else LONG)
    outcomes = send(connection, envelopes(4))
    rest = ACCEPTED if others is OK else UNSENT
    assert fates(outcomes) == [ACCEPTED] * nth + [fate] + [rest] * (3 - nth)
    assert type(connection.trouble) is (trouble or type(None))
    assert connection.usable is (trouble is None)
    if fate in {DEFERRED, REFUSED}:
        assert str(outcomes[nth].reply) == SAID[said]
    if connection.trouble:
        assert connection.trouble.stage == (Stage.FINAL_DOT if step == "dot" else step)
        assert isinstance(SAID[said], str) == (connection.trouble.reply is not None)
    # What we say of the messages is what the relay saw of them.
    accepted = [outcome.key for outcome in outcomes if outcome.fate is ACCEPTED]
    assert recipients(relay) == [f"r{key}@example.org" for key in accepted]
    assert len(relay.received) == len(accepted) + (step == "dot")


WORST = st.sampled_from(["good", "rcpt 4", "rcpt 5", "354", "dot 4", "dot 5"])
MEANING = {
    "good": ACCEPTED,
    "rcpt 4": DEFERRED,
    "rcpt 5": REFUSED,
    "354": REFUSED,
    "dot 4": DEFERRED,
    "dot 5": REFUSED,
}


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(plan=st.lists(WORST, min_size=1, max_size=8))
def test_whatever_becomes_of_one_the_others_do_not_suffer(
    mode: str, plan: list[str], persistent: dict[str, tuple[ScriptedRelay, Connection]]
) -> None:
    relay, connection = persistent[mode]
    relay.forget()
    for number, what in enumerate(plan):
        recipient = f"<r{number}@example.org>"
        if what in {"rcpt 4", "rcpt 5", "354"}:
            relay.script("RCPT", f"{4 if what == 'rcpt 4' else 5}50 No", when=recipient)
        elif what != "good":
            relay.script("dot", f"{what[-1]}51 No", when=recipient.strip("<>"))
    if mode == "pipelining":
        relay.script("DATA", *["354 Well then" if what == "354" else None for what in plan])
    assert fates(send(connection, envelopes(len(plan)))) == [MEANING[what] for what in plan]
    assert recipients(relay) == [
        f"r{number}@example.org" for number, what in enumerate(plan) if what == "good"
    ]
    assert relay.violations == []


# A refused recipient whose DATA is answered 354 (RFC 2920 3.1).


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_a_message_for_nobody_is_closed_with_a_lone_dot(nth: int, opened: Opener) -> None:
    with ScriptedRelay() as relay:
        relay.script("RCPT", *[None] * nth, "550 5.1.1 Unknown")
        relay.script("DATA", *[None] * nth, "354 Go on")
        connection = opened(relay)
        outcomes = send(connection, envelopes(3))
        assert fates(outcomes) == [ACCEPTED] * nth + [REFUSED] + [ACCEPTED] * (2 - nth)
        assert (relay.received[nth].content, relay.received[nth].recipients) == (b"", ())
        assert recipients(relay) == [f"r{n}@example.org" for n in range(3) if n != nth]
        assert connection.usable
        connection.close()
        assert relay.violations == []


@pytest.mark.parametrize(
    ("lone_dot", "survives"),
    [
        ("250 2.0.0 Whatever", False),
        ("451 4.0.0 No", True),
        ("554 5.5.1 No", True),
        ("421 4.3.2 Bye", False),
        (Drop(), False),
        (Hang(), False),
    ],
)
def test_the_answer_to_a_lone_dot_changes_no_fate(
    lone_dot: Answer, survives: bool, opened: Opener
) -> None:
    with ScriptedRelay() as relay:
        relay.script("RCPT", None, "450 4.2.1 Busy")
        relay.script("DATA", None, "354 Go on")
        relay.script("dot", None, lone_dot)
        connection = opened(relay, SHORT if lone_dot == Hang() else LONG)
        rest = ACCEPTED if survives else UNSENT
        assert fates(send(connection, envelopes(3))) == [ACCEPTED, DEFERRED, rest]
        assert (connection.trouble is None) is survives
        if isinstance(lone_dot, str) and connection.trouble:
            assert str(connection.trouble.reply) == lone_dot


@pytest.mark.parametrize("data", ["250 Ok", "421 4.3.2 Bye", Drop()])
def test_a_strange_answer_to_data_after_a_refusal_leaves_the_refusal(
    data: Answer, opened: Opener
) -> None:
    with ScriptedRelay() as relay:
        relay.script("RCPT", "550 5.1.1 Unknown")
        relay.script("DATA", data)
        connection = opened(relay)
        assert fates(send(connection, envelopes(2))) == [REFUSED, UNSENT]
        assert isinstance(connection.trouble, RelayDown)
        if isinstance(data, str):
            assert str(connection.trouble.reply) == data


def test_a_relay_that_will_not_reset_is_left(relay: ScriptedRelay, opened: Opener) -> None:
    relay.script("RCPT", "550 5.1.1 Unknown")
    relay.script("RSET", "500 5.5.1 No")
    connection = opened(relay)
    assert fates(send(connection, envelopes(2))) == [REFUSED, UNSENT]
    assert type(connection.trouble) is RelayDown
