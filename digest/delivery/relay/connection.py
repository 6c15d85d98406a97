"""Handing mail to the relay: `connect` opens a session, `Connection.send` sends a window.

Knows nothing of databases. The bytes are in `wire`, the conversation in `pipeline`; what a caller
needs of them can be imported from here.
"""

import base64
import functools
import ipaddress
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from digest.delivery.relay.habits import Habits
from digest.delivery.relay.pipeline import Connection, Envelope, Fate, Outcome
from digest.delivery.relay.wire import (
    NotSmtpError,
    RelayDown,
    RelayRefused,
    RelayTrouble,
    Reply,
    ReplyBuffer,
    Stage,
    refusal,
)
from digest.settings.loading import RelayAddress

__all__ = [
    "Connection",
    "Envelope",
    "Fate",
    "Outcome",
    "RelayDown",
    "RelayRefused",
    "RelayTrouble",
    "Reply",
    "Stage",
    "connect",
    "is_loopback",
    "tls_defaults",
]

# Seconds, RFC 5321 4.5.3.2.6.
FINAL_DOT_TIMEOUT = 600.0
# RFC 5321 4.1.3: a domain, or an address literal.
_HELLO_NAME = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Za-z.:]+\]")


def connect(
    address: RelayAddress,
    *,
    timeout: float,
    local_hostname: str,
    tls_context: ssl.SSLContext | None = None,
    final_dot_timeout: float = FINAL_DOT_TIMEOUT,
    habits: Habits | None = None,
) -> Connection:
    """Open a session with the relay: connect, EHLO, STARTTLS and AUTH, as `address` says.

    `timeout`, in seconds, holds for each address of the host that is tried, for each reply as a
    whole, and for any progress in a write; `final_dot_timeout` for the reply to a message, and
    for the writing of one. `local_hostname` is what EHLO says we are, a domain or an address
    literal. `tls_context`: instead of `tls_defaults()`. `habits`: what is known of the relay; what
    is learnt of it is added.

    Raises RelayDown where later may be better (no connection, no answer, 4xx, nonsense), and
    RelayRefused where somebody must change something (5xx, a certificate that does not hold,
    no STARTTLS (RFC 3207) or AUTH (RFC 4954) where it is wanted, a password in the clear).
    Raises ValueError for a `local_hostname` that is neither.
    """
    if not _HELLO_NAME.fullmatch(local_hostname):
        raise ValueError("local_hostname is neither a domain nor an address literal")
    relay = f"{address.host}:{address.port}"
    with _in_our_words(relay, None):
        dialogue = _open(address, timeout, tls_context)
    try:
        dialogue.local_hostname = local_hostname
        with _in_our_words(relay, dialogue):
            _introduce(dialogue)
            if address.security == "starttls":
                _secure(dialogue, tls_context or _shared_context())
            if address.username is not None:
                _sign_in(dialogue, address.username, address.password or "")
            assert dialogue.sock is not None
            return Connection(
                dialogue.sock,
                dialogue.esmtp_features,
                relay=relay,
                timeout=timeout,
                final_dot_timeout=final_dot_timeout,
                habits=habits,
            )
    except BaseException:
        dialogue.close()
        raise


def tls_defaults() -> ssl.SSLContext:
    """Make a context that verifies certificate and name; TLS 1.2 or later (RFC 8996)."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


# Reading the certificates of all authorities takes 50 ms: once a process, not once a connection.
_shared_context = functools.cache(tls_defaults)


class _Dialogue(smtplib.SMTP):
    """smtplib's, with replies that are bounded in size and in time, and that come one by one."""

    stage = Stage.CONNECT

    def connect(
        self,
        host: str = "localhost",
        port: int = 0,
        source_address: Any = None,
    ) -> tuple[int, bytes]:
        self.relay = f"{host}:{port}"
        self._replies = ReplyBuffer()
        return super().connect(host, port, source_address)

    def getreply(self) -> tuple[int, bytes]:
        try:
            answer = self._read_reply()
        except BaseException:
            self.close()
            raise
        return answer

    def _read_reply(self) -> tuple[int, bytes]:
        assert self.sock is not None
        limit = monotonic() + self.timeout
        try:
            while (raw := self._replies.take()) is None:
                if (left := limit - monotonic()) <= 0:
                    raise TimeoutError
                if self._replies.overflown:
                    raise NotSmtpError("a reply without end")
                self.sock.settimeout(left)
                data = self.sock.recv(8192)
                if not data:
                    raise self._down("closed the connection")
                self._replies.feed(data)
        except NotSmtpError as error:
            raise self._down(f"answered with something that is not SMTP: {error}") from None
        finally:
            self.sock.settimeout(self.timeout)
        # One question, one answer. Above all nothing that came in the clear may be taken for an
        # answer under TLS (RFC 3207 4.2).
        if not self._replies.empty:
            raise self._down("said more than it was asked")
        return raw.code, b"\n".join(line.strip() for line in raw.lines)

    def _down(self, words: str) -> RelayDown:
        return RelayDown(f"The relay {self.relay} {words} ({self.stage}).", stage=self.stage)


class _TlsDialogue(_Dialogue, smtplib.SMTP_SSL):
    """The same over TLS from the first octet (RFC 8314)."""


def _open(address: RelayAddress, timeout: float, tls_context: ssl.SSLContext | None) -> _Dialogue:
    # A host given to smtplib's constructor is connected to; the name is needed there, for TLS.
    if address.security == "tls":
        context = tls_context or _shared_context()
        return _TlsDialogue(address.host, address.port, timeout=timeout, context=context)
    return _Dialogue(address.host, address.port, timeout=timeout)


def _introduce(dialogue: _Dialogue) -> None:
    dialogue.stage = Stage.EHLO
    code, words = dialogue.ehlo()
    if code != 250:
        raise _refusal(dialogue, code, words)


def _secure(dialogue: _Dialogue, context: ssl.SSLContext) -> None:
    dialogue.stage = Stage.STARTTLS
    if not dialogue.has_extn("starttls"):
        raise RelayRefused(
            f"The relay {dialogue.relay} does not offer STARTTLS, which SMTP_URL asks for. Nothing "
            "was sent. Use its port for TLS (smtps://), or find out why it stopped offering it.",
            stage=Stage.STARTTLS,
        )
    dialogue.starttls(context=context)
    _introduce(dialogue)


def _sign_in(dialogue: _Dialogue, username: str, password: str) -> None:
    """AUTH PLAIN (RFC 4616) or LOGIN; smtplib's own would have nothing but ASCII passwords."""
    dialogue.stage = Stage.AUTH
    assert dialogue.sock is not None
    peer = dialogue.sock.getpeername()[0]
    if not isinstance(dialogue.sock, ssl.SSLSocket) and not is_loopback(peer):
        raise RelayRefused(
            f"The password for the relay {dialogue.relay} would cross the network in the clear, so "
            "it was not sent. Use smtp+starttls:// or smtps:// in SMTP_URL.",
            stage=Stage.AUTH,
        )
    offered = dialogue.esmtp_features.get("auth", "").upper().split()
    if "PLAIN" in offered:
        code, words = dialogue.docmd("AUTH", "PLAIN " + _base64(f"\0{username}\0{password}"))
    elif "LOGIN" in offered:
        code, words = dialogue.docmd("AUTH", "LOGIN")
        for secret in (username, password):
            if code == 334:
                code, words = dialogue.docmd(_base64(secret))
    else:
        raise RelayRefused(
            f"The relay {dialogue.relay} offers no way to sign in that Digest knows (AUTH PLAIN, "
            f"AUTH LOGIN); it offers {', '.join(offered) or 'none'}. Switch PLAIN on there, under "
            "TLS (sendmail: TRUST_AUTH_MECH and confAUTH_MECHANISMS).",
            stage=Stage.AUTH,
        )
    if code != 235:
        raise _refusal(dialogue, code, words)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def is_loopback(address: str) -> bool:
    """Whether what is sent to this IP address stays on this machine."""
    ip = ipaddress.ip_address(address)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def _refusal(dialogue: _Dialogue, code: int, words: bytes) -> RelayDown | RelayRefused:
    return refusal(dialogue.relay, dialogue.stage, Reply.of(code, words.split(b"\n")))


@contextmanager
def _in_our_words(relay: str, dialogue: _Dialogue | None) -> Iterator[None]:
    """Turn whatever smtplib and the sockets raise into RelayDown or RelayRefused."""
    try:
        yield
        return
    except smtplib.SMTPResponseException as error:
        code, said, cause = error.smtp_code, error.smtp_error, None
        lines = (said if isinstance(said, bytes) else said.encode()).split(b"\n")
        reply: Reply | None = Reply.of(code, lines)
    except (OSError, UnicodeError) as error:
        reply, cause = None, error
    stage = dialogue.stage if dialogue else Stage.CONNECT
    if reply:
        raise refusal(relay, stage, reply)
    if isinstance(cause, ssl.SSLCertVerificationError):
        words = f"The certificate of the relay {relay} does not hold: {cause.verify_message}"
        raise RelayRefused(f"{words} ({stage}).", stage=stage) from cause
    if isinstance(cause, TimeoutError):
        words = f"The relay {relay} did not answer in time"
    elif isinstance(cause, smtplib.SMTPServerDisconnected):
        words = f"The relay {relay} closed the connection"
    else:
        why = cause.strerror if isinstance(cause, OSError) else None
        words = f"No connection with the relay {relay}: {why or cause}"
    raise RelayDown(f"{words} ({stage}).", stage=stage) from cause
