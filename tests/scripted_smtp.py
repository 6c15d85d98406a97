"""A real SMTP server on loopback whose every answer can be scripted.

    with ScriptedRelay() as relay:
        relay.script("RCPT", None, "450 4.2.1 Later", when="example.org")  # the second such one
        relay.always("dot", "550 5.7.1 No", when="bob@")
        relay.script("dot", Drop())  # swallows a message, and never answers
        ...
        assert [mail.recipients for mail in relay.messages] == [("ada@example.org",)]

Steps: connect, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, body (before a message is read), dot (when
it has been read), RSET, NOOP, QUIT. Answers: None (as a good relay would), a reply (lines parted by
"\\n"; after a 421 it hangs up), Drop, Hang, Drip, Raw, Hold, Slow.

As Postfix does, it keeps its replies back while commands are waiting, so `flushes` counts round
trips. What a client must not do is kept in `violations`, which should stay empty.
"""

import functools
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from digest.settings.loading import RelayAddress
from tests.scripted_session import (
    STEPS,
    Answer,
    Drip,
    Drop,
    Hang,
    HangUpError,
    Hold,
    Raw,
    Received,
    Session,
    Slow,
)

__all__ = [
    "EXTENSIONS",
    "Answer",
    "Certificate",
    "Drip",
    "Drop",
    "Hang",
    "Hold",
    "Raw",
    "Received",
    "ScriptedRelay",
    "Slow",
    "self_signed",
]

EXTENSIONS = ("PIPELINING", "SIZE 10485760", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


@dataclass
class _Rule:
    step: str
    answers: list[Answer]
    when: str
    for_ever: bool = False


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate and its key in PEM, and a server's context that shows it."""

    pem: str
    key: str
    server_context: ssl.SSLContext

    def client_context(self) -> ssl.SSLContext:
        """Trusts this certificate and nothing else."""
        return ssl.create_default_context(cadata=self.pem)


@functools.cache
def self_signed(name: str = "localhost", address: str = "127.0.0.1") -> Certificate:
    """Make a certificate with the openssl command, once a process. Raises FileNotFoundError."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise FileNotFoundError("these tests make a certificate with the `openssl` command")
    arguments = [openssl, "req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    arguments += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    arguments += ["-addext", f"subjectAltName=DNS:{name},IP:{address}"]
    arguments += ["-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="digest-test-tls-") as folder:
        certificate, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
        arguments += ["-keyout", str(key), "-out", str(certificate)]
        subprocess.run(arguments, check=True, capture_output=True)
        context.load_cert_chain(certificate, key)
        return Certificate(certificate.read_text(), key.read_text(), context)


class ScriptedRelay:
    """The server; listens as soon as it is made, and stops at the end of the `with`.

    `messages` are those answered 2xx; `received` all that came whole. `buffers` sets the size of
    its socket buffers. `loses_behind_dot`: it forgets what came in one packet with the final dot.
    With `certificate` it offers STARTTLS, with `implicit_tls` it speaks TLS from the start; with
    `credentials` it offers the AUTH mechanisms of `auth`.
    """

    def __init__(
        self,
        *,
        extensions: Sequence[str] = EXTENSIONS,
        certificate: Certificate | None = None,
        implicit_tls: bool = False,
        credentials: tuple[str, str] | None = None,
        auth: str = "PLAIN LOGIN",
        buffers: int | None = None,
        host: str = "127.0.0.1",
        loses_behind_dot: bool = False,
    ) -> None:
        self.extensions = tuple(extensions)
        self.context = certificate.server_context if certificate else None
        self.implicit_tls = implicit_tls
        self.loses_behind_dot = loses_behind_dot
        self.credentials = credentials
        self.auth = auth
        self.received: list[Received] = []
        self.commands: list[tuple[int, str]] = []
        """(number of the connection, command line) in the order in which they came."""
        self.violations: list[str] = []
        self.connections = 0
        self.flushes = 0
        self._rules: list[_Rule] = []
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._errors: list[BaseException] = []
        self._sessions: list[tuple[threading.Thread, Session]] = []
        self._listener = socket.create_server((host, 0), backlog=64)
        if buffers:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffers)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffers)
        self.host, self.port = self._listener.getsockname()[:2]
        self._acceptor = threading.Thread(target=self._accept, name="scripted-relay", daemon=True)
        self._acceptor.start()

    def __enter__(self) -> "ScriptedRelay":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if error is None and self._errors:
            raise self._errors[0]

    @property
    def messages(self) -> list[Received]:
        """The messages that we took responsibility for."""
        return [each for each in list(self.received) if (each.reply or "").startswith("2")]

    @property
    def active(self) -> int:
        """How many clients are connected."""
        return sum(thread.is_alive() for thread, _ in list(self._sessions))

    @property
    def address(self) -> RelayAddress:
        """How a client reaches us, by our best security and with our credentials."""
        security: Literal["none", "starttls", "tls"] = "none"
        if self.context:
            security = "tls" if self.implicit_tls else "starttls"
        username, password = self.credentials or (None, None)
        return RelayAddress(self.host, self.port, security, username, password)

    def script(self, step: str, *answers: Answer, when: str = "") -> None:
        """Answer the next times at `step` with these, one after the other.

        With `when`, only the times when that is part of the command (for body and dot: of the
        recipients) count. Rules that were made first go first.
        """
        assert step in STEPS, step
        with self._changed:
            self._rules.append(_Rule(step, list(answers), when))

    def always(self, step: str, answer: Answer, *, when: str = "") -> None:
        """Answer so every time at `step`, once the rules made before are used up."""
        assert step in STEPS, step
        with self._changed:
            self._rules.append(_Rule(step, [answer], when, for_ever=True))

    def forget(self) -> None:
        """Drop all rules and all that was received."""
        with self._changed:
            self._rules.clear()
            self.received.clear()
            self.commands.clear()
            self.violations.clear()
            self.flushes = 0

    def verbs(self, connection: int | None = None) -> list[str]:
        """The first words of the commands that came, upper case."""
        return [
            line.split(" ")[0].split(":")[0].upper()
            for number, line in list(self.commands)
            if connection in (None, number)
        ]

    def wait_for(self, count: int, timeout: float = 10.0) -> list[Received]:
        """The messages answered 2xx, as soon as there are `count`."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.messages) >= count, timeout)
        assert arrived, f"{len(self.messages)} of {count} messages came in {timeout:g} s"
        return self.messages

    def close(self) -> None:
        """Hang up on everybody, and stop. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        # Wakes the acceptor, which closes are no good for.
        socket.create_connection((self.host, self.port)).close()
        self._acceptor.join(10)
        self._listener.close()
        for thread, session in self._sessions:
            session.hang_up()
            thread.join(10)
            assert not thread.is_alive(), "a session of the scripted relay does not end"

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._stopping.is_set():
                sock.close()
                return
            self.connections += 1
            session = Session(self, sock, self.connections)
            thread = threading.Thread(target=self._serve, args=(session,), daemon=True)
            self._sessions.append((thread, session))
            thread.start()

    def _serve(self, session: Session) -> None:
        try:
            session.run()
        except (HangUpError, OSError):
            # The client left, or we did: both are the point of many a test.
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the `with` ends
            self._errors.append(error)
        finally:
            session.sock.close()

    def answer(self, step: str, subject: str) -> Answer:
        """Use up the answer that the script has for this."""
        with self._changed:
            for rule in self._rules:
                if rule.step == step and rule.when in subject and rule.answers:
                    return rule.answers[0] if rule.for_ever else rule.answers.pop(0)
        return None

    def keep(self, message: Received) -> None:
        with self._changed:
            self.received.append(message)
            self._changed.notify_all()

    def wait(self, seconds: float | None = None) -> None:
        """Sleep. Raises HangUpError when the server stops."""
        if self._stopping.wait(seconds):
            raise HangUpError
