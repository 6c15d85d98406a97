"""The chain is walked along: it holds, or what is wrong is named."""

import gc
import tracemalloc
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from digest.database.transactions import Database
from digest.errors import RefusedError
from digest.models import Wording
from digest.readers.consent.chain import Head, find_head, read_heads
from digest.readers.consent.sealing import seal_consents
from digest.readers.consent.verifying import MOST_LISTED, Findings, verify_chain
from tests.factories import NOW
from tests.readers.conftest import ReadersDesk
from tests.readers.consent import tampering
from tests.readers.consent.tampering import all_rights, does, make_chain, make_events

EVENTS = 2000


@pytest.fixture
def chain(desk: ReadersDesk, wording: Wording) -> Head:
    """A chain of some thousands of events; its head, as it was kept."""
    make_chain(desk.database, wording, EVENTS)
    with desk.database.reading() as session:
        head = find_head(session)
    assert head is not None
    return head


def verified(database: Database, *heads: Head) -> Findings:
    with database.reading() as session:
        return verify_chain(session, NOW, heads=heads)


def test_an_untouched_chain_holds(database: Database, chain: Head) -> None:
    steps: list[int] = []
    with database.reading() as session:
        found = verify_chain(session, NOW, heads=[chain], advanced=steps.append)

    assert found == Findings(
        links=EVENTS, last_link=EVENTS, head=chain, with_details=EVENTS, heads_held=1
    )
    assert found.holds
    assert sum(steps) == EVENTS
    assert len(steps) > 1


# Each way of tampering, what is said of it, and how many sentences it takes.
TAMPERING: dict[str, tuple[Callable[[Session], None], int, str]] = {
    "a kind": (
        does("UPDATE consent SET kind = 'imported' WHERE id = 700"),
        1,
        "Record 700 (imported, 2026-10-15 06:11 UTC) does not fit link 700: it, or the words that "
        "it points to (wording 1), was altered after it was sealed.",
    ),
    "a person": (does("UPDATE consent SET subject = mac WHERE id = 700"), 1, "Record 700 "),
    "who and where": (
        does("UPDATE consent_detail SET ip = '198.51.100.1' WHERE consent_id = 700"),
        1,
        "The personal details of record 700 (confirmed, 2026-10-15 06:11 UTC) are not those that "
        "were recorded: who, or from where, was altered.",
    ),
    "a mac": (does("UPDATE consent SET mac = subject WHERE id = 700"), 2, "Record 700 "),
    "a word that none is": (
        does("UPDATE consent SET kind = 'nonsense' WHERE id = 700"),
        1,
        "Record 700 (nonsense, ",
    ),
    "a time": (
        does("UPDATE consent SET at = (SELECT at FROM consent WHERE id = 701) WHERE id = 700"),
        1,
        "Record 700 ",
    ),
    "the sentence": (
        does("UPDATE wording SET label = 'I agree to [all]'"),
        EVENTS,
        "Record 1 (confirmed, 2026-10-15 06:00 UTC) does not fit link 1",
    ),
    "the terms": (
        does("UPDATE terms SET body = 'We sell your address.'"),
        EVENTS,
        "does not fit link 1",
    ),
    "a hash": (
        does("UPDATE consent_seal SET hash = previous WHERE sequence = 700"),
        2,
        "does not fit link 700",
    ),
    "a record is dropped": (
        does(
            "DELETE FROM consent_detail WHERE consent_id = 700",
            "DELETE FROM consent WHERE id = 700",
        ),
        1,
        "Record 700 is missing: link 700 sealed it, and it is not there any more.",
    ),
    "a record and its link are dropped": (
        does(
            "DELETE FROM consent_seal WHERE sequence = 700",
            "DELETE FROM consent_detail WHERE consent_id = 700",
            "DELETE FROM consent WHERE id = 700",
        ),
        1,
        "Link 700 is missing: link 701 comes next.",
    ),
    "two links are dropped": (
        does("DELETE FROM consent_seal WHERE sequence IN (700, 701)"),
        3,
        "Links 700 to 701 are missing: link 702 comes next.",
    ),
    "the first link is dropped": (
        does("DELETE FROM consent_seal WHERE sequence = 1"),
        2,
        "Link 1 is missing: link 2 comes next.",
    ),
    "a record is dropped, and its details are not": (
        does("DELETE FROM consent WHERE id = 700"),
        2,
        "Record 700 is missing: its personal details are still there.",
    ),
    "records are swapped": (tampering.swap_records, 2, "Record 701 "),
    "links are swapped": (
        tampering.reorder_links,
        3,
        "Link 700 (record 701) does not follow link 699: something was altered, put in, taken out "
        "or put in another order here.",
    ),
    "a record is put in with a link": (
        tampering.insert_sealed,
        4,
        "Link 701 (record 700) does not follow link 700",
    ),
    "a record is put in": (
        tampering.insert_unsealed,
        1,
        "Record 1000000 (confirmed, 2026-10-05 06:08 UTC) is not in the chain, into which it "
        "belonged within minutes",
    ),
    "a record is put in, and sealed as if it were new": (
        tampering.insert_late,
        1,
        "Record 1000000 (confirmed, 2026-10-05 06:08 UTC) stands in the chain after one of "
        "2026-10-15 06:33 UTC: it was put in later than it says",
    ),
    "the tail's links are cut": (
        does(f"DELETE FROM consent_seal WHERE sequence > {EVENTS - 2}"),
        3,
        f"Record {EVENTS} (",
    ),
    "the tail is cut, records and all": (
        does(
            f"DELETE FROM consent_seal WHERE sequence > {EVENTS - 2}",
            f"DELETE FROM consent_detail WHERE consent_id > {EVENTS - 2}",
            f"DELETE FROM consent WHERE id > {EVENTS - 2}",
        ),
        1,
        f"The chain ends at link {EVENTS - 2}, and the head you kept is of link {EVENTS}: the "
        "last 2 links were cut off.",
    ),
    "all of it is cut": (
        does(
            "DELETE FROM consent_seal", "DELETE FROM consent_detail", "DELETE FROM consent"
        ),
        1,
        f"The chain ends at link 0, and the head you kept is of link {EVENTS}",
    ),
    "all of it is written anew": (
        tampering.rewrite,
        1,
        f"Link {EVENTS} is not the one that the head you kept was of: the chain was written anew "
        "since",
    ),
}  # fmt: skip


def test_each_way_of_tampering_is_found_and_its_place_named(
    database: Database, chain: Head
) -> None:
    for name, (tamper, count, sentence) in TAMPERING.items():
        with all_rights(database) as session:
            tamper(session)
            session.expire_all()
            found = verify_chain(session, NOW, heads=[chain])

        assert not found.holds, name
        told = [problem.sentence for problem in found.problems]
        assert found.problem_count == count, (name, told[:5])
        assert any(sentence in each for each in told), (name, told[:5])
        assert len(told) == min(found.problem_count, MOST_LISTED), name
    assert verified(database, chain).holds, "what was done was taken back"


def test_a_cut_tail_and_a_rewritten_chain_are_seen_by_the_head_alone(
    database: Database, chain: Head
) -> None:
    for name in ("the tail is cut, records and all", "all of it is written anew"):
        with all_rights(database) as session:
            TAMPERING[name][0](session)
            session.expire_all()
            assert verify_chain(session, NOW).holds, name


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consent SET at = 'yesterday' WHERE id = 700",
        "UPDATE consent SET subject = 'a text' WHERE id = 700",
        "UPDATE consent_seal SET hash = 'a text' WHERE sequence = 700",
    ],
)
def test_what_cannot_even_be_read_is_named(database: Database, chain: Head, statement: str) -> None:
    with all_rights(database) as session:
        session.execute(text(statement))
        found = verify_chain(session, NOW, heads=[chain])

    [problem] = found.problems
    assert (problem.link, problem.record) == (700, 700)
    assert problem.kind == "altered"
    assert (found.links, found.heads_held) == (EVENTS, 1)


def test_what_is_not_sealed_yet_is_told_and_is_no_mistake(
    desk: ReadersDesk, wording: Wording
) -> None:
    desk.subscribe()
    found = verified(desk.database)

    assert (found.holds, found.links, found.unsealed, found.head) == (True, 0, 2, None)
    with desk.database.reading() as session:
        late = verify_chain(session, NOW + timedelta(hours=4))
    assert [problem.record for problem in late.problems] == [1, 2]
    assert "is not in the chain" in late.problems[0].sentence


def test_details_of_what_is_not_sealed_yet_are_held_against_their_record(
    desk: ReadersDesk,
) -> None:
    desk.sign_up()
    with desk.database.transaction() as session:
        session.execute(text("UPDATE consent_detail SET name = 'Mina'"))

    [problem] = verified(desk.database).problems
    assert (problem.kind, problem.record) == ("details", 1)


def test_a_straggler_of_a_slow_transaction_is_sealed_and_is_no_mistake(
    database: Database, desk: ReadersDesk, wording: Wording
) -> None:
    with database.transaction() as session:
        make_events(session, wording, 1, 4)
        make_events(session, wording, 6, 2200)
    assert seal_consents(database, NOW) == 2204
    with database.transaction() as session:
        make_events(session, wording, 5, 1)

    # It is older than the newest two thousand: the search through all finds it, within the hour.
    assert seal_consents(database, NOW + timedelta(minutes=1)) == 0
    assert seal_consents(database, NOW + timedelta(minutes=61)) == 1
    found = verified(database)
    assert (found.holds, found.links, found.unsealed) == (True, 2205, 0)


def test_a_lower_id_that_commits_a_little_later_is_sealed_by_the_next_tick(
    database: Database, desk: ReadersDesk, wording: Wording
) -> None:
    with database.transaction() as session:
        make_events(session, wording, 1, 4)
        make_events(session, wording, 6, 100)
    assert seal_consents(database, NOW) == 104
    with database.transaction() as session:
        make_events(session, wording, 5, 1)

    assert seal_consents(database, NOW + timedelta(minutes=1)) == 1
    assert verified(database).holds


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_longer_chain_takes_no_more_memory(
    database: Database, desk: ReadersDesk, wording: Wording
) -> None:
    def collect(_: int) -> None:
        # What SQLAlchemy leaves behind in circles is the collector's to find, when it likes.
        gc.collect()

    def peak() -> int:
        tracemalloc.start()
        try:
            with database.reading() as session:
                assert verify_chain(session, NOW, batch=50, advanced=collect).holds
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    make_chain(database, wording, 200)
    # All that is there already: the collector need not look at it, batch after batch.
    gc.freeze()
    try:
        peak()
        shorter = peak()
        with database.transaction() as session:
            make_events(session, wording, 201, 1400)
        seal_consents(database, NOW)
        assert peak() < shorter * 1.5
    finally:
        gc.unfreeze()


# Heads


def test_heads_are_read_as_they_were_printed() -> None:
    one, two = Head(7, "ab" * 32), Head(90, "cd" * 32)

    assert read_heads(f"{one} 2026-11-29T16:00:00Z\n\n{two}\n") == (one, two)
    assert read_heads(f'{{"sequence": 7, "hash": "{one.hash}", "printed_at": "x"}}') == (one,)


@pytest.mark.parametrize(
    "kept",
    ["", "\n", "nonsense", "7", "0 " + "ab" * 32, "7 AB", "7 " + "ab" * 31, "{", "[]", '{"a": 1}',
     '{"sequence": null, "hash": 7}', "-7 " + "ab" * 32, "{" * 100_000],
)  # fmt: skip
def test_what_is_no_head_is_refused_with_a_word_on_how_to_get_one(kept: str) -> None:
    with pytest.raises(RefusedError, match="digest consent head"):
        read_heads(kept)
