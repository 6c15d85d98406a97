"""Being forgotten, and being shown what is held."""

import csv
import json
from dataclasses import asdict
from datetime import timedelta

import pytest

from digest.database.tables import database_now
from digest.database.transactions import Database
from digest.errors import NotFoundError
from digest.models import (
    Consent,
    ConsentDetail,
    ConsentKind,
    ConsentSeal,
    Delivery,
    EndedReason,
    IssueState,
    Newsletter,
    Notice,
    NoticeState,
    Rendering,
    SignUp,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from digest.readers.consent.sealing import seal_consents
from digest.readers.data.erasing import erase
from digest.readers.data.exporting import show_reader
from digest.readers.data.finding import find_reader
from digest.readers.data.listing import count_readers, csv_lines, list_readers
from digest.readers.data.sweeping import sweep_sign_ups
from tests.factories import NOW, SUPPRESSION_KEY, make_article, make_issue, make_reader
from tests.readers.conftest import ReadersDesk
from tests.readers.consent.test_recording import chain_holds


def erased(desk: ReadersDesk, email: str = "robin@example.org") -> None:
    with desk.database.transaction() as session:
        erase(
            session, find_reader(session, email), now=desk.clock.now(), suppression=SUPPRESSION_KEY
        )


def test_erasure_leaves_no_trace_of_the_person_in_any_table(desk: ReadersDesk) -> None:
    desk.subscribe(name="Robin Quarterstaff", topics=("chinese-economy",))
    desk.sign_up()
    desk.clock.advance(timedelta(days=2))
    desk.sign_up("ROBIN@example.org", newsletters=("editors-digest",))
    erased(desk)

    everything = repr(desk.dump()).lower()
    for trace in ("robin", "quarterstaff", "203.0.113.7", "a browser", "chinese-economy"):
        assert trace not in everything


def test_erasure_ends_what_runs_and_remembers_a_mark(desk: ReadersDesk) -> None:
    desk.subscribe()
    erased(desk)

    [period] = desk.rows(Subscription)
    assert period.ended_reason is EndedReason.ERASED
    [reader] = desk.rows(Subscriber)
    assert reader.erased_at == NOW
    [mark] = desk.rows(Suppression)
    assert (mark.mac, mark.reason) == (
        SUPPRESSION_KEY.mac("robin@example.org"),
        SuppressionReason.ERASED,
    )
    assert desk.rows(Consent)[-1].kind is ConsentKind.ERASED
    assert desk.count(ConsentDetail) == 0


def test_the_chain_still_holds_after_an_erasure(desk: ReadersDesk) -> None:
    desk.subscribe()
    seal_consents(desk.database, NOW)
    erased(desk)
    seal_consents(desk.database, NOW)

    assert desk.count(ConsentSeal) == 3
    assert chain_holds(desk)


def test_open_notices_are_cancelled_and_their_address_deleted(desk: ReadersDesk) -> None:
    desk.subscribe()
    desk.sign_up()
    erased(desk)

    assert {notice.state for notice in desk.rows(Notice)} == {NoticeState.CANCELLED}
    assert {notice.to_address for notice in desk.rows(Notice)} == {None}


def test_erasing_one_reader_leaves_the_others_alone(desk: ReadersDesk) -> None:
    desk.subscribe()
    desk.subscribe("mina@example.com", name="Mina")
    before = [row for row in desk.rows(ConsentDetail) if row.email == "mina@example.com"]
    erased(desk)

    after = desk.rows(ConsentDetail)
    assert [row.consent_id for row in after] == [row.consent_id for row in before]
    assert [reader.name for reader in desk.rows(Subscriber)] == [None, "Mina"]


def test_erasing_twice_changes_nothing_more(desk: ReadersDesk) -> None:
    desk.subscribe()
    with desk.database.reading() as session:
        reader = find_reader(session, "robin@example.org")
    erased(desk)
    before = desk.dump()

    with desk.database.transaction() as session:
        again = session.get_one(Subscriber, reader.id)
        erase(session, again, now=NOW, suppression=SUPPRESSION_KEY)
    assert desk.dump() == before
    with pytest.raises(NotFoundError):
        erased(desk)


def test_an_erased_reader_who_signs_up_again_is_somebody_new(desk: ReadersDesk) -> None:
    desk.subscribe()
    erased(desk)
    desk.clock.advance(timedelta(days=2))
    desk.subscribe()

    old, new = desk.rows(Subscriber)
    assert old.email is None
    assert new.email == "robin@example.org"
    assert old.subject != new.subject


def test_a_reader_is_found_in_whatever_way_the_address_is_written(desk: ReadersDesk) -> None:
    desk.subscribe("robin@bücher.example")

    with desk.database.reading() as session:
        found = find_reader(session, " Robin@XN--BCHER-KVA.example ")
        assert found.email == "robin@bücher.example"
        with pytest.raises(NotFoundError, match="no subscriber"):
            find_reader(session, "mina@example.com")
        with pytest.raises(NotFoundError, match="with an @"):
            find_reader(session, "mina")


def test_all_that_is_held_about_a_reader_is_shown(
    desk: ReadersDesk, database: Database, newsletter: Newsletter
) -> None:
    period = desk.subscribe(name="Robin", topics=("climate",))
    with database.transaction() as session:
        article = make_article(session, "port")
        issue = make_issue(session, newsletter, [article], IssueState.SENT, number=42)
        rendering = Rendering(
            issue_id=issue.id,
            variant="en",
            language="en",
            subject="s",
            stencil=b"",
            created_at=NOW,
        )
        session.add(rendering)
        session.flush()
        session.add(
            Delivery(
                issue_id=issue.id,
                subscriber_id=period.subscriber_id,
                rendering_id=rendering.id,
                released_at=NOW,
                next_attempt_at=database_now(),
            )
        )
    with database.reading() as session:
        shown = show_reader(session, find_reader(session, "robin@example.org"))

    assert (shown.email, shown.name) == ("robin@example.org", "Robin")
    assert [(each.newsletter, each.topics) for each in shown.periods] == [
        ("editors-digest", ["climate"])
    ]
    assert [each.kind for each in shown.consents] == ["requested", "confirmed"]
    assert shown.consents[0].words == "I have read and agree to the [terms & conditions]"
    assert shown.consents[0].ip == "203.0.113.7"
    assert [(each.number, each.state) for each in shown.deliveries] == [(42, "queued")]
    assert "robin@example.org" in json.dumps(asdict(shown), default=str)


def test_nothing_of_a_stranger_is_shown_with_a_reader_who_was_erased(desk: ReadersDesk) -> None:
    period = desk.subscribe()
    # Of a sign-up that was confirmed, the row stays without its address; so does what was mailed.
    desk.subscribe("mina@example.com")
    erased(desk)

    with desk.database.reading() as session:
        shown = show_reader(session, session.get_one(Subscriber, period.subscriber_id))
    assert (shown.sign_ups, shown.notices) == ((), ())


def test_an_export_cannot_run_formulas_in_a_spreadsheet(
    desk: ReadersDesk, database: Database, newsletter: Newsletter
) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", 'Robin "R" Aske', "a,b\nc"]
    with database.transaction() as session:
        for number, name in enumerate(names):
            make_reader(session, newsletter, f"reader{number}@example.org", name)
    with database.reading() as session:
        lines = list(csv_lines(list_readers(session, "editors-digest")))

    rows = list(csv.DictReader("".join(lines).splitlines(keepends=True)))
    shown = [row["name"] for row in rows]
    assert shown[:7] == [f"'{name}" for name in names[:7]]
    assert shown[7:] == names[7:]


def test_the_list_holds_the_active_and_on_request_the_ended(desk: ReadersDesk) -> None:
    desk.subscribe()
    desk.subscribe("mina@example.com")
    with desk.database.transaction() as session:
        period = session.get_one(Subscription, 1)
        period.ended_at, period.ended_reason = NOW, EndedReason.LEFT

    with desk.database.reading() as session:
        assert [row.email for row in list_readers(session)] == ["mina@example.com"]
        assert len(list(list_readers(session, ended=True))) == 2
        assert list(list_readers(session, "no-such")) == []
        assert count_readers(session) == count_readers(session, "editors-digest") == 1


def test_sign_ups_that_nobody_confirmed_are_forgotten_after_30_days(desk: ReadersDesk) -> None:
    desk.sign_up("robin@example.org", name="Robin")
    desk.subscribe("mina@example.com")
    desk.clock.advance(timedelta(days=31, hours=23))
    assert sweep_sign_ups(desk.database, desk.clock.now(), 30) == 0
    desk.sign_up("joss@example.com")
    desk.clock.advance(timedelta(hours=2))

    assert sweep_sign_ups(desk.database, desk.clock.now(), 30) == 1
    assert "robin" not in repr([desk.dump()["sign_up"], desk.dump()["consent_detail"]]).lower()
    assert {row.email for row in desk.rows(ConsentDetail)} == {
        "mina@example.com",
        "joss@example.com",
    }
    assert sweep_sign_ups(desk.database, desk.clock.now(), 30) == 0


def test_the_details_stay_of_who_asked_again_or_is_a_reader(desk: ReadersDesk) -> None:
    desk.sign_up("robin@example.org")
    desk.clock.advance(timedelta(days=20))
    desk.sign_up("robin@example.org")
    desk.clock.advance(timedelta(days=13))
    assert sweep_sign_ups(desk.database, desk.clock.now(), 30) == 1

    old, new = desk.rows(SignUp)
    assert (old.email, new.email) == (None, "robin@example.org")
    assert desk.count(ConsentDetail) == 2
