"""The final dot to the octet, and buffers that are full."""

import socket
import threading
import time

import pytest

from digest.delivery.relay.connection import Envelope, RelayDown, Stage
from tests.delivery.relay.smtp.cases import (
    ACCEPTED,
    LONG,
    MODES,
    SHORT,
    UNSENT,
    Opener,
    envelopes,
    fates,
    left_alone,
    never,
    send,
)
from tests.scripted_smtp import (
    Drop,
    Hang,
    Hold,
    Raw,
    ScriptedRelay,
    Slow,
    self_signed,
)

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


def test_a_tidy_message_leaves_as_it_is(mode: str, opened: Opener) -> None:
    with ScriptedRelay(extensions=MODES[mode]) as relay:
        tidy = [each._replace(tidy=True) for each in envelopes(3, b"Subject: x\r\n\r\nBody.\r\n")]
        assert fates(send(opened(relay), [*tidy, *envelopes(1)])) == [ACCEPTED] * 4
        sent = [mail.content for mail in relay.messages]
        assert sent == [*(each.message for each in tidy), envelopes(1)[0].message]


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
        assert fates(send(connection, envelopes(2, b"z" * 4_000_000 + b"\r\n"))) == [UNSENT] * 2
        assert relay.received == []


def test_a_relay_that_stops_reading_is_given_up(mode: str, opened: Opener) -> None:
    with ScriptedRelay(extensions=MODES[mode], buffers=4096) as relay:
        relay.script("body", Hang())
        connection = opened(relay, SHORT)
        assert fates(send(connection, envelopes(2, b"z" * 8_000_000 + b"\r\n"))) == [UNSENT] * 2
        assert "did not take" in str(connection.trouble)


def test_a_relay_that_reads_ever_so_slowly_is_given_up(mode: str, opened: Opener) -> None:
    with ScriptedRelay(extensions=MODES[mode], buffers=4096) as relay:
        relay.script("body", Slow(4000, 0.02))
        connection = opened(relay, LONG, final_dot_timeout=0.5)
        assert fates(send(connection, envelopes(2, b"z" * 8_000_000 + b"\r\n"))) == [UNSENT] * 2


@pytest.mark.parametrize("code", [421, 452, 552])
def test_a_relay_that_speaks_before_the_dot_gets_none(mode: str, opened: Opener, code: int) -> None:
    with ScriptedRelay(extensions=MODES[mode], buffers=4096) as relay:
        relay.script("body", None, f"{code} {code // 100}.3.4 Too much")
        connection = opened(relay)
        # So that the kernel cannot take the whole message before the relay gets to speak.
        connection._wire._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        window = envelopes(3, b"z" * 10_000_000 + b"\r\n")
        window[0] = envelopes(1)[0]
        outcomes = send(connection, window)
        assert fates(outcomes) == [ACCEPTED, UNSENT, UNSENT], (outcomes, connection.trouble)
        assert isinstance(connection.trouble, RelayDown)
        assert connection.trouble.reply is not None
        assert connection.trouble.reply.code == code
        assert len(relay.received) == 1
