"""The chain is walked along: it holds, or what is wrong is named."""

import gc
import tracemalloc
from datetime import timedelta

import pytest
from sqlalchemy import text

from digest.chain.heads import Head
from digest.chain.verifying import Findings
from digest.database.transactions import Database
from digest.models import Wording
from digest.readers.consent.chain import CONSENTS, find_head
from digest.readers.consent.sealing import seal_consents
from digest.readers.consent.verifying import verify_chain
from tests.chain.tampering import (
    Way,
    all_rights,
    assert_each_way_is_found,
    assert_only_the_head_tells,
    common_ways,
    does,
)
from tests.factories import NOW
from tests.readers.conftest import ReadersDesk
from tests.readers.consent.sealed import make_chain, make_events

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


# Each way of tampering, how many sentences it takes, and what is said of it.
TAMPERING: dict[str, Way] = {
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
} | common_ways(CONSENTS, EVENTS, "confirmed", "kind = 'imported'")


def test_each_way_of_tampering_is_found_and_its_place_named(
    database: Database, chain: Head
) -> None:
    assert_each_way_is_found(database, CONSENTS, TAMPERING, chain)


def test_a_cut_tail_and_a_rewritten_chain_are_seen_by_the_head_alone(
    database: Database, chain: Head
) -> None:
    assert_only_the_head_tells(database, CONSENTS, TAMPERING)


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
