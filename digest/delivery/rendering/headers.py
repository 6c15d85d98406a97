"""The header fields of an issue's message and of a notice, and the slots that both have."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from digest.delivery.rendering.slots import CHECKS, Kind, Slot, SlotValueError, StencilError
from digest.delivery.rendering.stencil import HeaderValue, Mailbox

ADDRESS: Final = Slot("address", Kind.ADDRESS)
NAME: Final = Slot("name")
SIGNUP_SITE: Final = Slot("signup_site")
SIGNUP_DATE: Final = Slot("signup_date")
UNSUBSCRIBE_URL: Final = Slot("unsubscribe_url", Kind.URL)
LEAVE_BY_MAIL: Final = Slot("leave_by_mail", Kind.LOCAL_PART)
# In stencils that are older than LEAVE_BY_MAIL: the whole URI, its domain not frozen.
UNSUBSCRIBE_MAILTO: Final = Slot("unsubscribe_mailto", Kind.URL)
PREFERENCES_URL: Final = Slot("preferences_url", Kind.URL)
MESSAGE_ID: Final = Slot("message_id", Kind.MESSAGE_ID)
DATE: Final = Slot("date", Kind.DATE)

_LIST_ID: Final = re.compile(r"(?=.{3,255}\Z)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What the headers of an issue say that is the same for all of its readers.

    Addresses are addr-specs with A-label domains, `archive_url` an absolute URL, `language` a tag
    of RFC 5646, `list_id_domain` a name under the publisher's control (RFC 2919 2).
    """

    subject: str
    newsletter_name: str
    newsletter_slug: str
    publication_slug: str
    issue_id: str
    from_name: str
    from_address: str
    reply_to: str | None
    archive_url: str
    list_id_domain: str
    language: str
    mail_domain: str | None
    """The inbound domain, if mail to it is known to arrive: for a mailto in List-Unsubscribe."""


def issue_headers(head: Letterhead) -> list[tuple[str, HeaderValue]]:
    """The fields of an issue in the order in which they are sent, for `Stencil.build`.

    Raises StencilError, naming the field of the letterhead, for what a header cannot carry.

    Precedence, which RFC 2076 3.9 discourages, is there for `vacation`: it heeds neither List-Id
    nor List-Unsubscribe, and would answer each issue. Left out on purpose: Auto-Submitted (RFC
    3834 5), because an issue is edited matter for a list, and not a message that a machine wrote;
    other responders keep silent at any List-Id (RFC 5230 4.6). Notices, which have none, are what
    that field is for.
    """
    _check(head)
    unsubscribe = f"<{UNSUBSCRIBE_URL}>"
    if head.mail_domain is not None:
        # https first: RFC 2369 2 has readers try them from left to right.
        unsubscribe += f", <mailto:{LEAVE_BY_MAIL}@{head.mail_domain}?subject=unsubscribe>"
    fields: list[tuple[str, HeaderValue]] = [
        ("From", Mailbox(head.from_name, head.from_address)),
        ("To", Mailbox(NAME, ADDRESS)),
        ("Subject", head.subject),
        ("Date", DATE),
        ("Message-ID", f"<{MESSAGE_ID}>"),
        ("List-Id", Mailbox(head.newsletter_name, _list_id(head))),
        ("List-Unsubscribe", unsubscribe),
        # RFC 8058 3.1, word for word; it needs exactly one https URI beside it.
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        # RFC 2369 3.4: nobody writes to the list, so no "Reply to List" is offered.
        ("List-Post", "NO"),
        ("List-Archive", f"<{head.archive_url}>"),
        ("Precedence", "bulk"),
        ("Feedback-ID", _feedback_id(head)),
        ("Content-Language", head.language),
    ]
    if head.reply_to is not None:
        fields.insert(1, ("Reply-To", Mailbox("", head.reply_to)))
    return fields


def notice_headers(
    subject: str, from_name: str, from_address: str, language: str
) -> list[tuple[str, HeaderValue]]:
    """The fields of a notice in the order in which they are sent, for `Stencil.build`.

    To has no name, which a stranger may have typed, and so no angle brackets.
    """
    return [
        ("From", Mailbox(from_name, from_address)),
        ("To", ADDRESS),
        ("Subject", subject),
        ("Date", DATE),
        ("Message-ID", f"<{MESSAGE_ID}>"),
        # RFC 3834 5: no vacation message should answer this.
        ("Auto-Submitted", "auto-generated"),
        ("Content-Language", language),
    ]


def _check(head: Letterhead) -> None:
    for name, kind, value in (
        ("from_address", Kind.ADDRESS, head.from_address),
        ("reply_to", Kind.ADDRESS, head.reply_to),
        ("archive_url", Kind.URL, head.archive_url),
    ):
        if value is None:
            continue
        try:
            CHECKS[kind](name, value)
        except SlotValueError as error:
            raise StencilError(f"the letterhead's {name} {error.reason}") from error
        if not value.isascii():
            raise StencilError(f"the letterhead's {name} is not ASCII")
    for name, pattern, value in (
        ("newsletter_slug and list_id_domain", _LIST_ID, _list_id(head)),
        ("newsletter_slug", _WORD, head.newsletter_slug),
        ("publication_slug", _WORD, head.publication_slug),
        ("issue_id", _WORD, head.issue_id),
        ("language", _LANGUAGE, head.language),
    ):
        if not pattern.fullmatch(value):
            raise StencilError(f"the letterhead's {name} cannot stand in a header: {value!r}")


def _list_id(head: Letterhead) -> str:
    return f"{head.newsletter_slug}.{head.list_id_domain}"


def _feedback_id(head: Letterhead) -> str:
    """Gmail's `a:b:SenderId`: no identifier twice, none that is one reader's.

    The SenderId has 5 to 15 characters and stays the same for all of a sender's mail
    (https://support.google.com/mail/answer/6254652).
    """
    sender = head.publication_slug
    if not 5 <= len(sender) <= 15:
        sender = f"{sender[:6]}-{hashlib.sha256(sender.encode()).hexdigest()[:8]}"
    return f"issue-{head.issue_id}:list-{head.newsletter_slug}:{sender}"
