import base64
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from digest.cli import digest
from digest.models import (
    Consent,
    ConsentDetail,
    ConsentKind,
    Delivery,
    DeliveryState,
    EndedReason,
    IssueState,
    Newsletter,
    Notice,
    NoticeKind,
    NoticeState,
    Subscription,
    Suppression,
    SuppressionReason,
)
from digest.tokens import Purpose, new_token_id
from tests.cli.conftest import CommandLine
from tests.delivery.bounces.reports import COMPLAINT, QMAIL
from tests.delivery.bounces.test_noting import report_of, status_of
from tests.factories import KEYS, NOW, RING, SUPPRESSION_KEY, make_issue, make_newsletter
from tests.readers.conftest import ReadersDesk, clock, desk, newsletter, wording

__all__ = ["clock", "desk", "newsletter", "wording"]

Process = Callable[..., Result]


@pytest.fixture
def keyed(command_line: CommandLine) -> CommandLine:
    """The command line, with the keys that the desk's tables were made with."""
    keys = base64.b64encode(KEYS[0].secret).decode()
    return CommandLine(
        {
            **command_line.environment,
            "DIGEST_KEYS": f"{KEYS[0].id}:{keys}",
            "DIGEST_SUPPRESSION_KEY": base64.b64encode(SUPPRESSION_KEY.secret).decode(),
        }
    )


@pytest.fixture
def process(keyed: CommandLine) -> Process:
    def run(mail: bytes, *arguments: str) -> Result:
        return CliRunner(env=keyed.environment).invoke(
            digest, ["bounce", "process", *arguments], input=mail
        )

    return run


def leaving_address(period: Subscription) -> str:
    return f"{RING.sign_local_part(Purpose.LEAVE_BY_MAIL, period.token_id)}@in.halyard.example"


def test_a_mail_to_the_unsubscribe_address_is_acted_on(process: Process, desk: ReadersDesk) -> None:
    address = leaving_address(desk.subscribe())
    first = process(f"To: {address}\r\n\r\n".encode())
    assert (first.exit_code, first.stdout) == (0, "The reader has left, as the mail asked.\n")
    assert desk.rows(Subscription)[0].ended_reason is EndedReason.LEFT
    again = process(f"To: {address}\r\n\r\n".encode())
    assert (again.exit_code, again.stdout) == (
        0,
        "The reader had left before: nothing was changed.\n",
    )


def test_the_mail_server_may_say_whom_it_was_for(process: Process, desk: ReadersDesk) -> None:
    address = leaving_address(desk.subscribe())
    done = process(b"Subject: unsubscribe\r\n\r\n", "--recipient", address, "--json")
    assert done.exit_code == 0
    assert '"what": "left"' in done.stdout


def bounced_delivery(desk: ReadersDesk) -> tuple[int, str]:
    """Add an accepted delivery; return its issue, and the address that a report goes to."""
    period = desk.subscribe()
    with desk.database.transaction() as session:
        newsletter = session.get_one(Newsletter, period.newsletter_id)
        issue = make_issue(
            session, newsletter, [], IssueState.SENT, number=42, frozen_at=NOW, audience=1
        )
        session.add(
            Delivery(
                issue_id=issue.id, subscriber_id=period.subscriber_id, rendering_id=1,
                state=DeliveryState.ACCEPTED, released_at=NOW, next_attempt_at=NOW,
            )
        )  # fmt: skip
        local = RING.sign_local_part(Purpose.BOUNCE, period.token_id, issue.id)
        return issue.id, f"{local.upper()}@in.halyard.example"


def test_a_report_about_a_mail_that_came_back_is_acted_on(
    process: Process, keyed: CommandLine, desk: ReadersDesk
) -> None:
    issue_id, address = bounced_delivery(desk)
    mail = report_of(status_of("robin@example.org"))
    first = process(mail, "--recipient", address)
    assert (first.exit_code, first.stdout) == (
        0,
        "A mail came back for good, as there is no such address: its delivery counts as bounced, "
        "and nothing more is sent to that reader.\n",
    )
    again = process(b"To: " + address.encode() + b"\r\n" + mail)
    assert again.exit_code == 0
    assert again.stdout == "That this mail came back was known already: nothing was changed.\n"
    [row] = desk.rows(Delivery)
    assert (row.issue_id, row.state, row.enhanced) == (issue_id, DeliveryState.BOUNCED, "5.1.1")
    assert desk.rows(Subscription)[0].ended_at is None
    reason = {"label": "There is no such address", "number": 1}
    assert keyed("issue", "report", str(issue_id), "--json").json["came_back"] == [reason]
    assert "There is no such address" in keyed("issue", "report", str(issue_id)).out


def in_force(desk: ReadersDesk) -> list[SuppressionReason]:
    return [row.reason for row in desk.rows(Suppression) if row.lifted_at is None]


def test_a_dead_address_is_mailed_no_more_until_a_person_lifts_it(
    process: Process, keyed: CommandLine, desk: ReadersDesk
) -> None:
    _, address = bounced_delivery(desk)
    mail = report_of(status_of("robin@example.org"))
    process(mail, "--recipient", address)
    assert in_force(desk) == [SuppressionReason.BOUNCED]
    refused = keyed("subscriber", "lift", "robin@example.org", "--by", "Zoe", "--why", " ")
    assert (refused.exit_code, "Say why" in refused.err) == (1, True)
    lifted = keyed("subscriber", "lift", "robin@example.org", "--by", "Zoe", "--why", "They called")
    assert (lifted.exit_code, lifted.out) == (0, "This reader may be mailed again.\n")
    [row] = desk.rows(Suppression)
    assert (row.lifted_by, in_force(desk)) == ("Zoe", [])
    assert "bounced (lifted)" in keyed("subscriber", "show", "robin@example.org").out
    # The same report once more proves nothing new.
    process(mail, "--recipient", address)
    assert in_force(desk) == []
    again = keyed("subscriber", "lift", "robin@example.org", "--by", "Zoe", "--why", "Once more")
    assert (again.exit_code, "Nothing stops mail" in again.err) == (1, True)


def test_who_reports_a_mail_as_spam_gets_nothing_more(
    process: Process, keyed: CommandLine, desk: ReadersDesk
) -> None:
    with desk.database.transaction() as session:
        make_newsletter(session, "climate")
    _, address = bounced_delivery(desk)
    desk.subscribe("robin@example.org", newsletters=("climate",))
    desk.subscribe("wren@example.org")
    said = process(COMPLAINT, "--recipient", address)
    assert said.stdout == "The reader reported a mail as spam: nothing more is sent to them.\n"
    ended = {row.newsletter_id: row.ended_reason for row in desk.rows(Subscription)[:2]}
    assert set(ended.values()) == {EndedReason.COMPLAINED}
    assert len(ended) == 2, "all that they get"
    assert desk.rows(Subscription)[-1].ended_at is None, "nobody else"
    withdrawn = [row for row in desk.rows(Consent) if row.kind is ConsentKind.WITHDRAWN]
    assert len(withdrawn) == 2
    forms = {row.consent_id: row.form for row in desk.rows(ConsentDetail)}
    assert {forms[each.id] for each in withdrawn} == {"report of spam"}
    assert in_force(desk) == [SuppressionReason.COMPLAINED]
    assert process(COMPLAINT, "--recipient", address).exit_code == 0
    assert in_force(desk) == [SuppressionReason.COMPLAINED]
    assert len([row for row in desk.rows(Consent) if row.kind is ConsentKind.WITHDRAWN]) == 2
    lifted = keyed("subscriber", "lift", "robin@example.org", "--by", "Zoe", "--why", "By mistake")
    assert (lifted.exit_code, in_force(desk)) == (0, [])
    # The same once more says nothing new.
    assert process(COMPLAINT, "--recipient", address).exit_code == 0
    assert in_force(desk) == []


@pytest.mark.parametrize(
    "content",
    [
        report_of(status_of("robin@example.org", status="5.7.1")),
        report_of(status_of("robin@example.org", status="4.1.1", words="smtp; 450 4.1.1 later")),
        report_of(status_of("robin@example.org", action="delayed")),
        report_of(status_of("robin@example.org", status="5.0.0", words="smtp; 550 no")),
        # Whom the reader's mail is forwarded to.
        report_of(status_of("someone@example.net")),
        report_of(
            "Original-Recipient: rfc822;robin@example.org\n"
            "Final-Recipient: rfc822; dead@example.net\nAction: failed\nStatus: 5.1.1\n"
        ),
        report_of(status_of("robin@example.org", status="5.0.0", words="smtp; 450 user unknown")),
        report_of(status_of("robin@example.org", words="smtp; 450 4.2.1 not so fast")),
        QMAIL,
    ],
    ids=[
        "reputation",
        "class 4",
        "delayed",
        "not said",
        "forwarded",
        "forwarded on",
        "450",
        "450 beside 5.1.1",
        "old form",
    ],
)
def test_what_does_not_prove_an_address_dead_stops_no_mail(
    process: Process, desk: ReadersDesk, content: bytes
) -> None:
    _, address = bounced_delivery(desk)
    assert process(content, "--recipient", address).exit_code == 0
    assert in_force(desk) == []


def accepted_notice(desk: ReadersDesk, kind: NoticeKind, subscriber_id: int | None) -> str:
    """Add a notice that the relay took; return the address that a report goes to."""
    with desk.database.transaction() as session:
        newsletter = session.scalars(select(Newsletter)).first()
        assert newsletter is not None
        notice = Notice(
            token_id=new_token_id(), kind=kind, newsletter_id=newsletter.id, created_at=NOW,
            subscriber_id=subscriber_id, state=NoticeState.ACCEPTED, final_at=NOW, code=250,
        )  # fmt: skip
        session.add(notice)
        return f"{RING.sign_local_part(Purpose.BOUNCE, notice.token_id)}@in.halyard.example"


def test_a_confirmation_that_came_back_has_failed(process: Process, desk: ReadersDesk) -> None:
    desk.subscribe()
    address = accepted_notice(desk, NoticeKind.CONFIRMATION, None)
    late = process(report_of(status_of(action="delayed", status="4.4.1")), "--recipient", address)
    assert late.exit_code == 0
    assert desk.rows(Notice)[-1].state is NoticeState.ACCEPTED
    first = process(report_of(status_of("typo@example.org")), "--recipient", address)
    assert "came back" in first.stdout
    found = desk.rows(Notice)[-1]
    assert (found.state, found.enhanced) == (NoticeState.FAILED, "5.1.1")
    assert "typo" not in (found.reply or "")
    again = process(report_of(status_of("typo@example.org")), "--recipient", address)
    assert again.stdout == "That this mail came back was known already: nothing was changed.\n"
    assert in_force(desk) == []
    complained = process(COMPLAINT, "--recipient", address)
    assert "nothing was changed" in complained.stdout
    assert desk.rows(Subscription)[0].ended_at is None


@pytest.mark.parametrize("kind", [NoticeKind.CONFIRMATION, NoticeKind.ADDRESS_CHANGED])
def test_what_a_stranger_says_of_a_mail_about_a_reader_is_not_the_readers(
    process: Process, desk: ReadersDesk, kind: NoticeKind
) -> None:
    address = accepted_notice(desk, kind, desk.subscribe().subscriber_id)
    process(COMPLAINT, "--recipient", address)
    process(report_of(status_of("robin@example.org")), "--recipient", address)
    assert in_force(desk) == []
    assert desk.rows(Subscription)[0].ended_at is None


def test_a_report_may_be_quicker_than_the_relays_answer(
    process: Process, desk: ReadersDesk
) -> None:
    address = accepted_notice(desk, NoticeKind.FRESH_LINK, desk.subscribe().subscriber_id)
    with desk.database.transaction() as session:
        session.execute(update(Notice).values(state=NoticeState.SENDING, final_at=None))
    process(report_of(status_of("robin@example.org")), "--recipient", address)
    assert desk.rows(Notice)[-1].state is NoticeState.FAILED
    assert in_force(desk) == [SuppressionReason.BOUNCED]


def test_a_notice_to_a_dead_address_stops_a_readers_mail_as_an_issue_does(
    process: Process, desk: ReadersDesk
) -> None:
    reader = desk.subscribe().subscriber_id
    address = accepted_notice(desk, NoticeKind.FRESH_LINK, reader)
    process(report_of(status_of("someone@example.net")), "--recipient", address)
    assert in_force(desk) == [], "whom it was forwarded to"
    address = accepted_notice(desk, NoticeKind.FRESH_LINK, reader)
    process(report_of(status_of("robin@example.org")), "--recipient", address)
    assert in_force(desk) == [SuppressionReason.BOUNCED]
    process(COMPLAINT, "--recipient", accepted_notice(desk, NoticeKind.FRESH_LINK, reader))
    assert in_force(desk) == [SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED]
    assert desk.rows(Subscription)[0].ended_reason is EndedReason.COMPLAINED
    nobodys = f"{RING.sign_local_part(Purpose.BOUNCE, new_token_id())}@in.halyard.example"
    unknown = process(report_of(status_of("robin@example.org")), "--recipient", nobodys)
    assert "no record of" in unknown.stdout


def test_an_absence_notice_to_a_bounce_address_changes_nothing(
    process: Process, desk: ReadersDesk
) -> None:
    _, address = bounced_delivery(desk)
    done = process(b"Subject: Away\r\nAuto-Submitted: auto-replied\r\n\r\n", "--recipient", address)
    assert (done.exit_code, "nothing was changed" in done.stdout) == (0, True)
    assert desk.rows(Delivery)[0].state is DeliveryState.ACCEPTED


def test_a_forged_bounce_address_is_nobodys(process: Process, desk: ReadersDesk) -> None:
    _, address = bounced_delivery(desk)
    forged = address[:-22] + ("A" if address[-22] != "A" else "B") + address[-21:]
    done = process(report_of(status_of("robin@example.org")), "--recipient", forged)
    assert "is one of ours: nothing was changed." in done.stdout
    assert desk.rows(Delivery)[0].state is DeliveryState.ACCEPTED


def test_a_mail_for_nobody_is_not_sent_back(process: Process, newsletter: Newsletter) -> None:
    done = process(b"To: someone@example.org\r\n\r\nhello\r\n")
    assert done.exit_code == 0
    assert "is one of ours: nothing was changed." in done.stdout


def test_a_mail_without_end_is_read_so_far_and_no_further(
    process: Process, newsletter: Newsletter
) -> None:
    done = process(b"To: someone@example.org\r\n\r\n" + b"x" * 3_000_000)
    assert done.exit_code == 0


def test_no_mail_at_all_is_a_failure(process: Process, newsletter: Newsletter) -> None:
    done = process(b"")
    assert done.exit_code == 1
    assert "There is no mail on standard input." in done.stderr
