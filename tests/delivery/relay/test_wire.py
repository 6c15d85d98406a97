"""What a relay says: cut into replies, made fit to be kept, and heard whatever else happens."""

import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.relay.wire import (
    NotSmtpError,
    RawReply,
    RelayDown,
    Reply,
    ReplyBuffer,
    Stage,
    Wire,
    presentable,
)
from digest.tokens import Purpose
from tests.factories import RING

TOKEN = RING.sign(Purpose.UNSUBSCRIBE, bytes(range(16)))
REPLIES = b"250-2.0.0 one\r\n250 2.0.0 two\r\n354\r\n421 bye\n550-a\r\n550-\r\n550 b\r\n"
READ = [
    RawReply(250, [b"2.0.0 one\r", b"2.0.0 two\r"]),
    RawReply(354, [b""]),
    RawReply(421, [b"bye"]),
    RawReply(550, [b"a\r", b"\r", b"b\r"]),
]


@given(cuts=st.lists(st.integers(0, len(REPLIES)), max_size=12).map(sorted))
def test_replies_are_the_same_however_they_arrive(cuts: list[int]) -> None:
    buffer, taken = ReplyBuffer(), []
    for start, end in zip([0, *cuts], [*cuts, len(REPLIES)], strict=True):
        buffer.feed(REPLIES[start:end])
        while (raw := buffer.take()) is not None:
            taken.append(raw)
    assert taken == READ
    assert buffer.empty


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_any_octets_are_replies_or_an_error(pieces: list[bytes]) -> None:
    buffer = ReplyBuffer()
    try:
        for piece in pieces:
            buffer.feed(piece)
            while raw := buffer.take():
                assert 200 <= raw.code < 600
    except NotSmtpError:
        pass


@pytest.mark.parametrize("flood", [b"x" * 5000, b"250-x\r\n" * 200, b"250 " + b"x" * 5000 + b"\n"])
def test_a_flood_is_bounded_and_hides_no_reply_before_it(flood: bytes) -> None:
    buffer = ReplyBuffer()
    buffer.feed(b"250 kept\r\n" + flood)
    assert buffer.take() == RawReply(250, [b"kept\r"])
    assert buffer.overflown
    assert not buffer.empty


@pytest.mark.parametrize(
    ("code", "lines", "expected"),
    [
        (250, [b"2.1.5 Ok"], Reply(250, "2.1.5", "Ok")),
        (550, [b"5.1.1"], Reply(550, "5.1.1", "")),
        (550, [b"5.1.1 No", b"5.1.1 such"], Reply(550, "5.1.1", "No such")),
        (550, [b"5.1234.1 No"], Reply(550, None, "5.1234.1 No")),
        (550, [b"4.2.1 mixed up"], Reply(550, None, "4.2.1 mixed up")),
        (250, [b"2.0.0.1 is no code"], Reply(250, None, "2.0.0.1 is no code")),
        (250, [b"\xff\x1b[31m\ttab \xe2\x80\xaered"], Reply(250, None, "\ufffd[31m tab red")),
    ],
)
def test_a_reply_is_read(code: int, lines: list[bytes], expected: Reply) -> None:
    assert Reply.of(code, lines) == expected


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("<ada@example.org>: unknown", "<address>: unknown"),
        ("unknown ada@example.org.", "unknown <address>"),
        ("to=<ada+x=y@example.org>, later", "to=<address>, later"),
        ('"ada lovelace"@example.org unknown', "<address> unknown"),
        ("ada@[192.0.2.1] unknown", "<address> unknown"),
        ("ada@[IPv6:2001:db8::1] unknown", "<address> unknown"),
        ("josé@exämple.org: no", "<address>: no"),
        ("a\x00da@example.org no", "<address> no"),
        ("ada@ example.org", "<address> example.org"),
        ("(ada@example.org,bob@example.org)", "(<address>,<address>)"),
        ("@example.org:ada@example.org", "@example.org:<address>"),
        ("see https://help.example/?p=1", "see https://help.example/?p=1"),
        (f"bad link https://m.example/u/{TOKEN} in it", "bad link https://m.example/u/… in it"),
        (f"[{TOKEN}]", "[<token>]"),
        (f"old https://m.example/unsubscribe/{TOKEN}", "old https://m.example/unsubscribe/…"),
    ],
)
def test_addresses_and_tokens_are_taken_out(said: str, kept: str) -> None:
    assert presentable(said) == kept


LOCAL = st.text("abcdefz019.!#$%&'*+/=?^_`{|}~-éß", min_size=1, max_size=64)


@given(before=st.text(max_size=30), local=LOCAL, after=st.text(max_size=600))
def test_no_local_part_is_kept(before: str, local: str, after: str) -> None:
    secret = f"s3cr3t{local}"
    assert "s3cr3t" not in presentable(f"{before}{secret}@example.org{after}")


@given(st.text())
def test_words_are_bounded_and_printable(text: str) -> None:
    kept = presentable(text * 50)
    assert len(kept) <= 500
    assert kept.isprintable()


@pytest.mark.parametrize("unit", ["a", "a@", '"\\', '\\"', '"', "<", "a.", "@["])
def test_no_text_takes_long(unit: str) -> None:
    presentable("@ " + unit * 40_000)


@pytest.fixture
def ends() -> Iterator[tuple[Wire, socket.socket]]:
    """Our end of a TCP connection, and the relay's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    wire = Wire(ours, relay="relay.test:25", timeout=2, longest_write=5)
    with theirs:
        yield wire, theirs
    wire.close()


@pytest.mark.parametrize("reset", [False, True])
def test_last_words_are_heard_though_nothing_can_be_written(
    ends: tuple[Wire, socket.socket], reset: bool
) -> None:
    wire, theirs = ends
    theirs.sendall(b"421 4.4.2 Idle\r\n")
    if reset:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    for _ in range(3):
        time.sleep(0.02)
        wire.write(b"NOOP\r\n")
    assert wire.reply(Stage.MAIL) == RawReply(421, [b"4.4.2 Idle\r"])
    with pytest.raises(RelayDown, match="connection"):
        wire.reply(Stage.MAIL)


def test_an_answer_that_came_while_we_slept_is_heard(
    ends: tuple[Wire, socket.socket],
) -> None:
    """A signal ends the wait as SIGCONT does, after a sleep that outlasts the time to wait."""
    wire, theirs = ends

    def sleep(*_: object) -> None:
        theirs.sendall(b"250 2.0.0 kept\r\n")
        time.sleep(0.4)

    before = signal.signal(signal.SIGALRM, sleep)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        assert wire.reply(Stage.FINAL_DOT, timeout=0.3) == RawReply(250, [b"2.0.0 kept\r"])
    finally:
        signal.signal(signal.SIGALRM, before)


def test_room_is_waited_for(ends: tuple[Wire, socket.socket]) -> None:
    wire, theirs = ends
    while wire.write_at_once(b"x" * 50_000, b"y"):
        pass
    started = time.monotonic()

    def read() -> None:
        while theirs.recv(1 << 20):
            pass

    reader = threading.Timer(0.1, read)
    reader.start()
    wire.await_room()
    assert time.monotonic() - started > 0.05
    assert wire.write_at_once(b"x", b"y") == 2
    wire.close()
    reader.join()


def test_room_is_not_waited_for_for_ever(ends: tuple[Wire, socket.socket]) -> None:
    wire, _ = ends
    wire.timeout = 0.1
    while wire.write_at_once(b"x" * 50_000, b"y"):
        pass
    wire.await_room()
    with pytest.raises(RelayDown, match="did not take"):
        wire.expect_silence(Stage.BODY)
