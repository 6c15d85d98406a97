"""Opening and closing a session: TLS, AUTH, greetings; and another server than ours."""

import socket
import ssl
import time

import pytest
from aiosmtpd import smtp as aiosmtpd
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from digest.delivery.relay.connection import (
    RelayDown,
    RelayRefused,
    Stage,
    connect,
    is_loopback,
    tls_defaults,
)
from digest.settings.loading import RelayAddress
from tests.delivery.relay.smtp.cases import (
    ACCEPTED,
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
    send,
    session,
)
from tests.scripted_smtp import (
    Answer,
    Drip,
    Drop,
    Hang,
    Raw,
    ScriptedRelay,
    self_signed,
)

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


def test_tls_is_verified_and_not_too_old_unless_a_context_says_otherwise() -> None:
    context = tls_defaults()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.maximum_version is ssl.TLSVersion.MAXIMUM_SUPPORTED
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


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


@pytest.mark.parametrize("auth", ["PLAIN", "LOGIN"])
def test_a_relay_that_will_not_hear_of_it_is_not_told_the_password(auth: str) -> None:
    with ScriptedRelay(credentials=("ada", "secret"), auth=auth) as relay:
        relay.script("AUTH", "454 4.7.0 Later")
        with pytest.raises(RelayDown):
            session(relay.address)
        assert relay.verbs() == ["EHLO", "AUTH"]


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
    connection.close()
    connection.close()
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
