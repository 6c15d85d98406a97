from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.delivery.messages import Links
from digest.inbound import ActedOn, MailFor, act_on_mail
from digest.models import Consent, ConsentDetail, ConsentKind, EndedReason, Subscription
from digest.tokens import Purpose
from tests.factories import NOW, RING
from tests.readers.conftest import ReadersDesk, clock, desk, newsletter, wording

__all__ = ["clock", "desk", "newsletter", "wording"]

Act = Callable[..., ActedOn]


@pytest.fixture
def act(desk: ReadersDesk) -> Act:
    def act_on(content: bytes, *recipients: str) -> ActedOn:
        return act_on_mail(desk.database, RING, content, recipients, now=NOW + timedelta(hours=1))

    return act_on


def leaving_address(period: Subscription, purpose: Purpose = Purpose.LEAVE_BY_MAIL) -> str:
    return f"{RING.sign_local_part(purpose, period.token_id)}@inbound.halyard.example"


def mail_to(address: str, field: str = "To", more: str = "") -> bytes:
    return (
        f"From: robin@example.org\r\n{field}: {address}\r\n{more}"
        "Subject: unsubscribe\r\n\r\nplease\r\n"
    ).encode()


def test_a_mail_to_the_address_in_the_header_ends_the_subscription(
    desk: ReadersDesk, act: Act
) -> None:
    period = desk.subscribe()
    assert act(mail_to(leaving_address(period))).what is MailFor.LEFT
    [after] = desk.rows(Subscription)
    assert (after.ended_reason, after.ended_at) == (EndedReason.LEFT, NOW + timedelta(hours=1))


def test_the_withdrawal_is_on_record_with_how_it_came(desk: ReadersDesk, act: Act) -> None:
    act(mail_to(leaving_address(desk.subscribe())))
    withdrawn = desk.rows(Consent)[-1]
    assert withdrawn.kind is ConsentKind.WITHDRAWN
    details = {detail.consent_id: detail for detail in desk.rows(ConsentDetail)}
    assert details[withdrawn.id].form == "mail to the unsubscribe address"


@pytest.mark.parametrize("field", ["To", "Cc", "Delivered-To", "X-Original-To", "DELIVERED-TO"])
def test_the_address_is_found_in_every_field_that_says_whom_a_mail_was_for(
    desk: ReadersDesk, act: Act, field: str
) -> None:
    address = leaving_address(desk.subscribe())
    assert act(mail_to(f'"Leave, please" <{address}>', field)).what is MailFor.LEFT


def test_the_envelope_is_enough(desk: ReadersDesk, act: Act) -> None:
    address = leaving_address(desk.subscribe())
    assert act(mail_to("undisclosed-recipients:;"), "other@example.org", address).what is (
        MailFor.LEFT
    )


def test_the_case_of_the_address_does_not_matter(desk: ReadersDesk, act: Act) -> None:
    assert act(mail_to(leaving_address(desk.subscribe()).upper())).what is MailFor.LEFT


def test_a_folded_field_is_read_whole(desk: ReadersDesk, act: Act) -> None:
    address = leaving_address(desk.subscribe())
    assert act(mail_to(f"someone@example.org,\r\n\t<{address}>")).what is MailFor.LEFT


def test_a_machine_may_ask_for_it(desk: ReadersDesk, act: Act) -> None:
    """Mail programs write the mail themselves, and some say so."""
    address = leaving_address(desk.subscribe())
    by_machine = mail_to(address, more="Auto-Submitted: auto-generated\r\nPrecedence: bulk\r\n")
    assert act(by_machine).what is MailFor.LEFT


def test_a_second_mail_changes_nothing(desk: ReadersDesk, act: Act) -> None:
    address = leaving_address(desk.subscribe())
    act(mail_to(address))
    before = desk.dump()
    assert act(mail_to(address)).what is MailFor.LEFT_BEFORE
    assert desk.dump() == before


def test_an_address_of_an_erased_reader_is_no_error(desk: ReadersDesk, act: Act) -> None:
    unknown = f"{RING.sign_local_part(Purpose.LEAVE_BY_MAIL, bytes(16))}@inbound.halyard.example"
    assert act(mail_to(unknown)).what is MailFor.LEFT_BEFORE


def test_a_mail_to_a_bounce_address_does_not_end_the_subscription(
    desk: ReadersDesk, act: Act
) -> None:
    period = desk.subscribe()
    local = RING.sign_local_part(Purpose.BOUNCE, period.token_id, 7)
    acted = act(mail_to("digest@halyard.example"), f"{local}@inbound.halyard.example")
    assert acted.what is MailFor.BOUNCE
    assert desk.rows(Subscription)[0].ended_at is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n\r\n",
        b"To: \xff\xfe\x00@\r\n\r\n",
        b"To: " + b"(" * 200_000 + b"\r\n\r\n",
        b"To: " + b"<" * 300_000,
        b"To: " + b"1mk1-a" * 100_000 + b"@x\r\n\r\n",
        b"To: robin@example.org\r\n" * 50_000,
    ],
    ids=["empty", "blank", "bytes", "comments", "brackets", "nearly", "many"],
)
def test_a_hostile_mail_is_for_nobody(desk: ReadersDesk, act: Act, content: bytes) -> None:
    desk.subscribe()
    before = desk.dump()
    assert act(content).what is MailFor.NOBODY
    assert desk.dump() == before


def test_the_body_is_not_looked_at(desk: ReadersDesk, act: Act) -> None:
    """A reply that quotes an address of ours is no wish to leave."""
    address = leaving_address(desk.subscribe())
    quoting = f"To: imara@halyard.example\r\n\r\n> To: {address}\r\nTo: {address}\r\n"
    assert act(quoting.encode()).what is MailFor.NOBODY


@pytest.mark.parametrize("field", ["Subject", "body"])
def test_of_a_reply_that_quotes_the_readers_own_links_nothing_is_kept(
    desk: ReadersDesk, act: Act, field: str
) -> None:
    """Whether it comes to the editor's address or to one of ours."""
    period = desk.subscribe()
    links = Links(RING, "https://mail.halyard.example", "inbound.halyard.example")
    quoted = f"{links.unsubscribe(period.token_id)} {links.preferences(period.token_id)}"
    before = desk.dump()
    for address in (
        leaving_address(period, Purpose.BOUNCE),
        leaving_address(period, Purpose.ECHO),
        "imara@halyard.example",
    ):
        more = f"Subject: Re: {quoted}\r\n" if field == "Subject" else ""
        reply = mail_to(address, more=more) + f"> {quoted}\r\n".encode()
        assert act(reply, address).what is not MailFor.LEFT
    assert desk.dump() == before


def test_a_token_of_another_purpose_does_not_leave(desk: ReadersDesk, act: Act) -> None:
    period = desk.subscribe()
    for purpose in set(Purpose) - {Purpose.LEAVE_BY_MAIL}:
        assert act(mail_to(leaving_address(period, purpose))).what is not MailFor.LEFT
    assert desk.rows(Subscription)[0].ended_at is None


def test_a_changed_address_does_not_leave(desk: ReadersDesk, act: Act) -> None:
    local, _, domain = leaving_address(desk.subscribe()).partition("@")
    for at in range(len(local)):
        other = "b" if local[at] == "a" else "a"
        forged = f"{local[:at]}{other}{local[at + 1 :]}@{domain}"
        assert act(mail_to(forged), forged).what is MailFor.NOBODY


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=st.binary(max_size=2000), recipients=st.lists(st.text(max_size=80), max_size=3))
def test_no_mail_whatever_breaks_it(act: Act, content: bytes, recipients: list[str]) -> None:
    assert act(b"To: " + content, *recipients).what is MailFor.NOBODY
