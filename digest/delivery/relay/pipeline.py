"""The conversation with a relay, one message after the other, and what became of each.

With PIPELINING (RFC 2920) `MAIL RCPT DATA` go out in one write, and those of the next message
right behind the final dot of the one before: a round trip a message. Without it, a command a time.
"""

import enum
import re
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import zip_longest
from socket import socket
from time import monotonic
from typing import NamedTuple

from digest.addresses import NEEDED_BEYOND_ASCII
from digest.delivery.relay.habits import Habits
from digest.delivery.relay.wire import (
    RawReply,
    RelayDown,
    RelayRefused,
    Reply,
    Stage,
    Wire,
    refusal,
)

# Seconds, at most, that a goodbye may take.
FAREWELL = 2.0
# A relay that takes so much longer over a refused reader than over MAIL makes us wait for it.
TARRYING_SECONDS = 0.9
TARRYING_TIMES = 3
# RFC 5321 3.8: may stand in for any reply; the relay then closes the connection.
GOING_AWAY = 421
START_MESSAGE = 354

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# RFC 5321 4.1.2: outside of quotes, what would end the path or begin a parameter.
_MAILBOX = re.compile(r'(?:"(?:[^"\\]|\\.)*+"|[^"<> ]++)+')
_DOT_LINE = re.compile(rb"\n\.")


class Envelope(NamedTuple):
    """One message to one recipient.

    `sender` is empty for the null sender. `message` has CRLF lines, the last one ended too, and is
    not dot-stuffed. Domains are A-labels. `key` is the caller's, and comes back in the outcome.
    `tidy`: the message is `Stencil.fill`'s, which answers for its lines: 7-bit, none begun with a
    dot. To look at all of it again takes a fifth of a worker's time.
    """

    key: Hashable
    sender: str
    recipient: str
    message: bytes
    tidy: bool = False


class Fate(enum.StrEnum):
    """What became of an envelope."""

    ACCEPTED = "accepted"
    """2xx to the final dot."""
    DEFERRED = "deferred"
    """4xx to RCPT or the final dot: try this reader again later."""
    REFUSED = "refused"
    """5xx to RCPT or the final dot, or it cannot be said to this relay: the reader's own matter."""
    UNSENT = "unsent"
    """The final dot was never sent: whatever happens next, the relay has no message."""
    IN_DOUBT = "in doubt"
    """The final dot was sent, and no answer understood."""


class Outcome(NamedTuple):
    """The fate of the envelope called `key`, decided at `stage`.

    `reply` is the relay's to this very envelope, if it gave one; `reason`, where the relay gave
    none, is ours, in plain words.
    """

    key: Hashable
    fate: Fate
    reply: Reply | None
    stage: Stage
    reason: str = ""


_FATES = {2: Fate.ACCEPTED, 4: Fate.DEFERRED, 5: Fate.REFUSED}


class _Ready(NamedTuple):
    """An envelope as it will be spoken."""

    key: Hashable
    mail: bytes
    rcpt: bytes
    message: bytes
    tidy: bool

    @property
    def group(self) -> bytes:
        return self.mail + self.rcpt + b"DATA\r\n"


class _LateError(Exception):
    """Our deadline has passed."""


class Connection:
    """An open SMTP session, past EHLO, STARTTLS and AUTH; made by `connection.connect`.

    Belongs to one thread. A context manager: leaving it says QUIT.
    """

    def __init__(
        self,
        sock: socket,
        features: Mapping[str, str],
        *,
        relay: str,
        timeout: float,
        final_dot_timeout: float,
        habits: Habits | None = None,
    ) -> None:
        """`features`: the keywords (lower case) and parameters of the last EHLO."""
        self.relay = relay
        self.offers = tuple(sorted(features))
        self.habits = habits or Habits()
        self.refused = 0
        """How many readers it has refused in this connection."""
        self.pipelining = "pipelining" in features
        self.eight_bit = "8bitmime" in features
        # RFC 6531 3.1 (8): an address beyond ASCII makes its header 8-bit.
        self.smtputf8 = set(features) >= NEEDED_BEYOND_ASCII
        self.takes_size = "size" in features
        size = features.get("size", "")
        # RFC 1870: 0 is "no limit", and so is no number.
        self.size_limit = (int(size) if size.isdecimal() and size.isascii() else 0) or None
        self.trouble: RelayDown | RelayRefused | None = None
        self._final_dot_timeout = final_dot_timeout
        self._wire = Wire(sock, relay=relay, timeout=timeout, longest_write=final_dot_timeout)
        self._known_sender = ""
        self._usual = 0.0
        """The longest that it took over MAIL in this connection, in seconds."""
        self._conversing = False
        self._closed = False

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def spent(self) -> bool:
        """Whether it has refused as many readers as this relay bears: time to call anew."""
        limit = self.habits.refusals_at_most
        return limit is not None and self.refused >= limit

    @property
    def usable(self) -> bool:
        """Whether another `send` may begin: not closed, not in a `send`, the relay still there."""
        return not self._closed and not self._conversing and self._wire.silent

    def send(
        self, envelopes: Iterable[Envelope], *, deadline: Callable[[], bool]
    ) -> Iterator[Outcome]:
        """Send a window of envelopes, and yield exactly one outcome for each.

        Nothing is sent before the first outcome is asked for. Those that cannot be said to this
        relay (too big, RFC 1870; not ASCII, RFC 6531) come first; the others in the order given,
        each as soon as it is known and before the next message leaves. Where the relay has refused
        as many as it bears (`spent`), the connection is closed, and the rest are UNSENT.

        `deadline` is asked before each final dot. When it says True the connection is dropped
        without the dot: this envelope and the rest are UNSENT.

        Once exhausted, `trouble` holds what was the relay's matter rather than a reader's, or
        None: RelayDown (lost, late, 4xx to MAIL or DATA, 421 anywhere) or RelayRefused (5xx to
        MAIL, or to DATA after an accepted RCPT). Not raised, so that no outcome can be lost with
        it. After trouble or the deadline, or when the iterator is closed early, the connection is
        closed.

        Raises ValueError, before anything is sent, for what a caller must never give: control
        characters in an address, or an address that would not end where it should; a message whose
        lines do not all end with CRLF; one with 8-bit octets for a relay without 8BITMIME
        (RFC 6152). Raises RuntimeError when closed by us, or when another `send` has not ended.
        """
        if self._closed or self._conversing:
            raise RuntimeError("this SMTP connection is closed, or still sending")
        window = list(envelopes)
        for envelope in window:
            self._check(envelope)
        return self._outcomes(window, deadline)

    def close(self) -> None:
        """Say QUIT, wait at most two seconds for the answer, and close. Raises nothing."""
        if not self._closed and not self._conversing and self._wire.silent:
            self._wire.timeout = min(self._wire.timeout, FAREWELL)
            self._wire.write(b"QUIT\r\n")
            with suppress(RelayDown):
                self._wire.reply(Stage.QUIT)
        self._drop()

    def _drop(self) -> None:
        self._closed = True
        self._wire.close()

    # Before anything is sent.

    def _check(self, envelope: Envelope) -> None:
        if envelope.sender and envelope.sender != self._known_sender:
            _check_address("sender", envelope.sender)
            self._known_sender = envelope.sender
        _check_address("recipient", envelope.recipient)
        if envelope.tidy:
            return
        message = envelope.message
        # The cheapest exact test there is: a line feed or carriage return on its own could be
        # taken for the end of a line, and so a dot behind it for the end of the message.
        if message.replace(b"\r", b"").replace(b"\n", b"\r\n") != message:
            raise ValueError("a message has line ends that are not CRLF")
        if not message.endswith(b"\r\n"):
            raise ValueError("a message does not end with CRLF")
        # One for an address beyond ASCII cannot be said to this relay at all.
        sayable = self.smtputf8 or envelope.recipient.isascii()
        if sayable and not self.eight_bit and not message.isascii():
            raise ValueError("a message is 8-bit, and the relay does not offer 8BITMIME")

    def _check_senders(self, window: list[Envelope]) -> None:
        if not self.smtputf8 and not all(envelope.sender.isascii() for envelope in window):
            words = f"The sender's address is not ASCII, and {self.relay} does not offer SMTPUTF8."
            raise RelayRefused(words, stage=Stage.MAIL)

    def _unspeakable(self, envelope: Envelope) -> str | None:
        """Why this relay cannot be given this envelope, in plain words."""
        size = len(envelope.message)
        if self.size_limit and size > self.size_limit:
            return f"The message has {size} octets; the relay takes {self.size_limit} at most."
        if not envelope.recipient.isascii() and not self.smtputf8:
            return (
                "The address is not ASCII before the @, and the relay does not offer SMTPUTF8 with "
                "8BITMIME (RFC 6531)."
            )
        return None

    def _ready(self, envelope: Envelope) -> _Ready:
        parameters = f" SIZE={len(envelope.message)}" if self.takes_size else ""
        if not (envelope.tidy or envelope.message.isascii()):
            parameters += " BODY=8BITMIME"
        if not (envelope.sender + envelope.recipient).isascii():
            parameters += " SMTPUTF8"
        return _Ready(
            envelope.key,
            f"MAIL FROM:<{envelope.sender}>{parameters}\r\n".encode(),
            f"RCPT TO:<{envelope.recipient}>\r\n".encode(),
            envelope.message,
            envelope.tidy,
        )

    # The conversation.

    def _outcomes(self, window: list[Envelope], deadline: Callable[[], bool]) -> Iterator[Outcome]:
        batch: list[_Ready] = []
        for envelope in window:
            if reason := self._unspeakable(envelope):
                yield Outcome(envelope.key, Fate.REFUSED, None, Stage.CHECK, reason)
            else:
                batch.append(self._ready(envelope))
        if not batch:
            return
        left = deque(ready.key for ready in batch)
        stage, reason = Stage.DEADLINE, "Our own deadline had passed."
        converse = self._pipelined if self.pipelining else self._step_by_step
        self._conversing = True
        try:
            self._check_senders(window)
            for outcome in converse(batch, deadline):
                left.popleft()
                yield outcome
            # What is spent and was not brought to an end is dropped, in the middle of it.
            self._conversing = bool(left) or self.spent
            stage, reason = Stage.RESET, f"{self.relay} bears no more refusals in one connection."
        except _LateError:
            pass
        except (RelayDown, RelayRefused) as trouble:
            self.trouble = trouble
            stage, reason = trouble.stage, str(trouble)
        finally:
            if self._conversing:
                self._drop()
        for key in left:
            yield Outcome(key, Fate.UNSENT, None, stage, reason)

    @contextmanager
    def _learning_limit(self) -> Iterator[None]:
        """Learn from a relay that ends the connection right after it refused a reader, or tarries.

        Some make whoever had so many errors wait for each answer (Postfix a second, Courier 24 s a
        reader): a new connection begins anew.
        """
        began = monotonic()
        try:
            yield
        except (RelayDown, RelayRefused) as trouble:
            if trouble.reply is not None or trouble.silent:
                self.habits.learn_limit(self.refused)
            raise
        if self._tarries(monotonic() - began):
            self.habits.learn_limit(self.refused)

    def _tarries(self, seconds: float) -> bool:
        return seconds > max(TARRYING_SECONDS, TARRYING_TIMES * self._usual)

    def _pipelined(self, batch: list[_Ready], deadline: Callable[[], bool]) -> Iterator[Outcome]:
        self._say(batch[0].group, Stage.MAIL)
        behind_dot = False
        for this, following in zip_longest(batch, batch[1:]):
            group = following.group if following else b""
            behind = b"" if self.habits.dot_alone else group
            self._want(Stage.MAIL, self._first_reply(behind_dot))
            rcpt = self._wire.reply(Stage.RCPT)
            if rcpt.code // 100 == 2:
                self._want(Stage.DATA, self._wire.reply(Stage.DATA))
                yield from self._message(this, behind, deadline)
                if group and not behind:
                    self._say(group, Stage.MAIL)
                behind_dot = bool(behind)
            else:
                yield from self._verdict(this, Stage.RCPT, rcpt)
                if not self.spent:
                    with self._learning_limit():
                        self._step_over(self._wire.reply(Stage.DATA), group)
                if self.spent:
                    return
                behind_dot = False

    def _first_reply(self, behind_dot: bool) -> RawReply:
        """Read the answer to MAIL, which may have stood in one packet with a dot that was answered.

        Some relays lose what stands there: the silence is then no matter of theirs being down.
        """
        began = monotonic()
        try:
            answer = self._wire.reply(Stage.MAIL)
        except RelayDown as trouble:
            if behind_dot and trouble.silent:
                self.habits.learn_dot_alone()
            raise
        self._usual = max(self._usual, monotonic() - began)
        return answer

    def _step_over(self, data: RawReply, behind: bytes) -> None:
        """End a transaction that has no recipient, whatever the relay made of its DATA."""
        if data.code == START_MESSAGE:
            # RFC 2920 3.1: it waits for a message, so it gets an empty one, for nobody.
            self._say(b".\r\n", Stage.DATA)
            data = self._wire.reply(Stage.FINAL_DOT)
        if data.code == GOING_AWAY or data.code < 400:
            raise refusal(self.relay, Stage.DATA, data.cooked())
        # MAIL was accepted, and would otherwise be nested.
        self._say(b"RSET\r\n" + behind, Stage.RESET)
        self._want(Stage.RESET, self._wire.reply(Stage.RESET))

    def _step_by_step(self, batch: list[_Ready], deadline: Callable[[], bool]) -> Iterator[Outcome]:
        for this in batch:
            self._say(this.mail, Stage.MAIL)
            self._want(Stage.MAIL, self._first_reply(behind_dot=False))
            rcpt = self._ask(this.rcpt, Stage.RCPT)
            if rcpt.code // 100 == 2:
                self._want(Stage.DATA, self._ask(b"DATA\r\n", Stage.DATA))
                yield from self._message(this, b"", deadline)
            else:
                yield from self._verdict(this, Stage.RCPT, rcpt)
                if not self.spent:
                    with self._learning_limit():
                        self._want(Stage.RESET, self._ask(b"RSET\r\n", Stage.RESET))
                if self.spent:
                    return

    def _message(
        self, this: _Ready, behind: bytes, deadline: Callable[[], bool]
    ) -> Iterator[Outcome]:
        self._hand_over(_stuffed(this), behind, deadline)
        try:
            answer = self._wire.reply(Stage.FINAL_DOT, self._final_dot_timeout)
        except RelayDown as trouble:
            yield Outcome(this.key, Fate.IN_DOUBT, None, Stage.FINAL_DOT, str(trouble))
            raise
        yield from self._verdict(this, Stage.FINAL_DOT, answer)

    def _hand_over(self, body: bytes, behind: bytes, deadline: Callable[[], bool]) -> None:
        """Write the body, its final dot, and what comes `behind` it.

        Returns if anything of the dot has left. Otherwise raises RelayDown or _LateError.
        """
        wire = self._wire
        tail = b".\r\n" + behind
        wire.expect_silence(Stage.BODY)
        if deadline():
            raise _LateError
        before_dot = wire.written + len(body)
        wire.write_at_once(body, tail)
        if (left := before_dot - wire.written) > 0:
            wire.write(memoryview(body)[-left:], until_spoken_to=True)
            wire.await_room()
            wire.expect_silence(Stage.BODY)
            # That may have taken its time.
            if deadline():
                raise _LateError
        wire.write(memoryview(tail)[wire.written - before_dot :])
        if wire.written == before_dot:
            wire.expect_silence(Stage.BODY)

    def _verdict(self, this: _Ready, stage: Stage, answer: RawReply) -> Iterator[Outcome]:
        """What a reply to RCPT or to the final dot means for its reader, and for the relay."""
        reply = answer.cooked()
        self.refused += stage is Stage.RCPT and reply.code >= 500
        if reply.code == GOING_AWAY and stage is Stage.RCPT and self.refused:
            # It has had enough of us, not of this reader (chasquid).
            self.habits.learn_limit(self.refused + 1)
            raise refusal(self.relay, stage, reply)
        if fate := _FATES.get(reply.code // 100):
            yield Outcome(this.key, fate, reply, stage)
            if reply.code != GOING_AWAY:
                return
        elif stage is Stage.FINAL_DOT:
            yield Outcome(this.key, Fate.IN_DOUBT, reply, stage)
        raise refusal(self.relay, stage, reply)

    def _ask(self, command: bytes, stage: Stage) -> RawReply:
        self._say(command, stage)
        return self._wire.reply(stage)

    def _say(self, commands: bytes, stage: Stage) -> None:
        self._wire.expect_silence(stage)
        self._wire.write(commands)

    def _want(self, stage: Stage, answer: RawReply) -> None:
        """Raise RelayDown or RelayRefused unless the reply is a 2xx, or to DATA the 354."""
        wanted = answer.code == START_MESSAGE if stage is Stage.DATA else answer.code // 100 == 2
        if not wanted:
            raise refusal(self.relay, stage, answer.cooked())


def _check_address(what: str, address: str) -> None:
    if _CONTROL.search(address):
        raise ValueError(f"control characters in the {what}'s address")
    if not _MAILBOX.fullmatch(address):
        raise ValueError(f"the {what}'s address is not one")


def _stuffed(this: _Ready) -> bytes:
    """The message as it is sent (RFC 5321 4.5.2)."""
    message = this.message
    if this.tidy:
        return message
    body = message.replace(b"\r\n.", b"\r\n..") if _DOT_LINE.search(message) else message
    return b"." + body if body.startswith(b".") else body
