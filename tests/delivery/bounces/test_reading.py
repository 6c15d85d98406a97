"""Every form in which mail comes back, and what only looks like it."""

import base64
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.delivery.bounces.delivery_status import RecipientStatus, read_report
from digest.delivery.bounces.reading import Mail, read_mail
from tests.delivery.bounces.reports import (
    COMPLAINT,
    OLD_EXIM,
    ORIGINAL,
    QMAIL,
    READER,
    group,
    plain,
    report,
)

SAID = "Diagnostic-Code: smtp; 550 5.7.1 not wanted here\n"
CASES = {
    "as the standard has it": (report(group()), "5.1.1", True),
    "given up after class 4": (report(group(status="4.2.2")), "4.2.2", True),
    "a blank line too many": (report(group(), between="\n\n"), "5.1.1", True),
    "a line of blanks between": (report(group(), between=" \t\n \n"), "5.1.1", True),
    "blank before the colon": (report(group().replace(":", " :")), "5.1.1", True),
    "comment after the action": (report(group(action="failed (it is over)")), "5.1.1", True),
    "comment before the action": (report(group(action="(over) Failed")), "5.1.1", True),
    "no Status": (report(group(more=SAID).replace("Status: 5.1.1\n", "")), "5.7.1", True),
    "Status says nothing": (report(group(status="5.0.0", more=SAID)), "5.7.1", True),
    "diagnostic says nothing": (
        report(group(status="5.0.0", more="Diagnostic-Code: smtp; 550 5.0.0 no\n")), "5.0.0", True
    ),
    "Status says more": (report(group(status="5.1.1", more=SAID)), "5.1.1", True),
    "comment after the status": (report(group(status="5.1.1 (no such mailbox)")), "5.1.1", True),
    "base64": (report(group(), encoding="base64"), "5.1.1", True),
    "base64 in upper case": (
        report(group(), encoding="base64").replace(b": base64", b": BASE64 "), "5.1.1", True
    ),
    "quoted-printable": (
        report(group(status="5=2E1.1"), encoding="quoted-printable"), "5.1.1", True
    ),
    "a step before the code": (
        report(group(status="5.0.0", more="Diagnostic-Code: smtp; MAIL+RCPT 550 5.1.1 none\n")),
        "5.1.1", True,
    ),
    "a diagnostic without its type": (
        report(group(status="5.0.0", more="Diagnostic-Code: 550-5.1.1 none\n")), "5.1.1", True
    ),
    "multipart/mixed": (report(group(), outer="multipart/mixed"), "5.1.1", True),
    "delayed, and given up": (
        report(group(action="delayed", status="4.4.7"), words="Envelope expired"), "4.4.7", True
    ),
    "delayed, and tried again": (
        report(
            group(action="delayed", status="4.4.7", more="Will-Retry-Until: Sun, 6 Dec 2026\n"),
            words="Envelope expired",
        ), "4.4.7", False,
    ),
    "delayed": (report(group(action="delayed", status="4.4.7")), "4.4.7", False),
    "the returned mail says expired": (
        report(group(action="delayed", status="4.4.7"), original="\nEnvelope expired"),
        "4.4.7", False,
    ),
    "cut off in the returned mail": (report(group()).partition(b"Editor")[0], "5.1.1", True),
    "cut off behind the status": (report(group()).partition(b"5.1.1")[0] + b"5.1.1", "5.1.1", True),
    "of an unknown charset": (
        report(group()).replace(b"text/plain", b"text/plain; charset=klingon-1"),
        "5.1.1", True,
    ),
}  # fmt: skip


def only(content: bytes) -> RecipientStatus:
    mail, found = read_mail(content)
    assert mail is Mail.REPORT
    [status] = found
    return status


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("name", CASES)
def test_a_report_is_read_in_each_form(name: str, newline: bytes) -> None:
    content, enhanced, given_up = CASES[name]
    found = only(content.replace(b"\n", newline))
    assert (found.enhanced, found.given_up) == (enhanced, given_up)
    assert found.addresses == {READER}


def test_lines_that_go_on_without_being_folded_belong_to_the_field_before() -> None:
    more = "Diagnostic-Code: smtp; 550-5.1.1 <a@example.org>: there is\nnobody here: look\nhttps://help.example.net/5\n"
    found = only(report(group(status="5.0.0", more=more + "X-Queue: 7\nRemote-MTA: dns; a\n")))
    assert (found.code, found.enhanced) == (550, "5.1.1")
    assert found.words == "<a@example.org>: there is nobody here: look https://help.example.net/5"


@pytest.mark.parametrize("address", ["zo\u00eb@example.org", r"zo\x{EB}@example.org"])
def test_an_internationalised_report_names_its_reader(address: str) -> None:
    groups = group().replace("rfc822; " + READER, "utf-8; " + address)
    kind = "message/global-delivery-status"
    assert "zo\u00eb@example.org" in only(report(groups, kind=kind)).addresses


@pytest.mark.parametrize("latin", [b"\xe9t\xe9", b"\xff\xfe"])
def test_a_wrong_charset_spoils_no_more_than_its_words(latin: bytes) -> None:
    content = report(group(more="Diagnostic-Code: smtp; 550 5.1.1 <here>\n"))
    found = only(content.replace(b"<here>", latin))
    assert (found.enhanced, "\ufffd" in found.words) == ("5.1.1", True)


def test_of_several_recipients_each_is_read() -> None:
    _, found = read_mail(report(group(), group("b@example.org", "delayed", "4.4.1")))
    assert [(each.action, each.enhanced) for each in found] == [
        ("failed", "5.1.1"),
        ("delayed", "4.4.1"),
    ]


def test_a_report_in_a_forwarded_mail_is_read_and_what_came_back_is_not() -> None:
    inner = report(group(status="5.2.2")).decode()
    forwarded = f"Content-Type: multipart/mixed; boundary=o\n\n--o\n{inner}\n--o--\n".encode()
    assert only(forwarded).enhanced == "5.2.2"
    returned = forwarded.replace(b"--o\n", b"--o\nContent-Type: message/rfc822\n\n", 1)
    assert read_report(returned) is None


@pytest.mark.parametrize("content", [QMAIL, OLD_EXIM], ids=["qmail", "old Exim"])
def test_old_forms_are_told_by_the_address_that_they_name(content: bytes) -> None:
    assert read_mail(content) == (Mail.OLD_FORM, [])


def test_the_null_sender_alone_makes_a_mail_one_that_came_back() -> None:
    said = plain("It did not work out.", "Subject: Returned\n")
    assert read_mail(said)[0] is Mail.OLD_FORM
    assert read_mail(plain("It did not work out.", sender="<a@example.org>"))[0] is Mail.OTHER


def test_a_complaint_is_no_bounce() -> None:
    assert read_mail(COMPLAINT) == (Mail.COMPLAINT, [])
    for kind in (b"Fraud", b"FRAUD ; a=b"):
        assert read_mail(COMPLAINT.replace(b"abuse", kind)) == (Mail.COMPLAINT, [])


def test_what_the_mail_around_it_says_is_no_complaint() -> None:
    mail = COMPLAINT.replace(b"Feedback-Type: abuse", b"Feedback-Type:\n not-spam")
    for place in (b"Somebody pressed", b"hello"):
        assert read_mail(mail.replace(place, b"Feedback-Type: abuse\n" + place))[0] is Mail.OTHER
    coded = COMPLAINT.replace(
        b"message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: Loop/1\nVersion: 1\n",
        b"message/feedback-report\nContent-Transfer-Encoding: base64\n\n"
        + base64.b64encode(b"User-Agent: Loop/1\nFeedback-Type: abuse\n")
        + b"\n",
    )
    assert coded != COMPLAINT
    assert read_mail(coded)[0] is Mail.COMPLAINT


def test_what_the_library_stumbles_over_is_not_logged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_mail(b"Subject: hello robin@example.org\n\nx\n") == (Mail.OTHER, [])
    assert (caplog.text, capsys.readouterr().err) == ("", "")


def test_a_receipt_is_no_report() -> None:
    receipt = COMPLAINT.replace(b"feedback-report;", b"disposition-notification;")
    assert read_mail(receipt) == (Mail.OTHER, [])


def test_a_type_of_many_parameters_is_not_read() -> None:
    long = b'multipart/report; report-type=delivery-status; boundary="f"; x="' + b";" * 2000
    mail = COMPLAINT.replace(b'multipart/report; report-type=feedback-report; boundary="f"', long)
    assert read_mail(mail) == (Mail.OTHER, [])


@pytest.mark.parametrize("kind", [b"not-spam", b"virus", b"other", b"", b"abuses"])
def test_other_feedback_is_no_complaint(kind: bytes) -> None:
    assert read_mail(COMPLAINT.replace(b"abuse", kind)) == (Mail.OTHER, [])


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied\n",
        "Auto-Submitted: auto-replied; owner-email=a@example.org\n",
        "Auto-Submitted: Auto-Replied (away)\n",
        "Precedence: auto_reply\n",
        "X-Autoreply: yes\n",
        "Subject: Away from my mail\n",
        "Subject: Out of the office: Editor's Digest\n",
        "Subject: Automatic reply: Editor's Digest\n",
        "Subject: Re: I am out of office\n",
        "Subject: Abwesenheitsnotiz\n",
        "Subject: =?utf-8?q?R=C3=A9ponse_automatique?=\n",
        "Subject: Risposta automatica\n",
        "Subject: Respuesta =?iso-8859-1?q?autom=E1tica?=\n",
        "Subject: Resposta autom\u00e1tica\n",
        "Subject: Automatisch antwoord\n",
    ],
)
@pytest.mark.parametrize("sender", ["<>", "<robin@example.org>"])
def test_answers_of_machines_are_told_by_what_they_say(header: str, sender: str) -> None:
    assert read_mail(plain("Back on Monday.", header, sender))[0] is Mail.AUTO_REPLY


def test_the_subject_of_what_came_back_makes_no_answer_of_its_report() -> None:
    header = "Subject: Undelivered: Out of office, and other absences\n"
    assert read_mail(plain("It did not work out.", header))[0] is Mail.OLD_FORM


def test_the_answer_of_a_person_is_none_of_these() -> None:
    header = "Subject: Re: Editor's Digest\n"
    assert read_mail(plain("I liked it.", header, "<robin@example.org>"))[0] is Mail.OTHER


def test_of_a_report_of_fifty_megabytes_the_beginning_is_read() -> None:
    content = report(group(), original=ORIGINAL + "all of it once more\n" * 2_600_000)
    assert len(content) > 50_000_000
    tracemalloc.start()
    try:
        assert only(content).enhanced == "5.1.1"
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("nested", [1_000, 20_000])
def test_one_that_is_deeply_nested_is_not_followed(nested: int) -> None:
    content = b"Return-Path: <>\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(nested)
    )
    assert read_mail(content) == (Mail.OLD_FORM, [])


LINES = [
    *report(group(more=SAID)).decode().splitlines(),
    *QMAIL.decode().splitlines(),
    *COMPLAINT.decode().splitlines(),
    "Content-Transfer-Encoding: base64", "Subject: =?x?b?\udcff?=", "Action : (", "Status: 5.",
    "\x00",
    "Content-Type: multipart/report; boundary*=klingon''%ff", "Precedence:", "--=_1", " ", "",
    r"Final-Recipient: utf-8; \x{FFFFFF}@example.org", "Diagnostic-Code: smtp; 999 9.9.9",
]  # fmt: skip


@given(st.lists(st.sampled_from(LINES), max_size=60), st.sampled_from(["\n", "\r\n", "\r"]))
@settings(max_examples=150, deadline=None)
def test_no_arrangement_of_their_lines_upsets_it(lines: list[str], newline: str) -> None:
    mail, found = read_mail(newline.join(lines).encode("utf-8", "surrogateescape"))
    assert not found or mail is Mail.REPORT
    for each in found:
        each.text("abc")


@given(st.binary(max_size=300), st.integers(0, 600))
@settings(max_examples=150, deadline=None)
def test_nor_do_bytes_in_the_midst_of_a_report(noise: bytes, at: int) -> None:
    content = report(group(more=SAID))
    read_mail(content[:at] + noise + content[at:])


@pytest.mark.parametrize(
    "content",
    [
        b"Return-Path: <>\n\n" + b"<a@" * 400_000,
        b"Return-Path: <>\n\n" + b"The following address\n" * 50_000,
        b"Subject: " + b"=?x?q?" * 200_000,
        report(group(action="(" * 400_000)),
        report(group(status="5.1.1", more="Diagnostic-Code: smtp; " + "A+" * 400_000)),
        report("\n \t" * 300_000),
        report(group() * 1_000),
        report(group(), encoding="base64")[:-200] + b"A=" * 400_000,
    ],
    ids=["angles", "lines", "subject", "comments", "steps", "blank", "groups", "base64"],
)
def test_what_never_ends_is_read_so_far_and_no_further(content: bytes) -> None:
    # What grew with the square of its length would be waited for.
    assert len(read_mail(content)[1]) <= 50
