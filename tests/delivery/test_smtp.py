"""The SMTP client against a real server on loopback, with and without PIPELINING."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from aiosmtpd import smtp as aiosmtpd
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.delivery.smtp import (
    Connection,
    Envelope,
    Fate,
    Outcome,
    RelayDown,
    RelayRefused,
    RelayTrouble,
    Stage,
    connect,
    is_loopback,
)
from digest.settings import RelayAddress
from tests.scripted_smtp import (
    EXTENSIONS,
    Answer,
    Drip,
    Drop,
    Hang,
    Hold,
    Raw,
    ScriptedRelay,
    Slow,
    self_signed,
)

ACCEPTED, DEFERRED, REFUSED, UNSENT, IN_DOUBT = Fate

MODES = {
    "pipelining": EXTENSIONS,
    "plain": tuple(each for each in EXTENSIONS if each != "PIPELINING"),
}
# Seconds: one that no test should ever see the end of, and one that some wait for.
LONG, SHORT = 8.0, 0.3

Opener = Callable[..., Connection]


@pytest.fixture(params=list(MODES))
def mode(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
def relay(mode: str) -> Iterator[ScriptedRelay]:
    with ScriptedRelay(extensions=MODES[mode]) as relay:
        yield relay
        assert relay.violations == []


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Open connections that are closed when the test ends, before its relay is."""
    with ExitStack() as stack:

        def opened(relay: ScriptedRelay, timeout: float = LONG, **options: object) -> Connection:
            return stack.enter_context(session(relay.address, timeout=timeout, **options))

        yield opened


def session(address: RelayAddress, *, timeout: float = LONG, **options: object) -> Connection:
    if address.security != "none":
        options.setdefault("tls_context", self_signed().client_context())
    options.setdefault("final_dot_timeout", timeout)
    return connect(address, timeout=timeout, local_hostname="client.test", **options)  # type: ignore[arg-type]


def content(number: int) -> bytes:
    return b"Subject: %d\r\n\r\n.leading dot\r\n.\r\n..\r\nend of %d\r\n" % (number, number)


def envelopes(count: int, message: bytes | None = None) -> list[Envelope]:
    return [
        Envelope(
            number,
            f"bounce-{number}@digest.test",
            f"r{number}@example.org",
            content(number) if message is None else message,
        )
        for number in range(count)
    ]


def never() -> bool:
    return False


def send(connection: Connection, window: list[Envelope]) -> list[Outcome]:
    outcomes = list(connection.send(window, deadline=never))
    assert [outcome.key for outcome in outcomes] == [envelope.key for envelope in window]
    return outcomes


def fates(outcomes: list[Outcome]) -> list[Fate]:
    return [outcome.fate for outcome in outcomes]


def recipients(relay: ScriptedRelay) -> list[str]:
    return [recipient for mail in relay.messages for recipient in mail.recipients]


def left_alone(relay: ScriptedRelay) -> None:
    """Whoever was connected has hung up, without being asked to."""
    end = time.monotonic() + 2
    while relay.active:
        assert time.monotonic() < end, "the connection is still open"
        time.sleep(0.002)


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


@pytest.fixture(scope="module")
def persistent() -> Iterator[dict[str, tuple[ScriptedRelay, Connection]]]:
    """A relay and a connection for each mode, for tests with many examples."""
    with ExitStack() as stack:
        made = {}
        for mode, extensions in MODES.items():
            relay = stack.enter_context(ScriptedRelay(extensions=extensions))
            made[mode] = relay, stack.enter_context(session(relay.address))
        yield made


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


# The final dot, to the octet.


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("tls", [False, True])
def test_an_answer_counts_though_the_relay_hangs_up_behind_it(
    mode: str, opened: Opener, tls: bool, reset: bool
) -> None:
    with ScriptedRelay(extensions=MODES[mode], certificate=self_signed() if tls else None) as relay:
        relay.script("dot", None, Drop("250 2.0.0 Kept", reset=reset))
        connection = opened(relay)
        assert fates(send(connection, envelopes(4))) == [ACCEPTED, ACCEPTED, UNSENT, UNSENT]
        assert type(connection.trouble) is RelayDown
        assert not connection.usable


@pytest.mark.parametrize("tls", [False, True])
def test_a_message_cut_off_before_its_dot_is_unsent(mode: str, tls: bool, opened: Opener) -> None:
    certificate = self_signed() if tls else None
    big = b"x" * 70 + b"\r\n"
    with ScriptedRelay(extensions=MODES[mode], certificate=certificate, buffers=4096) as relay:
        relay.script("body", None, Drop())
        connection = opened(relay)
        assert fates(send(connection, envelopes(3, big * 80_000))) == [ACCEPTED, UNSENT, UNSENT]
        assert type(connection.trouble) is RelayDown
        assert len(relay.received) == 1


def test_over_tls_a_dot_that_found_the_connection_gone_was_not_sent(opened: Opener) -> None:
    certificate = self_signed()
    with ScriptedRelay(certificate=certificate) as relay:
        relay.script("body", Drop(reset=True))
        connection = opened(relay)
        asked = []

        def deadline() -> bool:
            # The second time, the message is out and its dot is not: the relay hangs up now.
            asked.append(True)
            if len(asked) == 2:
                left_alone(relay)
            return False

        assert fates(list(connection.send(envelopes(2), deadline=deadline))) == [UNSENT, UNSENT]
        assert len(asked) == 2
        assert type(connection.trouble) is RelayDown


def test_an_answer_before_the_message_is_not_taken_for_one_to_it(
    relay: ScriptedRelay, opened: Opener
) -> None:
    relay.script("DATA", None, Raw(b"354 Go on\r\n250 2.0.0 Kept, I promise\r\n"))
    connection = opened(relay)
    assert fates(send(connection, envelopes(3))) == [ACCEPTED, UNSENT, UNSENT]
    assert "out of turn" in str(connection.trouble)
    left_alone(relay)
    assert len(relay.received) == 1


@pytest.mark.parametrize("nth", [0, 2])
def test_after_the_deadline_no_final_dot_is_sent(
    relay: ScriptedRelay, opened: Opener, nth: int
) -> None:
    connection = opened(relay)
    answers = iter([False] * nth + [True])
    outcomes = list(connection.send(envelopes(4), deadline=lambda: next(answers)))
    assert fates(outcomes) == [ACCEPTED] * nth + [UNSENT] * (4 - nth)
    assert {outcome.stage for outcome in outcomes[nth:]} == {Stage.DEADLINE}
    assert connection.trouble is None
    assert not connection.usable
    left_alone(relay)
    assert len(relay.received) == nth


@pytest.mark.parametrize("tls", [False, True])
def test_a_deadline_that_passes_while_a_message_is_written_holds_its_dot_back(
    mode: str, tls: bool, opened: Opener
) -> None:
    go_on = threading.Event()
    certificate = self_signed() if tls else None
    asked = []

    def deadline() -> bool:
        asked.append(time.monotonic())
        return len(asked) > 1

    with ScriptedRelay(extensions=MODES[mode], certificate=certificate, buffers=4096) as relay:
        relay.script("body", Hold(go_on))
        threading.Timer(0.2, go_on.set).start()
        connection = opened(relay, final_dot_timeout=LONG)
        window = envelopes(2, b"y" * 8_000_000 + b"\r\n")
        assert fates(list(connection.send(window, deadline=deadline))) == [UNSENT, UNSENT]
        assert len(asked) == 2
        assert asked[1] - asked[0] > 0.1
        left_alone(relay)
        assert relay.received == []


def test_an_iterator_closed_early_sends_nothing_more(relay: ScriptedRelay, opened: Opener) -> None:
    connection = opened(relay)
    outcomes = connection.send(envelopes(3), deadline=never)
    assert next(outcomes).fate is ACCEPTED
    assert not connection.usable
    outcomes.close()  # type: ignore[attr-defined]
    assert not connection.usable
    left_alone(relay)
    assert len(relay.received) == 1


def test_an_error_in_the_deadline_sends_no_dot(relay: ScriptedRelay, opened: Opener) -> None:
    def deadline() -> bool:
        raise LookupError

    connection = opened(relay)
    with pytest.raises(LookupError):
        list(connection.send(envelopes(1), deadline=deadline))
    left_alone(relay)
    assert relay.received == []
    assert not connection.usable


# Full buffers.


@pytest.mark.parametrize("tls", [False, True])
def test_big_messages_pass_through_tiny_buffers(mode: str, tls: bool, opened: Opener) -> None:
    certificate = self_signed() if tls else None
    big = b"".join(
        b".%06d and seventy octets or so of text, as in a mail body.\r\n" % n for n in range(60_000)
    )
    with ScriptedRelay(extensions=MODES[mode], certificate=certificate, buffers=4096) as relay:
        relay.script("body", Slow(2000, 0.0005))
        connection = opened(relay)
        small = envelopes(1)[0]
        window = [
            Envelope(
                "slow", "s@d.test", "a@d.test", big[:600_000].rpartition(b"\r\n")[0] + b"\r\n"
            ),
            Envelope("big", "s@d.test", "b@d.test", big),
            small,
        ]
        assert fates(send(connection, window)) == [ACCEPTED] * 3
        assert [mail.content for mail in relay.messages] == [each.message for each in window]


def test_a_relay_that_floods_instead_of_reading_cannot_block_us(mode: str, opened: Opener) -> None:
    with ScriptedRelay(extensions=MODES[mode], buffers=4096) as relay:
        relay.script("body", Raw(b"250-and another thing\r\n" * 200_000))
        connection = opened(relay)
        started = time.monotonic()
        assert fates(send(connection, envelopes(2, b"z" * 4_000_000 + b"\r\n"))) == [UNSENT] * 2
        assert time.monotonic() - started < LONG / 2
        assert relay.received == []


def test_a_relay_that_stops_reading_is_given_up(mode: str, opened: Opener) -> None:
    with ScriptedRelay(extensions=MODES[mode], buffers=4096) as relay:
        relay.script("body", Hang())
        connection = opened(relay, SHORT)
        started = time.monotonic()
        assert fates(send(connection, envelopes(2, b"z" * 8_000_000 + b"\r\n"))) == [UNSENT] * 2
        assert time.monotonic() - started < 4 * SHORT
        assert "did not take" in str(connection.trouble)


def test_a_relay_that_reads_ever_so_slowly_is_given_up(mode: str, opened: Opener) -> None:
    with ScriptedRelay(extensions=MODES[mode], buffers=4096) as relay:
        relay.script("body", Slow(4000, 0.02))
        connection = opened(relay, LONG, final_dot_timeout=0.5)
        started = time.monotonic()
        assert fates(send(connection, envelopes(2, b"z" * 8_000_000 + b"\r\n"))) == [UNSENT] * 2
        assert time.monotonic() - started < 3


@pytest.mark.parametrize("code", [421, 452, 552])
def test_a_relay_that_speaks_before_the_dot_gets_none(mode: str, opened: Opener, code: int) -> None:
    with ScriptedRelay(extensions=MODES[mode], buffers=4096) as relay:
        relay.script("body", None, f"{code} {code // 100}.3.4 Too much")
        connection = opened(relay)
        window = envelopes(3, b"z" * 8_000_000 + b"\r\n")
        window[0] = envelopes(1)[0]
        assert fates(send(connection, window)) == [ACCEPTED, UNSENT, UNSENT]
        assert isinstance(connection.trouble, RelayDown)
        assert connection.trouble.reply is not None
        assert connection.trouble.reply.code == code
        assert len(relay.received) == 1


# Replies.


GARBAGE = {
    "nul": b"\0\xff\xfe\r\n",
    "http": b"HTTP/1.1 400 Bad Request\r\n",
    "short": b"25\r\n",
    "number": b"999 So there\r\n",
    "long number": b"2500 So there\r\n",
    "two codes": b"250-Yes\r\n251 No\r\n",
    "no end of line": b"250 " + b"x" * 100_000,
    "no end of lines": b"250-x\r\n" * 10_000,
    "1xx": b"150 Wait\r\n",
}


@pytest.mark.parametrize("octets", GARBAGE.values(), ids=list(GARBAGE))
@pytest.mark.parametrize(("step", "fate"), [("MAIL", UNSENT), ("RCPT", UNSENT), ("dot", IN_DOUBT)])
def test_an_answer_that_is_none_ends_the_connection(
    relay: ScriptedRelay, opened: Opener, step: str, fate: Fate, octets: bytes
) -> None:
    relay.script(step, None, Raw(octets))
    connection = opened(relay)
    assert fates(send(connection, envelopes(3))) == [ACCEPTED, fate, UNSENT]
    assert type(connection.trouble) is RelayDown
    assert "not SMTP" in str(connection.trouble)


@pytest.mark.parametrize("octets", GARBAGE.values(), ids=list(GARBAGE))
@pytest.mark.parametrize("step", ["connect", "EHLO", "STARTTLS"])
def test_garbage_before_mail_means_down(step: str, octets: bytes) -> None:
    with ScriptedRelay(certificate=self_signed()) as relay:
        relay.script(step, Raw(octets))
        with pytest.raises(RelayDown, match="not SMTP") as caught:
            session(relay.address)
        assert caught.value.stage == step


@pytest.mark.parametrize(
    ("step", "answer", "fate"),
    [
        ("MAIL", "354 Go on", UNSENT),
        ("RCPT", "354 Go on", UNSENT),
        ("DATA", "250 Ok", UNSENT),
        ("DATA", "334 Go on", UNSENT),
        ("dot", "354 Go on", IN_DOUBT),
    ],
)
def test_an_answer_out_of_step_ends_the_connection(
    relay: ScriptedRelay, opened: Opener, step: str, answer: str, fate: Fate
) -> None:
    relay.script(step, None, Raw(answer.encode() + b"\r\n"))
    connection = opened(relay)
    assert fates(send(connection, envelopes(3)))[1:] == [fate, UNSENT]
    assert type(connection.trouble) is RelayDown
    assert "out of step" in str(connection.trouble)


def test_an_answer_too_many_is_not_taken_for_the_next_ones(
    relay: ScriptedRelay, opened: Opener
) -> None:
    relay.script("dot", None, Raw(b"250 Kept\r\n250 And again\r\n"))
    connection = opened(relay)
    assert fates(send(connection, envelopes(4))) == [ACCEPTED, ACCEPTED, UNSENT, UNSENT]
    assert type(connection.trouble) is RelayDown
    assert len(relay.received) == 2


def test_an_answer_of_many_lines_is_one(relay: ScriptedRelay, opened: Opener) -> None:
    relay.script("dot", "250-2.0.0 Thank\n250-2.0.0 you,\n250 2.0.0 ada")
    relay.script("RCPT", None, "550-5.2.1 The account\n550-5.2.1\n550 5.2.1 is closed", None, "450")
    outcomes = send(opened(relay), envelopes(4))
    assert fates(outcomes) == [ACCEPTED, REFUSED, ACCEPTED, DEFERRED]
    said = [str(outcome.reply) for outcome in outcomes]
    assert said[:2] == ["250 2.0.0 Thank you, ada", "550 5.2.1 The account is closed"]
    assert said[2:] == ["250 2.0.0 Ok: kept", "450"]


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "dot"])
def test_an_answer_in_pieces_is_put_together(
    relay: ScriptedRelay, opened: Opener, step: str
) -> None:
    relay.script(step, Drip("354 Go" if step == "DATA" else "250-Yes\n250 indeed", every=0.001))
    assert fates(send(opened(relay), envelopes(2))) == [ACCEPTED] * 2


@pytest.mark.parametrize("step", ["MAIL", "DATA", "dot"])
def test_an_answer_that_drips_for_ever_is_not_waited_for(
    relay: ScriptedRelay, opened: Opener, step: str
) -> None:
    relay.script(step, Drip(None, every=SHORT / 10))
    connection = opened(relay, SHORT)
    started = time.monotonic()
    assert fates(send(connection, envelopes(2))) == [IN_DOUBT if step == "dot" else UNSENT, UNSENT]
    assert SHORT <= time.monotonic() - started < 3 * SHORT


@pytest.mark.parametrize("step", ["connect", "EHLO", "AUTH"])
def test_a_drip_before_mail_is_not_waited_for(step: str) -> None:
    with ScriptedRelay(credentials=("ada", "secret")) as relay:
        relay.script(step, Drip(None, every=SHORT / 10))
        started = time.monotonic()
        with pytest.raises(RelayDown, match="in time") as caught:
            session(relay.address, timeout=SHORT)
        assert caught.value.stage == step
        assert SHORT <= time.monotonic() - started < 3 * SHORT


def test_the_final_dot_has_a_timeout_of_its_own(relay: ScriptedRelay, opened: Opener) -> None:
    go_on = threading.Event()
    threading.Timer(2 * SHORT, go_on.set).start()
    relay.script("dot", Hold(go_on))
    connection = opened(relay, SHORT, final_dot_timeout=LONG)
    assert fates(send(connection, envelopes(2))) == [ACCEPTED] * 2


# Before anything is sent.


@pytest.mark.parametrize(
    "bad",
    [
        {"recipient": "ada@example.org\r\nDATA"},
        {"recipient": "ada@example.org\n"},
        {"recipient": "ada\0@example.org"},
        {"recipient": "ada@example.org> NOTIFY=NEVER"},
        {"recipient": "ada lovelace@example.org"},
        {"recipient": "ada@example.org\u2028"},
        {"recipient": "ada\udc80@example.org"},
        {"recipient": ""},
        {"sender": "ada\r@example.org"},
        {"sender": "<ada@example.org>"},
        {"message": b""},
        {"message": b"no end"},
        {"message": b"no end\n"},
        {"message": b"bare line feed\n.\nMAIL FROM:<x>\r\n"},
        {"message": b"bare return\r.\r\n"},
        {"message": b"two\r\r\n"},
    ],
)
def test_a_callers_mistake_is_an_error_and_nothing_is_sent(
    relay: ScriptedRelay, opened: Opener, bad: dict[str, object]
) -> None:
    good = {"key": 1, "sender": "s@d.test", "recipient": "r@d.test", "message": b"x\r\n"}
    window = [Envelope(**good), Envelope(**(good | bad))]  # type: ignore[arg-type]
    connection = opened(relay)
    with pytest.raises(ValueError):
        connection.send(window, deadline=never)
    assert relay.verbs() == ["EHLO"]
    assert connection.usable


def test_a_quoted_local_part_may_hold_anything(relay: ScriptedRelay, opened: Opener) -> None:
    address = r'"a> b \" <c"@example.org'
    send(opened(relay), [Envelope(1, "", address, content(1))])
    assert recipients(relay) == [address]


def test_eight_bits_want_8bitmime(mode: str, opened: Opener) -> None:
    eight = [Envelope(1, "s@d.test", "r@d.test", "Grüße\r\n".encode())]
    with ScriptedRelay(extensions=MODES[mode]) as relay:
        send(opened(relay), eight + envelopes(1))
        assert "BODY=8BITMIME" in relay.messages[0].mail
        assert "BODY" not in relay.messages[1].mail
        assert relay.messages[0].content == eight[0].message
    seven = [each for each in MODES[mode] if each != "8BITMIME"]
    with ScriptedRelay(extensions=seven) as relay, session(relay.address) as connection:
        with pytest.raises(ValueError, match="8BITMIME"):
            connection.send(envelopes(1) + eight, deadline=never)
        assert relay.verbs() == ["EHLO"]


@pytest.mark.parametrize(
    ("offer", "limit"), [("SIZE 40", 40), ("SIZE 0", None), ("SIZE", None), ("SIZE big", None)]
)
def test_a_message_over_the_relays_size_is_refused_here(
    mode: str, opened: Opener, offer: str, limit: int | None
) -> None:
    pipelining = ["PIPELINING"] if mode == "pipelining" else []
    with ScriptedRelay(extensions=[offer, *pipelining]) as relay:
        connection = opened(relay)
        assert connection.size_limit == limit
        fits, over = b"." * 38 + b"\r\n", b"x" * 39 + b"\r\n"
        window = [Envelope("over", "", "a@d.test", over), Envelope("fits", "", "b@d.test", fits)]
        outcomes = send(connection, window)
        assert fates(outcomes) == [REFUSED if limit else ACCEPTED, ACCEPTED]
        assert relay.messages[-1].mail == "MAIL FROM:<> SIZE=40"
        if limit:
            assert (outcomes[0].stage, outcomes[0].reply) == (Stage.CHECK, None)
            assert outcomes[0].reason == "The message has 41 octets; the relay takes 40 at most."
            assert recipients(relay) == ["b@d.test"]


def test_an_address_beyond_ascii_wants_smtputf8(mode: str, opened: Opener) -> None:
    window = envelopes(3)
    window[1] = Envelope(1, "s@d.test", "josé@example.org", content(1))
    with ScriptedRelay(extensions=MODES[mode]) as relay:
        assert fates(send(opened(relay), window)) == [ACCEPTED] * 3
        assert "SMTPUTF8" in relay.messages[1].mail
        assert "SMTPUTF8" not in relay.messages[0].mail
        assert recipients(relay)[1] == "josé@example.org"
    ascii_only = [each for each in MODES[mode] if each != "SMTPUTF8"]
    with ScriptedRelay(extensions=ascii_only) as relay, session(relay.address) as connection:
        outcomes = list(connection.send(window, deadline=never))
        assert [(outcome.key, outcome.fate) for outcome in outcomes] == [
            (1, REFUSED),
            (0, ACCEPTED),
            (2, ACCEPTED),
        ]
        assert outcomes[0].reason.startswith("The address is not ASCII")
        assert connection.usable
        window[2] = Envelope(2, "josé@digest.test", "r2@example.org", content(2))
        assert set(fates(list(connection.send(window[::2], deadline=never)))) == {UNSENT}
        assert type(connection.trouble) is RelayRefused


# Opening and closing.


@pytest.mark.parametrize("implicit", [False, True])
def test_tls_is_spoken_and_the_session_begun_again(mode: str, implicit: bool) -> None:
    with ScriptedRelay(
        extensions=MODES[mode], certificate=self_signed(), implicit_tls=implicit
    ) as relay:
        with session(relay.address) as connection:
            assert fates(send(connection, envelopes(3))) == [ACCEPTED] * 3
        assert all(mail.tls for mail in relay.messages)
        assert [mail.content for mail in relay.messages] == [content(n) for n in range(3)]
        start = ["EHLO"] if implicit else ["EHLO", "STARTTLS", "EHLO"]
        assert relay.verbs() == [*start, *["MAIL", "RCPT", "DATA"] * 3, "QUIT"]
        assert relay.violations == []


def test_what_was_offered_in_the_clear_is_forgotten() -> None:
    with ScriptedRelay(certificate=self_signed()) as relay:
        relay.script("EHLO", None, "250-scripted.test\n250 SIZE 77")
        with session(relay.address) as connection:
            assert not connection.pipelining
            assert connection.size_limit == 77


def test_without_starttls_nothing_is_sent_where_it_is_wanted() -> None:
    with ScriptedRelay(credentials=("ada", "secret")) as relay:
        address = RelayAddress(relay.host, relay.port, "starttls", "ada", "secret")
        with pytest.raises(RelayRefused, match="does not offer STARTTLS"):
            session(address)
        assert relay.verbs() == ["EHLO"]


def test_nothing_said_in_the_clear_is_taken_for_an_answer_under_tls() -> None:
    with ScriptedRelay(certificate=self_signed()) as relay:
        injected = b"220 Go ahead\r\n250-injected\r\n250 AUTH PLAIN\r\n"
        relay.script("STARTTLS", Raw(injected))
        with pytest.raises(RelayDown, match="said more than it was asked") as caught:
            session(relay.address)
        assert caught.value.stage is Stage.STARTTLS
        assert relay.verbs() == ["EHLO", "STARTTLS"]


def test_what_follows_the_go_ahead_in_the_clear_breaks_the_handshake() -> None:
    with ScriptedRelay(certificate=self_signed()) as relay:
        relay.script("STARTTLS", Drip("220 Go ahead\n250-injected\n250 AUTH PLAIN", every=0.001))
        with pytest.raises(RelayDown) as caught:
            session(relay.address)
        assert caught.value.stage is Stage.STARTTLS
        assert relay.verbs() == ["EHLO", "STARTTLS"]


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("wrong", ["unknown issuer", "another name"])
def test_a_certificate_that_does_not_hold_is_refused(implicit: bool, wrong: str) -> None:
    mine = self_signed()
    shown = self_signed("elsewhere.test", "127.9.9.9") if wrong == "another name" else mine
    trusted = shown.client_context() if wrong == "another name" else None
    with ScriptedRelay(certificate=shown, implicit_tls=implicit) as relay:
        with pytest.raises(RelayRefused, match="certificate") as caught:
            connect(relay.address, timeout=LONG, local_hostname="client.test", tls_context=trusted)
        assert caught.value.stage == ("connect" if implicit else "STARTTLS")
        assert "MAIL" not in relay.verbs()


@pytest.mark.parametrize("auth", ["PLAIN LOGIN", "PLAIN", "LOGIN", "CRAM-MD5 LOGIN"])
def test_it_signs_in(auth: str) -> None:
    credentials = ("ada", "pässwörd")
    with ScriptedRelay(certificate=self_signed(), credentials=credentials, auth=auth) as relay:
        with session(relay.address) as connection:
            assert fates(send(connection, envelopes(1))) == [ACCEPTED]
        wanted = "PLAIN" if "PLAIN" in auth else "LOGIN"
        assert any(line.startswith(f"AUTH {wanted}") for _, line in relay.commands)


@pytest.mark.parametrize("auth", ["PLAIN", "LOGIN"])
def test_a_wrong_password_is_refused_and_not_told(auth: str) -> None:
    with ScriptedRelay(credentials=("ada", "right"), auth=auth) as relay:
        address = RelayAddress(relay.host, relay.port, "none", "ada", "wrong-one")
        with pytest.raises(RelayRefused) as caught:
            session(address)
        assert caught.value.stage is Stage.AUTH
        assert str(caught.value.reply) == "535 5.7.8 Who are you?"
        assert "wrong-one" not in repr(caught.value) + str(caught.value)


@pytest.mark.parametrize("auth", ["CRAM-MD5 XOAUTH2", None])
def test_a_relay_with_no_way_to_sign_in_is_refused_in_plain_words(auth: str | None) -> None:
    with ScriptedRelay(credentials=("ada", "secret") if auth else None, auth=auth or "") as relay:
        address = RelayAddress(relay.host, relay.port, "none", "ada", "secret")
        with pytest.raises(RelayRefused, match=f"it offers {'CRAM-MD5' if auth else 'none'}"):
            session(address)
        assert relay.verbs() == ["EHLO"]


def test_no_password_crosses_a_network_in_the_clear() -> None:
    host = outside_address()
    with ScriptedRelay(credentials=("ada", "secret"), host=host) as relay:
        with pytest.raises(RelayRefused, match="in the clear"):
            session(relay.address)
        assert relay.verbs() == ["EHLO"]


def outside_address() -> str:
    """An address of this machine that is not loopback. Connecting UDP sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network address but loopback")
        address = probe.getsockname()[0]
        assert isinstance(address, str)
        return address


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("0.0.0.0", False),
    ],
)
def test_loopback_is_told_from_the_address(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


@pytest.mark.parametrize("greets", [False, True])
def test_a_relay_that_does_not_speak_tls_means_down(greets: bool) -> None:
    with ScriptedRelay() as relay:
        relay.script("connect", None if greets else Hang())
        with pytest.raises(RelayDown) as caught:
            session(RelayAddress(relay.host, relay.port, "tls"), timeout=SHORT)
        assert caught.value.stage is Stage.CONNECT


def test_nobody_there_means_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RelayDown, match="No connection") as caught:
        session(RelayAddress("127.0.0.1", port))
    assert caught.value.stage is Stage.CONNECT


def test_a_host_that_is_no_name_means_down() -> None:
    with pytest.raises(RelayDown, match="No connection"):
        session(RelayAddress("a" * 70 + ".invalid", 25))


@pytest.mark.parametrize("name", ["", "two words", "a\r\nMAIL", "höllo", "[127.0.0.1"])
def test_we_say_hello_by_a_proper_name(name: str) -> None:
    with ScriptedRelay() as relay:
        with pytest.raises(ValueError):
            connect(relay.address, timeout=LONG, local_hostname=name)
        assert relay.connections == 0


@pytest.mark.parametrize("answer", ["221 2.0.0 Bye", "500 What", Raw(b"rubbish"), Drop(), Hang()])
def test_closing_is_polite_bounded_and_silent(relay: ScriptedRelay, answer: Answer) -> None:
    relay.script("QUIT", answer)
    connection = session(relay.address, timeout=SHORT)
    started = time.monotonic()
    connection.close()
    connection.close()
    assert time.monotonic() - started < 2 * SHORT
    assert relay.verbs()[-1] == "QUIT"
    assert not connection.usable
    with pytest.raises(RuntimeError):
        connection.send(envelopes(1), deadline=never)


def test_only_one_window_is_sent_at_a_time(relay: ScriptedRelay, opened: Opener) -> None:
    connection = opened(relay)
    outcomes = connection.send(envelopes(2), deadline=never)
    next(outcomes)
    with pytest.raises(RuntimeError):
        connection.send(envelopes(1), deadline=never)
    assert fates(list(outcomes)) == [ACCEPTED]


@pytest.mark.parametrize("last_words", ["250 Ok\n421 4.4.2 Idle", "250 Ok"])
def test_a_relay_that_left_between_windows_is_noticed(
    relay: ScriptedRelay, opened: Opener, last_words: str
) -> None:
    relay.script("dot", Drop(last_words))
    connection = opened(relay)
    assert fates(send(connection, envelopes(1))) == [ACCEPTED]
    time.sleep(0.05)
    assert not connection.usable
    assert fates(send(connection, envelopes(2))) == [UNSENT, UNSENT]
    assert isinstance(connection.trouble, RelayDown)
    said = connection.trouble.reply
    assert (said.code if said else None) == (421 if "421" in last_words else None)


# Another server than ours.


class Recorder(Sink):
    """aiosmtpd, with a word about PIPELINING, which it does though it does not say so."""

    def __init__(self, *offers: str) -> None:
        super().__init__()
        self.offers = offers
        self.kept: list[aiosmtpd.Envelope] = []

    async def handle_EHLO(  # noqa: N802
        self,
        _: aiosmtpd.SMTP,
        session: aiosmtpd.Session,
        __: aiosmtpd.Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], *(f"250-{offer}" for offer in self.offers), responses[-1]]

    async def handle_RCPT(  # noqa: N802
        self,
        _: aiosmtpd.SMTP,
        __: aiosmtpd.Session,
        envelope: aiosmtpd.Envelope,
        address: str,
        ___: list[str],
    ) -> str:
        if address.startswith("r2@"):
            return "550 5.1.1 Unknown"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(  # noqa: N802
        self, _: aiosmtpd.SMTP, __: aiosmtpd.Session, envelope: aiosmtpd.Envelope
    ) -> str:
        self.kept.append(envelope)
        return "250 2.0.0 Kept"


@pytest.mark.parametrize("offers", [(), ("PIPELINING",)], ids=["plain", "pipelining"])
def test_it_gets_along_with_aiosmtpd(offers: tuple[str, ...]) -> None:
    recorder = Recorder(*offers)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(recorder, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with session(RelayAddress("127.0.0.1", port)) as connection:
            assert connection.pipelining is bool(offers)
            window = envelopes(5)
            outcomes = send(connection, window)
            assert fates(outcomes) == [ACCEPTED, ACCEPTED, REFUSED, ACCEPTED, ACCEPTED]
            assert connection.usable
    finally:
        controller.stop()
    del window[2]
    assert [each.content for each in recorder.kept] == [each.message for each in window]
    assert [each.rcpt_tos for each in recorder.kept] == [[each.recipient] for each in window]
