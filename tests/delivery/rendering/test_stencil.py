"""A stencil's messages are those that the email package makes, byte rules included."""

import email
import html
import re
import textwrap
import urllib.parse
from collections.abc import Mapping
from email import policy
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.delivery.rendering.slots import Kind, Slot, StencilError, clean_text
from digest.delivery.rendering.stencil import HeaderValue, Mailbox, Stencil
from tests.delivery.rendering.stencil_cases import (
    ADDRESS,
    HEADERS,
    HTML,
    LEAVE,
    MAILTO,
    NAME,
    SITE,
    STENCIL,
    TEXT,
    VALUES,
    assert_lawful,
    bodies,
    marked,
    parsed,
    weird_text,
)


def shown(slot: Slot, values: Mapping[str, str]) -> str:
    value = values[slot.name]
    return clean_text(value) if slot.kind is Kind.TEXT else value


def rendered_text(values: Mapping[str, str]) -> str:
    text = TEXT
    for slot in (ADDRESS, NAME, SITE, LEAVE):
        text = text.replace(str(slot), shown(slot, values))
    return text


def rendered_html(values: Mapping[str, str]) -> str:
    page = HTML
    for slot in (NAME, LEAVE):
        part = urllib.parse.quote(shown(slot, values), safe="@")
        page = re.sub(f"(?<=from=){slot}|(?<=to=){slot}", part, page)
    for slot in (ADDRESS, NAME, SITE, LEAVE):
        page = page.replace(str(slot), html.escape(shown(slot, values)))
    return page


def by_the_email_package(values: Mapping[str, str]) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = Address("Zoë from Halyard", addr_spec="weekly@halyard.example")
    message["To"] = Address(clean_text(values["name"]), addr_spec=values["address"])
    message["Subject"] = clean_text(f"{clean_text(values['name'])}, the harbour — this week")
    message["Date"] = values["date"]
    message["Message-ID"] = f"<{values['message_id']}>"
    message["List-Unsubscribe"] = f"<{values['unsubscribe_url']}>, <{values['unsubscribe_mailto']}>"
    message.set_content(rendered_text(values), cte="quoted-printable")
    message.add_alternative(rendered_html(values), subtype="html", cte="quoted-printable")
    return message


urls = st.from_regex(r"https://[a-z]{1,9}\.example/[A-Za-z0-9._~=&'%/-]{0,300}", fullmatch=True)
addresses = st.from_regex(
    r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]{1,40}(\.[a-z]{1,9})?@([a-z]{1,40}\.){1,3}example", fullmatch=True
)


@given(name=weird_text, site=weird_text, url=urls, address=addresses)
@example(name="", site="", url="https://a.example/", address="a@b.example")
@example(name="From ", site=".", url="https://a.example/" + "." * 280, address="a@b.example")
@example(name="x" * 10_000, site="é" * 10_000, url="https://a.example/", address="a@b.example")
@example(name="0 \xa0", site="", url="https://a.example/", address="a@b.example")
@example(name="a " * 80, site=" ", url="https://a.example/" + "=" * 200, address="a@b.example")
@settings(max_examples=150, deadline=None)
def test_any_message_is_the_one_that_the_email_package_makes(
    name: str, site: str, url: str, address: str
) -> None:
    values = VALUES | {"name": name, "signup_site": site, "unsubscribe_url": url}
    values["address"] = address
    raw = STENCIL.fill(values)
    assert_lawful(raw)

    ours = parsed(raw)
    model = by_the_email_package(values)
    assert bodies(ours) == bodies(model)
    assert ours.get_content_type() == "multipart/alternative"
    assert [p.get_content_charset() for p in ours.iter_parts()] == ["utf-8", "utf-8"]
    for header in ("From", "Date", "Message-ID", "List-Unsubscribe"):
        assert str(ours[header]) == str(model[header])
    assert str(ours["Subject"]) == clean_text(f"{clean_text(name)}, the harbour — this week")
    if "=?" not in name:  # The package would decode a name that looks like an encoded-word.
        assert str(ours["Subject"]) == str(model["Subject"])

    # Python 3.11 puts a space between the encoded-words of one phrase (gh-128110); its older
    # parser does not.
    display_name, encoded_address = parseaddr(email.message_from_bytes(raw)["To"])
    assert encoded_address == values["address"]
    assert str(make_header(decode_header(display_name))) == clean_text(name)
    assert ours["To"].addresses[0].addr_spec == values["address"]
    if raw.partition(b"\r\nSubject")[0].count(b"=?utf-8?") <= 2:
        # Nor does it keep a no-break space at the end of an encoded-word.
        named, modelled = (each["To"].addresses[0].display_name for each in (ours, model))
        assert named.split() == modelled.split() == clean_text(name).split()


@pytest.mark.parametrize("length", range(60, 90))
@pytest.mark.parametrize("ending", ["", " ", "\t", ".", "é", " \n.", "\nFrom x"])
def test_static_lines_of_every_length_are_kept(length: int, ending: str) -> None:
    text = f"{'x' * length}{ending}{NAME} {'y ' * length}{ending}\n{NAME}{'z' * length}{ending}"
    stencil = Stencil.build(headers=[], text=text, html=text)
    for name in ("", "Robin", "z" * length, "=" * length):
        raw = stencil.fill({"name": name})
        assert_lawful(raw)
        assert bodies(parsed(raw))[0][1] == text.replace(str(NAME), name) + "\n"


@pytest.mark.parametrize("length", range(60, 80))
def test_values_of_every_length_are_kept(length: int) -> None:
    stencil = Stencil.build(headers=[("To", Mailbox(NAME, ADDRESS))], text=f"{NAME}", html="x")
    for name in ("x" * length, "é" * length, "ab." * length, f"{'a' * length} b", '"' * length):
        raw = stencil.fill({"name": name, "address": "robin@example.org"})
        assert_lawful(raw)
        assert bodies(parsed(raw))[0][1] == f"{name}\n"
        display_name, _ = parseaddr(email.message_from_bytes(raw)["To"])
        assert str(make_header(decode_header(display_name))) == name


@pytest.mark.parametrize("name", ["From the desk", ".", ".a", "x" * 75 + "From a", "x" * 75 + "."])
def test_no_line_begins_as_relays_would_change_it(name: str) -> None:
    assert_lawful(STENCIL.fill(VALUES | {"name": name}))
    long = VALUES | {"unsubscribe_url": "https://a.example/" + "." * 200}
    assert_lawful(STENCIL.fill(long))


def test_the_message_reads_well_on_the_wire() -> None:
    headers: list[tuple[str, HeaderValue]] = [
        ("From", Mailbox("Halyard", "weekly@halyard.example")),
        ("To", Mailbox(NAME, ADDRESS)),
        ("Subject", "The week in rope"),
        ("List-Unsubscribe", f"<{LEAVE}>, <{MAILTO}>"),
    ]
    stencil = Stencil.build(
        headers=headers, text=f"Dear {NAME},\n{LEAVE}\n", html=f'<a href="{LEAVE}">x</a>'
    )
    raw = stencil.fill(VALUES).decode()
    boundary = re.findall('boundary="(.*)"', raw)[0]
    assert re.fullmatch("=_[0-9a-f]{32}", boundary)
    expected = f"""\
        From: Halyard <weekly@halyard.example>
        To: Robin <robin@example.org>
        Subject: The week in rope
        List-Unsubscribe: <https://news.halyard.example/unsubscribe/1.abc-DEF_ghi>,
         <mailto:leave+abc@in.halyard.example?subject=unsubscribe>
        MIME-Version: 1.0
        Content-Type: multipart/alternative;
         boundary="{boundary}"

        --{boundary}
        Content-Type: text/plain; charset="utf-8"
        Content-Transfer-Encoding: quoted-printable

        Dear=20=
        Robin=
        ,
        https://news.halyard.example/unsubscribe/1.abc-DEF_ghi

        --{boundary}
        Content-Type: text/html; charset="utf-8"
        Content-Transfer-Encoding: quoted-printable

        <a href=3D"=
        https://news.halyard.example/unsubscribe/1.abc-DEF_ghi=
        ">x</a>

        --{boundary}--
        """
    assert raw == textwrap.dedent(expected).replace("\n", "\r\n")


def test_the_same_content_gives_the_same_bytes_and_other_content_another_boundary() -> None:
    again = Stencil.build(headers=HEADERS, text=TEXT, html=HTML)
    other = Stencil.build(headers=HEADERS, text=TEXT, html=HTML + "!")
    assert again.fill(VALUES) == STENCIL.fill(VALUES)
    pattern = re.compile(b'boundary="(.*)"')
    assert pattern.findall(other.fill(VALUES)) != pattern.findall(STENCIL.fill(VALUES))


def test_line_ends_controls_and_surrogates_of_a_rendered_body_are_tidied() -> None:
    stencil = Stencil.build(headers=[], text="a\r\nb\rc\0\x0bd\ud800\te", html="<p>\r\n\x1f</p>")
    assert bodies(parsed(stencil.fill({}))) == [
        ("text/plain", "a\nb\ncd\ufffd\te\n"),
        ("text/html", "<p>\n</p>\n"),
    ]


class TestHeaders:
    @pytest.mark.parametrize(
        ("name", "line"),
        [
            ("", "To: <robin@example.org>"),
            ("Robin Fisher", "To: Robin Fisher <robin@example.org>"),
            ("Fisher, R. (Jr)", 'To: "Fisher, R. (Jr)" <robin@example.org>'),
            ("R. Fisher", 'To: "R. Fisher" <robin@example.org>'),
            ("Fisher, R", 'To: "Fisher, R" <robin@example.org>'),
            ('R "Bo" \\', 'To: "R \\"Bo\\" \\\\" <robin@example.org>'),
            ("Zoë", "To: =?utf-8?q?Zo=C3=AB?= <robin@example.org>"),
            ("山田", "To: =?utf-8?b?5bGx55Sw?= <robin@example.org>"),
            ("=?utf-8?q?x?=", "To: =?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <robin@example.org>"),
            ("x" * 60, f"To: {'x' * 60}\r\n <robin@example.org>"),
            ("a\r\nBcc: b@c.example", 'To: "a Bcc: b@c.example" <robin@example.org>'),
        ],
    )
    def test_a_display_name_is_written_as_rfc_5322_wants(self, name: str, line: str) -> None:
        stencil = Stencil.build(headers=[("To", Mailbox(NAME, ADDRESS))], text="x", html="x")
        raw = stencil.fill({"name": name, "address": "robin@example.org"}).decode()
        assert raw.partition("\r\nMIME-Version")[0] == line
        assert parsed(raw.encode())["To"].addresses[0].display_name == clean_text(name)

    def test_long_encoded_words_are_split_between_characters(self) -> None:
        stencil = Stencil.build(headers=[("Subject", f"{NAME}")], text="x", html="x")
        name = "a" + "😀é" * 60
        raw = stencil.fill({"name": name})
        assert_lawful(raw)
        encoded = re.findall(rb"=\?utf-8\?b\?\S+\?=", raw)
        assert len(encoded) > 3
        assert "".join(decode_header(e.decode())[0][0].decode() for e in encoded) == name

    def test_a_long_subject_is_folded_at_its_spaces(self) -> None:
        subject = "rope " * 40 + "x" * 30
        stencil = Stencil.build(headers=[("Subject", subject)], text="x", html="x")
        raw = stencil.fill({})
        assert_lawful(raw)
        assert b"=?" not in raw
        assert parsed(raw)["Subject"] == subject

    @pytest.mark.parametrize("subject", ["=?utf-8?q?x?=", "a =?utf-8?q?x?= b", "x" * 70, "x" * 200])
    def test_a_subject_that_cannot_be_folded_or_looks_encoded_is_encoded(
        self, subject: str
    ) -> None:
        stencil = Stencil.build(headers=[("Subject", f"{NAME}")], text="x", html="x")
        raw = stencil.fill({"name": subject})
        assert_lawful(raw)
        assert raw.startswith(b"Subject: =?utf-8?")
        assert parsed(raw)["Subject"] == subject

    def test_an_unfoldable_header_stays_beside_its_name(self) -> None:
        long = f"<https://a.example/{'x' * 80}>"
        stencil = Stencil.build(headers=[("List-Archive", f"{long} (b)")], text="x", html="x")
        assert stencil.fill({}).startswith(f"List-Archive: {long}\r\n (b)\r\n".encode())

    def test_a_folded_header_has_no_empty_line(self) -> None:
        value = "x" * 70 + " " * 90 + "y" * 77
        raw = Stencil.build(headers=[("X-A", value)], text="x", html="x").fill({})
        assert raw.startswith(f"X-A: {'x' * 70}\r\n {'y' * 77}\r\n".encode())

    def test_a_mailbox_may_have_words_around_its_name(self) -> None:
        headers = [("To", Mailbox(f"Captain {NAME}", ADDRESS)), ("Cc", Mailbox("", ADDRESS))]
        stencil = Stencil.build(headers=headers, text="x", html="x")
        message = parsed(stencil.fill(VALUES))
        assert str(message["To"]) == "Captain Robin <robin@example.org>"
        assert message["Cc"].addresses[0].display_name == ""

    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("X-A", "a [name]"),
            ("X-A", "é"),
            ("X-A", "a\r\nBcc: b"),
            ("X-A", " a"),
            ("X-A", ""),
            ("X-A", "x" * 999),
            ("X-A", "[unsubscribe_url] [unsubscribe_url]"),
            ("X-A", "x" * 99 + "[unsubscribe_url]"),
            ("X-A", Mailbox("x", "é@a.example")),
            ("X-A", Mailbox("x", "a b@a.example")),
            ("X-A", Mailbox("[name]", "a@a.example")),
            ("X-A", Mailbox("x", "[name]")),
            ("X-A", Mailbox("x", "[address]x")),
            ("X A", "x"),
            ("X-A:", "x"),
            ("X-A\r\nBcc", "x"),
            ("content-type", "text/plain"),
            ("MIME-Version", "1.0"),
        ],
    )
    def test_a_header_that_cannot_be_written_is_an_error(
        self, header: str, value: HeaderValue
    ) -> None:
        if isinstance(value, Mailbox):
            value = Mailbox(marked(str(value.name)), marked(str(value.inside)))
        else:
            value = marked(str(value))
        with pytest.raises(StencilError, match="header"):
            Stencil.build(headers=[(header, value)], text="x", html="x")

    def test_a_header_is_given_once(self) -> None:
        with pytest.raises(StencilError, match="to"):
            Stencil.build(headers=[("To", "a@b.example"), ("to", "x")], text="x", html="x")

    def test_addresses_of_a_legacy_reader_agree(self) -> None:
        raw = STENCIL.fill(VALUES | {"name": 'Fisher, "Bo" <x@y.example>'})
        to = email.message_from_bytes(raw)["To"]
        assert getaddresses([to]) == [('Fisher, "Bo" <x@y.example>', "robin@example.org")]
