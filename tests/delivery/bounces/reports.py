"""Reports as mail servers write them, in words of our own: what differs is where it differs."""

import base64

ORIGINAL = "Subject: Editor's Digest\n\nAction: failed\nStatus: 5.9.9\n"
READER = "reader0@example.org"


def group(
    address: str = READER, action: str = "failed", status: str = "5.1.1", more: str = ""
) -> str:
    return f"Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\n{more}"


def report(
    *groups: str,
    between: str = "\n",
    kind: str = "message/delivery-status",
    encoding: str = "7bit",
    words: str = "Your mail could not be handed over.",
    outer: str = "multipart/report; report-type=delivery-status",
    header: str = "",
    original: str = ORIGINAL,
) -> bytes:
    """Write a report: a part for people, one for machines, and the mail that came back."""
    status = between.join(("Reporting-MTA: dns; mx.example.net\n", *groups))
    if encoding == "base64":
        status = base64.encodebytes(status.encode()).decode()
    return (
        f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\n{header}"
        f'Content-Type: {outer}; boundary="=_1"\nMIME-Version: 1.0\n\n'
        f"--=_1\nContent-Type: text/plain\n\n{words}\n\n"
        f"--=_1\nContent-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n{status}\n"
        f"--=_1\nContent-Type: message/rfc822\n\n{original}\n--=_1--\n"
    ).encode()


def plain(words: str, header: str = "", sender: str = "<>") -> bytes:
    """Write a mail without any part for machines."""
    return f"Return-Path: {sender}\nFrom: postmaster@mx.example.net\n{header}\n{words}\n".encode()


QMAIL = plain(
    "Hi. This is the qmail-send program at mx.example.net.\n"
    "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
    "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
    f"<{READER}>:\nNo room at this inn.\n",
    "Subject: failure notice\n",
    "<MAILER-DAEMON@mx.example.net>",
)
OLD_EXIM = plain(
    "The mail could not be brought to all whom it was for.",
    f"Subject: Mail delivery failed\nX-Failed-Recipients: {READER}\nAuto-Submitted: auto-replied\n",
    "<postmaster@mx.example.net>",
)
COMPLAINT = (
    b"From: feedback@example.net\nMIME-Version: 1.0\n"
    b'Content-Type: multipart/report; report-type=feedback-report; boundary="f"\n\n'
    b"--f\nContent-Type: text/plain\n\nSomebody pressed a button.\n\n"
    b"--f\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
    b"User-Agent: Loop/1\nVersion: 1\n\n"
    b"--f\nContent-Type: message/rfc822\n\nSubject: Editor's Digest\n\nhello\n--f--\n"
)
