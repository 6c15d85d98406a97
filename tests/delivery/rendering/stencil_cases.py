"""A stencil with a slot in every kind of place, and what any message of it must hold to."""

import email
import re
from email import policy
from email.message import EmailMessage

from hypothesis import strategies as st

from digest.delivery.rendering.slots import Kind, Slot
from digest.delivery.rendering.stencil import HeaderValue, Mailbox, Stencil

ADDRESS = Slot("address", Kind.ADDRESS)
NAME = Slot("name")
SITE = Slot("signup_site")
LEAVE = Slot("unsubscribe_url", Kind.URL)
MAILTO = Slot("unsubscribe_mailto", Kind.URL)
MESSAGE_ID = Slot("message_id", Kind.MESSAGE_ID)
DATE = Slot("date", Kind.DATE)

HEADERS: list[tuple[str, HeaderValue]] = [
    ("From", Mailbox("Zoë from Halyard", "weekly@halyard.example")),
    ("To", Mailbox(NAME, ADDRESS)),
    ("Subject", f"{NAME}, the harbour — this week"),
    ("Date", DATE),
    ("Message-ID", f"<{MESSAGE_ID}>"),
    ("List-Unsubscribe", f"<{LEAVE}>, <{MAILTO}>"),
]
TEXT = f"""Dear {NAME},

Ahoy — the week in tar, rope and {NAME}s.
From the quay comes nothing.
.
{NAME}
{NAME}{SITE}
{LEAVE}
You signed up at {SITE} with {ADDRESS}. {LEAVE} ends it.
"""
HTML = f"""<!DOCTYPE html><html><head><title>For {NAME}</title></head>
<body><p title="{NAME} of {SITE}">Dear {NAME}, “ahoy”</p>
<img alt='{NAME}' src="https://halyard.example/a.png"><!--[if mso]> x <![endif]-->
<a href="{LEAVE}">leave</a> <a href='https://halyard.example/?from={NAME}&amp;to={LEAVE}'>x</a>
{LEAVE} {ADDRESS}</body></html>
"""
VALUES = {
    "address": "robin@example.org",
    "name": "Robin",
    "signup_site": "halyard.example",
    "unsubscribe_url": "https://news.halyard.example/unsubscribe/1.abc-DEF_ghi",
    "unsubscribe_mailto": "mailto:leave+abc@in.halyard.example?subject=unsubscribe",
    "message_id": "41.7.abcdef@halyard.example",
    "date": "Tue, 24 Nov 2026 07:00:00 +0000",
}
STENCIL = Stencil.build(headers=HEADERS, text=TEXT, html=HTML, required=[LEAVE])
STRICT = policy.SMTP.clone(raise_on_defect=True)


def marked(template: str) -> str:
    """A template with its markers; a parameter that held them would be named anew in each run."""
    for slot in (NAME, LEAVE, ADDRESS):
        template = template.replace(f"[{slot.name}]", str(slot))
    return template


def parsed(raw: bytes) -> EmailMessage:
    """The message, read by a policy that raises for every defect, and its headers without any."""
    message = email.message_from_bytes(raw, policy=STRICT)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert part.defects == []
        for header in part.values():
            assert header.defects == ()
    return message


def bodies(message: EmailMessage) -> list[tuple[str, str]]:
    """(type, content) of each part; their line ends are CRLF on the wire."""
    parts = [part for part in message.iter_parts() if isinstance(part, EmailMessage)]
    return [(p.get_content_type(), p.get_content().replace("\r\n", "\n")) for p in parts]


def assert_lawful(raw: bytes) -> None:
    """RFC 5321 and 5322 lines, RFC 2045 quoted-printable, nothing for a relay to change."""
    assert raw.isascii()
    assert raw.endswith(b"\r\n")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\0" not in raw
    head, _, body = raw.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        assert len(line) <= 998
        assert line.strip()
        assert len(line) <= 78 or b" " not in line.partition(b": ")[2].strip()
        assert len(line) <= 76 or b"=?utf-8?" not in line
    for line in body.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
        assert not re.search(rb"[ \t]=?\Z", line)


weird_text = st.one_of(
    st.text(st.characters(), max_size=120),
    st.text(st.characters(), min_size=200, max_size=400),
    st.text(
        st.sampled_from("ab .=\"\\<>&?_,@()'\t\r\n\0é—山😀\u202e\u2028\u0301\ud800"), max_size=90
    ),
    st.from_regex(r"=\?utf-8\?[qb]\?[A-Za-z=_]{0,9}\?=", fullmatch=True),
)
