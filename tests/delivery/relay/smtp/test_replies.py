"""What relays answer, and what callers must not give."""

import threading
import time

import pytest

from digest.delivery.relay.connection import Envelope, Fate, RelayDown, RelayRefused, Stage
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
    Drip,
    Hold,
    Raw,
    ScriptedRelay,
    self_signed,
)

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
    assert time.monotonic() - started >= SHORT


@pytest.mark.parametrize("step", ["connect", "EHLO", "AUTH"])
def test_a_drip_before_mail_is_not_waited_for(step: str) -> None:
    with ScriptedRelay(credentials=("ada", "secret")) as relay:
        relay.script(step, Drip(None, every=SHORT / 10))
        started = time.monotonic()
        with pytest.raises(RelayDown, match="in time") as caught:
            session(relay.address, timeout=SHORT)
        assert caught.value.stage == step
        assert time.monotonic() - started >= SHORT


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
