"""The header fields of an issue, as the RFCs and the big mailbox providers ask for them."""

import email
import re
from dataclasses import replace
from email import policy
from email.message import EmailMessage

import pytest

from digest.delivery.rendering.headers import (
    PREFERENCES_URL,
    SIGNUP_DATE,
    SIGNUP_SITE,
    UNSUBSCRIBE_URL,
    Letterhead,
    issue_headers,
)
from digest.delivery.rendering.slots import StencilError
from digest.delivery.rendering.stencil import Stencil

HEAD = Letterhead(
    subject="The week in rope: hulls, tar & “harbours”",
    newsletter_name="Halyard Weekly",
    newsletter_slug="weekly",
    publication_slug="halyard",
    issue_id="41",
    from_name="Zoë at Halyard",
    from_address="weekly@halyard.example",
    reply_to="desk@halyard.example",
    archive_url="https://halyard.example/issues/weekly/",
    list_id_domain="lists.halyard.example",
    language="en-GB",
    mail_domain="in.halyard.example",
)
VALUES = {
    "address": "robin@example.org",
    "name": "Robin",
    "signup_site": "halyard.example",
    "signup_date": "3 March 2026",
    "unsubscribe_url": "https://news.halyard.example/unsubscribe/1.abc",
    "leave_by_mail": "1mk1-abc",
    "preferences_url": "https://news.halyard.example/preferences/1.abc",
    "message_id": "41.7.abcdef@halyard.example",
    "date": "Tue, 24 Nov 2026 07:00:00 +0000",
}


def message_of(head: Letterhead) -> EmailMessage:
    body = f"{SIGNUP_SITE} {SIGNUP_DATE} {UNSUBSCRIBE_URL} {PREFERENCES_URL}"
    stencil = Stencil.build(
        headers=issue_headers(head),
        text=body,
        html=body,
        required=[UNSUBSCRIBE_URL, PREFERENCES_URL],
    )
    strict = policy.SMTP.clone(raise_on_defect=True)
    message = email.message_from_bytes(stencil.fill(VALUES), policy=strict)
    assert isinstance(message, EmailMessage)
    for value in message.values():
        assert value.defects == ()
    return message


def test_an_issue_says_who_it_is_from_and_how_to_leave() -> None:
    assert [(name, str(value)) for name, value in message_of(HEAD).items()][:-1] == [
        ("From", "Zoë at Halyard <weekly@halyard.example>"),
        ("Reply-To", "desk@halyard.example"),
        ("To", "Robin <robin@example.org>"),
        ("Subject", "The week in rope: hulls, tar & “harbours”"),
        ("Date", "Tue, 24 Nov 2026 07:00:00 +0000"),
        ("Message-ID", "<41.7.abcdef@halyard.example>"),
        ("List-Id", "Halyard Weekly <weekly.lists.halyard.example>"),
        (
            "List-Unsubscribe",
            "<https://news.halyard.example/unsubscribe/1.abc>,"
            " <mailto:1mk1-abc@in.halyard.example?subject=unsubscribe>",
        ),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Post", "NO"),
        ("List-Archive", "<https://halyard.example/issues/weekly/>"),
        ("Precedence", "bulk"),
        ("Feedback-ID", "issue-41:list-weekly:halyard"),
        ("Content-Language", "en-GB"),
        ("MIME-Version", "1.0"),
    ]


def test_without_an_inbound_domain_there_is_no_mailto() -> None:
    message = message_of(replace(HEAD, mail_domain=None))
    assert message["List-Unsubscribe"] == "<https://news.halyard.example/unsubscribe/1.abc>"


def test_without_a_reply_address_there_is_no_reply_to() -> None:
    assert "Reply-To" not in message_of(replace(HEAD, reply_to=None))


def test_an_issue_is_bulk_to_responders_that_know_no_list_and_no_machine_wrote_it() -> None:
    message = message_of(HEAD)
    assert "Auto-Submitted" not in message
    assert message["Precedence"] == "bulk"


def test_nobody_is_offered_to_reply_to_the_list() -> None:
    assert message_of(HEAD)["List-Post"] == "NO"


def test_a_list_id_may_have_a_name_in_any_script() -> None:
    message = message_of(replace(HEAD, newsletter_name="Küstenblatt, täglich"))
    assert message["List-Id"] == "Küstenblatt, täglich <weekly.lists.halyard.example>"


@pytest.mark.parametrize("slug", ["ab", "halyard", "a" * 15, "a" * 16, "a" * 17, "a" * 64])
def test_a_feedback_sender_id_has_5_to_15_characters_and_is_the_publications_own(slug: str) -> None:
    def sender(of: str) -> str:
        identifiers = message_of(replace(HEAD, publication_slug=of))["Feedback-ID"].split(":")
        assert len(set(identifiers)) == len(identifiers) == 3
        return str(identifiers[-1])

    assert re.fullmatch(r"[A-Za-z0-9_-]{5,15}", sender(slug))
    assert sender(slug) != sender(slug[:-1] + "z")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("from_address", "weekly"),
        ("from_address", "zoë@halyard.example"),
        ("from_address", "weekly@halyard.example>\r\nBcc: <x@y.example"),
        ("reply_to", ""),
        ("archive_url", "/issues/"),
        ("archive_url", "https://halyard.example/>"),
        ("newsletter_slug", "a:b"),
        ("newsletter_slug", ""),
        ("publication_slug", "a b"),
        ("issue_id", "4:1"),
        ("list_id_domain", "lists halyard"),
        ("list_id_domain", "a" * 255),
        ("language", "en\r\nBcc: x"),
        ("language", ""),
    ],
)
def test_what_a_header_cannot_carry_is_named(field: str, value: str) -> None:
    with pytest.raises(StencilError, match=field):
        issue_headers(replace(HEAD, **{field: value}))
