"""A mail that came back: RFC 3464 reports that came to a delivery's own address."""

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from digest.delivery.bounces.noting import Noted, note_bounce
from digest.delivery.ledger.reporting import report
from digest.delivery.ledger.retention import fold_deliveries
from digest.models import (
    Bounce,
    BounceKind,
    BounceReason,
    Delivery,
    DeliveryState,
    Issue,
    IssueState,
    Subscriber,
    Subscription,
)
from tests.delivery.bounces.reports import COMPLAINT, OLD_EXIM, QMAIL, plain
from tests.delivery.conftest import Press, readers
from tests.factories import NOW, make_issue

ACCEPTED, BOUNCED, IN_DOUBT = (
    DeliveryState.ACCEPTED,
    DeliveryState.BOUNCED,
    DeliveryState.IN_DOUBT,
)
FIRST = "reader0@example.org"
WORDS = f"smtp; 550 5.1.1 <{FIRST}>: Recipient address rejected: reader0 unknown"


def status_of(
    address: str = FIRST,
    action: str = "failed",
    status: str = "5.1.1",
    words: str = WORDS,
) -> str:
    return (
        f"Original-Recipient: rfc822;{address}\r\nFinal-Recipient: rfc822; {address}\r\n"
        f"Action: {action}\r\nStatus: {status}\r\nDiagnostic-Code: {words}\r\n"
    )


def report_of(*recipients: str, newline: str = "\r\n") -> bytes:
    """Write a report as Postfix does."""
    mail = (
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.net\r\n"
        "Content-Type: multipart/report; report-type=delivery-status;\r\n"
        ' boundary="frontier/=1"\r\n'
        "MIME-Version: 1.0\r\nAuto-Submitted: auto-replied\r\nSubject: Undelivered Mail\r\n\r\n"
        "This is a MIME-encapsulated message.\r\n\r\n"
        "--frontier/=1\r\nContent-Type: text/plain\r\n\r\nI'm sorry to have to inform you.\r\n\r\n"
        "--frontier/=1\r\nContent-Description: Delivery report\r\n"
        "Content-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example.net\r\nArrival-Date: Sat, 14 Nov 2026 07:00:01 +0000\r\n"
        "\r\n" + "\r\n".join(recipients) + "\r\n"
        "--frontier/=1\r\nContent-Type: message/rfc822\r\n\r\n"
        "Subject: Editor's Digest\r\n\r\nAction: failed\r\nStatus: 5.9.9\r\n\r\n--frontier/=1--\r\n"
    )
    return mail.replace("\r\n", newline).encode()


def sent_issue(press: Press, state: DeliveryState = ACCEPTED, count: int = 3) -> int:
    issue_id = press.frozen_issue(*readers(count))
    with press.database.transaction() as session:
        session.execute(update(Delivery).values(state=ACCEPTED, attempts=1))
        session.execute(
            update(Delivery).where(Delivery.subscriber_id == first(press)).values(state=state)
        )
        over = {"state": IssueState.SENT, "sent_at": NOW, "watched_until": NOW}
        session.execute(update(Issue).values(**over))
    return issue_id


def first(press: Press) -> int:
    with press.database.reading() as session:
        return session.scalars(select(Subscriber.id).order_by(Subscriber.id)).all()[0]


def note(press: Press, issue_id: int, content: bytes) -> Noted:
    with press.database.transaction() as session:
        token_id = session.scalars(
            select(Subscription.token_id).where(Subscription.subscriber_id == first(press))
        ).one()
        return note_bounce(session, issue_id, token_id, content, NOW)


def bounces(press: Press) -> list[Bounce]:
    with press.database.reading() as session:
        return list(session.scalars(select(Bounce)))


def numbers(press: Press, issue_id: int) -> dict[str, int]:
    with press.database.reading() as session:
        told = report(session, session.get_one(Issue, issue_id))
    assert told.adds_up
    return {state.value: count for state, count in told.counts.items() if count}


def fold(press: Press) -> None:
    later = NOW + timedelta(days=400)
    fold_deliveries(press.database, now=later, months=12, go_on=lambda: True)
    with press.database.reading() as session:
        assert session.scalars(select(Delivery)).all() == []


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_a_permanent_failure_makes_an_accepted_delivery_a_bounced_one(
    press: Press, newline: str
) -> None:
    issue_id = sent_issue(press)
    assert note(press, issue_id, report_of(status_of(), newline=newline)) is Noted.BOUNCED
    row = press.rows(issue_id)[0]
    assert (row.state, row.code, row.enhanced) == (BOUNCED, 550, "5.1.1")
    assert row.reply == "<address>: Recipient address rejected: <address> unknown"
    assert numbers(press, issue_id) == {"accepted": 2, "bounced": 1}
    [kept] = bounces(press)
    assert (kept.issue_id, kept.subscriber_id) == (issue_id, row.subscriber_id)
    assert (kept.kind, kept.enhanced, kept.at) == (BounceKind.PERMANENT, "5.1.1", NOW)
    assert kept.text == row.reply


def test_the_same_report_counts_once(press: Press) -> None:
    issue_id = sent_issue(press)
    assert note(press, issue_id, report_of(status_of())) is Noted.BOUNCED
    assert note(press, issue_id, report_of(status_of())) is Noted.KNOWN
    assert note(press, issue_id, report_of(status_of(status="5.7.1"))) is Noted.KNOWN
    assert numbers(press, issue_id) == {"accepted": 2, "bounced": 1}
    assert [kept.enhanced for kept in bounces(press)] == ["5.1.1"]


@pytest.mark.parametrize(
    ("action", "status"), [("delayed", "4.4.1"), ("unknown", "4.4.7"), ("delayed", "5.0.0")]
)
def test_a_transient_one_is_noted_and_no_more(press: Press, action: str, status: str) -> None:
    issue_id = sent_issue(press)
    content = report_of(status_of(action=action, status=status))
    assert note(press, issue_id, content) is Noted.DELAYED
    assert note(press, issue_id, content) is Noted.KNOWN
    assert numbers(press, issue_id) == {"accepted": 3}
    assert [kept.kind for kept in bounces(press)] == [BounceKind.TRANSIENT]
    assert note(press, issue_id, report_of(status_of())) is Noted.BOUNCED


def test_a_readers_own_links_are_not_kept_where_a_filter_quotes_them(press: Press) -> None:
    issue_id = sent_issue(press)
    links = [make(bytes(16)) for make in (press.links.unsubscribe, press.links.preferences)]
    words = f"smtp; 554 5.7.1 Blocked: {links[0]} and {links[1]}."
    assert note(press, issue_id, report_of(status_of(words=words))) is Noted.BOUNCED
    reply = press.rows(issue_id)[0].reply
    assert reply == "Blocked: http://127.0.0.1:8000/u/… and http://127.0.0.1:8000/p/…"
    [kept] = bounces(press)
    assert kept.text == reply


@pytest.mark.parametrize("status", ["4.4.7", "4.2.2", "5.0.0", "2.0.0", "unknown"])
def test_failed_is_final_whatever_the_status_also_after_a_warning(
    press: Press, status: str
) -> None:
    issue_id = sent_issue(press)
    warning = report_of(status_of(action="delayed", status="4.4.1"))
    assert note(press, issue_id, warning) is Noted.DELAYED
    assert note(press, issue_id, report_of(status_of(status=status))) is Noted.BOUNCED
    assert numbers(press, issue_id) == {"accepted": 2, "bounced": 1}


@pytest.mark.parametrize("state", [DeliveryState.SENDING, IN_DOUBT])
def test_a_report_proves_that_the_relay_had_taken_it(press: Press, state: DeliveryState) -> None:
    issue_id = sent_issue(press, state)
    assert note(press, issue_id, report_of(status_of())) is Noted.BOUNCED
    assert numbers(press, issue_id) == {"accepted": 2, "bounced": 1}


@pytest.mark.parametrize(
    "state", [DeliveryState.FAILED, DeliveryState.EXCLUDED, DeliveryState.QUEUED]
)
def test_a_delivery_that_was_not_accepted_stays_what_it_was(
    press: Press, state: DeliveryState
) -> None:
    issue_id = sent_issue(press, state)
    note(press, issue_id, report_of(status_of()))
    assert numbers(press, issue_id) == {"accepted": 2, state.value: 1}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        report_of(status_of(action="delivered", status="2.0.0")),
        report_of(status_of(action="deliverable", status="2.1.5")),
        report_of(status_of(action="relayed", status="2.0.0")),
        report_of(status_of(action="expanded", status="2.0.0")),
        plain("I liked it.", "Subject: Re: Editor's Digest\n", f"<{FIRST}>"),
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nStatus: 5.1.1\r\n--b--\r\n",
    ],
    ids=["empty", "delivered", "deliverable", "relayed", "expanded", "answer", "no report"],
)
def test_what_reports_no_failure_changes_nothing(press: Press, content: bytes) -> None:
    issue_id = sent_issue(press)
    assert note(press, issue_id, content) is Noted.NO_REPORT
    assert (bounces(press), numbers(press, issue_id)) == ([], {"accepted": 3})


@pytest.mark.parametrize(
    ("content", "noted"),
    [
        (
            b"Subject: Away until Monday\r\nAuto-Submitted: auto-replied\r\n\r\nOn Monday.\r\n",
            Noted.AUTO_REPLY,
        ),
        (plain("On Monday.", "Subject: away from my mail\n", f"<{FIRST}>"), Noted.AUTO_REPLY),
        (COMPLAINT, Noted.COMPLAINT),
    ],
)
def test_answers_of_machines_and_complaints_are_told_apart(
    press: Press, content: bytes, noted: Noted
) -> None:
    issue_id = sent_issue(press)
    assert note(press, issue_id, content) is noted
    assert (bounces(press), numbers(press, issue_id)) == ([], {"accepted": 3})


@pytest.mark.parametrize("content", [QMAIL, OLD_EXIM, plain("It came back.")])
def test_one_in_an_old_form_is_counted_and_moves_nothing(press: Press, content: bytes) -> None:
    issue_id = sent_issue(press)
    assert note(press, issue_id, content) is Noted.UNCLEAR
    assert note(press, issue_id, content) is Noted.KNOWN
    [kept] = bounces(press)
    assert (kept.kind, kept.reason) == (BounceKind.UNKNOWN, BounceReason.UNKNOWN)
    assert (kept.enhanced, kept.text, numbers(press, issue_id)) == (None, None, {"accepted": 3})


@pytest.mark.parametrize(
    ("action", "status", "reason"),
    [
        ("failed", "5.1.1", BounceReason.ADDRESS),
        ("failed", "4.2.2", BounceReason.FULL),
        ("failed", "5.7.1", BounceReason.REPUTATION),
        # Given up is not the same as nobody there.
        ("failed", "4.1.1", BounceReason.UNKNOWN),
        ("delayed", "5.1.1", BounceReason.UNKNOWN),
        ("odd", "5.1.1", BounceReason.UNKNOWN),
    ],
)
def test_the_reason_is_kept(press: Press, action: str, status: str, reason: BounceReason) -> None:
    issue_id = sent_issue(press)
    note(press, issue_id, report_of(status_of(action=action, status=status)))
    assert [kept.reason for kept in bounces(press)] == [reason]


@pytest.mark.parametrize(
    "recipients",
    [(), (status_of(action="odd", status="unknown"),), (status_of(action="", status="5.1.1"),)],
    ids=["no recipient", "no status", "no action"],
)
def test_a_report_that_cannot_be_understood_is_noted_as_such(
    press: Press, recipients: tuple[str, ...]
) -> None:
    issue_id = sent_issue(press)
    assert note(press, issue_id, report_of(*recipients)) is Noted.UNCLEAR
    assert [kept.kind for kept in bounces(press)] == [BounceKind.UNKNOWN]
    assert numbers(press, issue_id) == {"accepted": 3}


def test_of_several_recipients_the_readers_own_counts(press: Press) -> None:
    issue_id = sent_issue(press)
    late = status_of("other@example.net", "delayed", "4.2.2", "smtp; 452 4.2.2 full")
    assert note(press, issue_id, report_of(late, status_of())) is Noted.BOUNCED


def test_where_mail_was_forwarded_the_only_recipient_counts(press: Press) -> None:
    issue_id = sent_issue(press)
    content = report_of(status_of("someone.else@example.net", words="smtp; 550 no such user"))
    assert note(press, issue_id, content) is Noted.BOUNCED
    assert press.rows(issue_id)[0].reply == "no such user"


def test_several_others_that_disagree_decide_nothing(press: Press) -> None:
    issue_id = sent_issue(press)
    others = [
        status_of("one@example.net"),
        status_of("two@example.net", "delayed", "4.2.2", "smtp; 452 4.2.2 full"),
    ]
    assert note(press, issue_id, report_of(*others)) is Noted.UNCLEAR


def test_an_address_of_another_issue_or_of_nobody_changes_nothing(press: Press) -> None:
    issue_id = sent_issue(press)
    content = report_of(status_of())
    with press.database.transaction() as session:
        newsletter = session.get_one(Issue, issue_id).newsletter
        never = make_issue(session, newsletter, [], occurrence_on=None).id
        assert note_bounce(session, issue_id, bytes(16), content, NOW) is Noted.UNKNOWN_DELIVERY
    for other in (never, 10_000):
        assert note(press, other, content) is Noted.UNKNOWN_DELIVERY
    assert (bounces(press), numbers(press, issue_id)) == ([], {"accepted": 3})


def test_of_an_erased_reader_no_words_are_kept(press: Press) -> None:
    issue_id = sent_issue(press)
    with press.database.transaction() as session:
        session.execute(
            update(Subscriber)
            .where(Subscriber.id == first(press))
            .values(email=None, email_key=None, erased_at=NOW)
        )
    assert note(press, issue_id, report_of(status_of())) is Noted.BOUNCED
    row, [kept] = press.rows(issue_id)[0], bounces(press)
    assert (row.state, row.reply, kept.text) == (BOUNCED, None, None)


def test_after_folding_the_totals_move_once_for_each_reader(press: Press) -> None:
    issue_id = sent_issue(press)
    fold(press)
    assert numbers(press, issue_id) == {"accepted": 3}
    assert note(press, issue_id, report_of(status_of())) is Noted.BOUNCED
    assert note(press, issue_id, report_of(status_of())) is Noted.KNOWN
    assert numbers(press, issue_id) == {"accepted": 2, "bounced": 1}
    content = report_of(status_of(action="delayed", status="4.4.1"))
    assert note(press, issue_id, content) is Noted.DELAYED
    assert numbers(press, issue_id) == {"accepted": 2, "bounced": 1}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_bounce_while_it_is_being_folded_is_counted(press: Press) -> None:
    issue_id = sent_issue(press)
    folding = threading.Thread(target=fold, args=(press,))
    with press.database.transaction() as session:
        token_id = session.scalars(
            select(Subscription.token_id).where(Subscription.subscriber_id == first(press))
        ).one()
        note_bounce(session, issue_id, token_id, report_of(status_of()), NOW)
        folding.start()
        wait_for_a_lock(press)
    folding.join()
    assert numbers(press, issue_id) == {"accepted": 2, "bounced": 1}


def wait_for_a_lock(press: Press) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database()"
    )
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with press.database.reading() as session:
            if session.scalar(waiting):
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_what_bounced_before_folding_does_not_bounce_again(press: Press) -> None:
    issue_id = sent_issue(press)
    note(press, issue_id, report_of(status_of()))
    fold(press)
    assert note(press, issue_id, report_of(status_of())) is Noted.KNOWN
    assert numbers(press, issue_id) == {"accepted": 2, "bounced": 1}


def test_where_no_total_is_left_to_take_from_the_sum_still_holds(press: Press) -> None:
    issue_id = sent_issue(press, DeliveryState.FAILED, count=1)
    fold(press)
    assert note(press, issue_id, report_of(status_of())) is Noted.BOUNCED
    assert numbers(press, issue_id) == {"failed": 1}
