"""The list of those who did not get an issue."""

import csv
import tracemalloc
from datetime import UTC

import pytest
from sqlalchemy import insert, select, update

from digest.database.tables import database_now
from digest.delivery.controls.exporting import COLUMNS, count_missed, csv_lines, list_missed
from digest.models import Delivery, DeliveryState, Subscriber
from digest.spreadsheet import csv_cell, csv_line
from tests.delivery.conftest import Press, readers
from tests.factories import NOW

STATES = {
    DeliveryState.QUEUED: None,
    DeliveryState.CLAIMED: None,
    DeliveryState.SENDING: None,
    DeliveryState.ACCEPTED: None,
    DeliveryState.BOUNCED: None,
    DeliveryState.COMPLAINED: None,
    DeliveryState.FAILED: "refused",
    DeliveryState.EXCLUDED: "left",
    DeliveryState.CANCELLED: None,
    DeliveryState.IN_DOUBT: None,
}


def exported(press: Press, issue_id: int) -> list[dict[str, str]]:
    with press.database.reading() as session:
        lines = list(csv_lines(list_missed(session, issue_id)))
        assert count_missed(session, issue_id) == len(lines) - 1
    return list(csv.DictReader(lines))


def test_everyone_who_did_not_get_it_stands_there_with_the_reason(press: Press) -> None:
    issue_id = press.frozen_issue(*readers(len(STATES)))
    with press.database.transaction() as session:
        rows = session.scalars(select(Delivery).order_by(Delivery.subscriber_id)).all()
        for row, (state, reason) in zip(rows, STATES.items(), strict=True):
            row.state, row.reason = state, reason
        rows[0].attempts = 3
        failed = rows[list(STATES).index(DeliveryState.FAILED)]
        failed.code, failed.enhanced, failed.reply = 550, "5.1.1", "<address> unknown"
        failed.final_at, failed.attempts = NOW, 1
    found = {row["state"]: row for row in exported(press, issue_id)}
    assert set(found) == set(STATES) - {"accepted", "complained"}
    assert found["failed"]["email"] == "reader6@example.org"
    assert found["failed"]["reason"].startswith("The relay refused this reader")
    assert found["failed"]["reply"] == "<address> unknown"
    told = [found["failed"][column] for column in ("code", "enhanced_code", "attempts", "at")]
    assert told == ["550", "5.1.1", "1", NOW.astimezone(UTC).isoformat()]
    assert found["excluded"]["reason"] == "The reader had left before their turn came."
    assert found["queued"]["reason"] == "The relay put it off; it is tried again."
    assert found["queued"]["next_attempt_at"]
    assert "may have arrived" in found["in_doubt"]["reason"]
    assert all(row["reason"].endswith(".") for row in found.values())


def test_an_erased_reader_stands_there_by_their_public_reference(press: Press) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    with press.database.transaction() as session:
        reader = session.scalars(select(Subscriber)).one()
        reader.email = reader.email_key = reader.suppression_mac = None
        reader.erased_at = NOW
        session.execute(update(Delivery).values(state=DeliveryState.EXCLUDED, reason="erased"))
        reference = reader.subject.hex()
    [row] = exported(press, issue_id)
    assert (row["email"], row["reader"]) == ("", reference)
    assert row["reason"] == "The reader was erased."


def test_an_address_of_this_moment_not_of_the_freeze(press: Press) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    with press.database.transaction() as session:
        session.execute(update(Subscriber).values(email="new@example.org"))
    [row] = exported(press, issue_id)
    assert row["email"] == "new@example.org"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_cell_is_a_formula(start: str) -> None:
    line = csv_line([csv_cell(f'{start}HYPERLINK("http://x.example","1,2")'), csv_cell(550)])
    [[cell, code]] = csv.reader([line])
    assert cell.startswith(f"'{start}")
    assert code == "550"


def test_what_a_relay_or_a_reader_says_is_no_formula(press: Press) -> None:
    issue_id = press.frozen_issue("=cmd@example.org", "robin@example.org")
    with press.database.transaction() as session:
        session.execute(
            update(Delivery).values(state=DeliveryState.FAILED, reply="+49 is full\r\n,", code=550)
        )
    rows = exported(press, issue_id)
    assert {row["email"] for row in rows} == {"'=cmd@example.org", "robin@example.org"}
    assert {row["reply"] for row in rows} == {"'+49 is full\r\n,"}
    assert set(rows[0]) == set(COLUMNS)


def test_memory_does_not_grow_with_the_list(press: Press) -> None:
    issue_id = press.frozen_issue()
    row = {
        "issue_id": issue_id, "rendering_id": 1, "state": DeliveryState.FAILED,
        "released_at": NOW, "next_attempt_at": NOW, "reply": "x" * 400,
    }  # fmt: skip
    reader = {"language": "en", "created_at": NOW}
    with press.database.transaction() as session:
        for start in range(0, 4000, 1000):
            ids = range(start + 1, start + 1001)
            session.execute(
                insert(Subscriber),
                [{"id": n, "subject": n.to_bytes(16), "email": f"r{n}@example.org", **reader}
                 for n in ids],
            )  # fmt: skip
            session.execute(insert(Delivery), [{"subscriber_id": n, **row} for n in ids])
    with press.database.reading() as session:
        # The first line loads what is loaded once.
        next(csv_lines(list_missed(session, issue_id)))
        tracemalloc.start()
        count = sum(1 for _ in csv_lines(list_missed(session, issue_id)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count == 4001
    assert peak < 3_500_000, "a thousand rows take 1.8 MB"


def test_a_doubt_is_dated(press: Press) -> None:
    issue_id = press.frozen_issue("robin@example.org")
    with press.database.transaction() as session:
        session.execute(
            update(Delivery).values(
                state=DeliveryState.IN_DOUBT, lease_until=database_now(-5), claim=b"c" * 16
            )
        )
    [row] = exported(press, issue_id)
    assert row["at"]
    assert row["next_attempt_at"] == ""
