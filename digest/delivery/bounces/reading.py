"""What a mail to a bounce address is: a report, a complaint, a machine's answer, or none of these.

A report with a part for machines is one whatever else it says (RFC 3464). A complaint is told by
its type (RFC 5965 2). All others are told by signs: of failure, where flufl.bounce, which knows the
old forms, names an address that failed, or where it came from the null sender (RFC 5321 4.5.5) or
says that it is a report; of an answer, by RFC 3834 5 and by the words that such mails begin with,
as plain `vacation` marks them by nothing else.
"""

import enum
import logging
import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.policy import compat32

from digest.delivery.bounces.delivery_status import (
    MALFORMED,
    RecipientStatus,
    feedback_type,
    header_of,
    read_report,
)

# Of a mail in an old form so much is looked at: what it says stands before what it returns.
LONGEST_OLD_FORM = 32 * 1024
# The standard library takes nested parts apart in time that grows with the square of their depth.
MOST_BOUNDARIES = 8
LONGEST_SUBJECT = 200
FLUFLS_LOG = "flufl.bounce"

# RFC 5965 7.3. The others, "not-spam" (RFC 6430) among them, are no reader's complaint.
COMPLAINTS = ("abuse", "fraud")

# At the beginning: the subject of a mail that came back may stand in that of its report.
_ANSWERED = re.compile(
    r"\W*(?:(?:re|aw|sv|rv|tr)\s*:\s*)*(?:i am|i['’]m|ich bin|je suis|sono|estoy|estou|ik ben)?\s*"
    r"(out of (the )?office|auto(matic|mated)?[ -]?(reply|response|answer)|(on )?vacation|"
    r"away|on (leave|holiday)|abwesen(d|heit\w*)|automatische antwort|"
    r"absente?|absence|r[ée]ponse automatique|risposta automatica|fuori sede|"
    r"respuesta autom[áa]tica|fuera de la oficina|ausente|resposta autom[áa]tica|"
    r"afwezig\w*|automatisch antwoord)\b",
    re.IGNORECASE,
)
# Before RFC 3834, and beside it.
_ANSWERS = ("X-Autoreply", "X-Autorespond", "X-Vacation")


class Mail(enum.Enum):
    """What a mail to a bounce address turned out to be."""

    REPORT = "report"
    OLD_FORM = "old form"
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto-reply"
    OTHER = "other"


def read_mail(content: bytes) -> tuple[Mail, list[RecipientStatus]]:
    """Tell what a mail is, and what it says of each recipient, where it is a readable report.

    Never raises, whatever it is given; the time and memory that it takes are bounded.
    """
    recipients = read_report(content)
    if recipients is not None:
        return Mail.REPORT, recipients
    try:
        return _told_by_signs(header_of(content), content), []
    except MALFORMED:
        return Mail.OTHER, []


def _told_by_signs(header: Message, content: bytes) -> Mail:
    is_report = header.get_content_type() == "multipart/report"
    about = str(header.get_param("report-type") or "").lower() if is_report else ""
    if about == "feedback-report":
        return Mail.COMPLAINT if feedback_type(content) in COMPLAINTS else Mail.OTHER
    # A receipt, say, of a person who has read it (RFC 8098).
    if about not in {"", "delivery-status"}:
        return Mail.OTHER
    if _says_answer(header):
        return Mail.AUTO_REPLY
    if is_report or _names_a_failure(content):
        return Mail.OLD_FORM
    if _is_answered_by_machine(header):
        return Mail.AUTO_REPLY
    return Mail.OLD_FORM if _from_nobody(header) else Mail.OTHER


def _says_answer(header: Message) -> bool:
    """Look for what only an answer says; a report may be called `auto-replied` as well."""
    if any(name in header for name in _ANSWERS):
        return True
    if str(header.get("Precedence", "")).strip().lower() == "auto_reply":
        return True
    raw = next((str(value) for name, value in header.raw_items() if name.lower() == "subject"), "")
    raw = raw[:LONGEST_SUBJECT].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        subject = str(make_header(decode_header(raw)))
    except MALFORMED:
        subject = raw
    return _ANSWERED.match(subject) is not None


def _is_answered_by_machine(header: Message) -> bool:
    # RFC 3834 5; with parameters or a comment after it.
    said = re.split(r"[;(\s]", str(header.get("Auto-Submitted", "")).strip().lower())[0]
    return said == "auto-replied"


def _from_nobody(header: Message) -> bool:
    path = header.get("Return-Path")
    return path is not None and "".join(str(path).split()) == "<>"


def _names_a_failure(content: bytes) -> bool:
    # Late: eighteen modules, and most mails that come back need none.
    from flufl.bounce import all_failures

    # It logs what its detectors stumble over, with whatever stands in the mail.
    logging.getLogger(FLUFLS_LOG).disabled = True
    beginning = content[:LONGEST_OLD_FORM].lstrip(b"\r\n")
    if beginning.lower().count(b"boundary") > MOST_BOUNDARIES:
        return False
    try:
        temporary, permanent = all_failures(message_from_bytes(beginning, policy=compat32))
    except Exception:  # noqa: BLE001 - of others' code, on anybody's text: it names nothing then
        return False
    return bool(temporary or permanent)
