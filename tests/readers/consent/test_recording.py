"""Evidence: what it proves, that it cannot be altered, and the chain over it."""

import hashlib
import hmac
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from digest.chain.links import FIRST_PREVIOUS
from digest.database.transactions import Database
from digest.models import Consent, ConsentDetail, ConsentKind, ConsentSeal, Wording
from digest.readers.consent.chain import seal_hash, words_hash
from digest.readers.consent.recording import Evidence, Personal, record_consent
from digest.readers.consent.sealing import seal_consents
from tests.factories import NOW
from tests.readers.conftest import EVIDENCE, ReadersDesk


def chain_holds(desk: ReadersDesk) -> bool:
    consents = {consent.id: consent for consent in desk.rows(Consent)}
    words = {wording.id: words_hash(wording) for wording in desk.rows(Wording)}
    previous = FIRST_PREVIOUS
    for sequence, seal in enumerate(desk.rows(ConsentSeal), start=1):
        consent = consents[seal.consent_id]
        shown = words[consent.wording_id] if consent.wording_id else None
        expected = seal_hash(sequence, previous, consent, shown)
        if (seal.sequence, seal.previous, seal.hash) != (sequence, previous, expected):
            return False
        previous = seal.hash
    return True


def test_the_mac_is_that_of_the_personal_fields_under_the_salt(desk: ReadersDesk) -> None:
    desk.sign_up(name="Robin")

    [consent], [detail] = desk.rows(Consent), desk.rows(ConsentDetail)
    written = (
        '{"email":"robin@example.org","form":null,"ip":"203.0.113.7","name":"Robin",'
        '"page_url":"https://halyard.example/","user_agent":"A browser"}'
    )
    assert consent.mac == hmac.digest(detail.salt, written.encode(), hashlib.sha256)
    assert len(detail.salt) == 32


def test_an_altered_field_no_longer_fits_its_mac() -> None:
    personal = Personal(email="robin@example.org", ip="203.0.113.7")

    assert personal.mac(b"s" * 32) != replace(personal, ip="203.0.113.8").mac(b"s" * 32)
    assert personal.mac(b"s" * 32) != personal.mac(b"t" * 32)


def test_where_nothing_personal_is_known_no_detail_is_kept(desk: ReadersDesk) -> None:
    with desk.database.transaction() as session:
        record_consent(session, ConsentKind.ERASED, b"s" * 16, now=NOW, evidence=Evidence())

    assert desk.count(Consent) == 1
    assert desk.count(ConsentDetail) == 0


@pytest.mark.parametrize("table", ["consent", "consent_seal"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}"])
def test_evidence_cannot_be_changed_or_deleted(
    desk: ReadersDesk, table: str, statement: str
) -> None:
    desk.sign_up()
    seal_consents(desk.database, NOW)
    column = "kind = 'withdrawn'" if table == "consent" else "sequence = 9"
    before = desk.dump()

    with pytest.raises(DBAPIError, match="insert-only"), desk.database.transaction() as session:
        session.execute(text(statement.format(table, column)))
    assert desk.dump() == before


def test_sealing_makes_a_chain_from_all_that_is_not_in_it(desk: ReadersDesk) -> None:
    desk.subscribe()
    assert seal_consents(desk.database, NOW) == 2
    assert seal_consents(desk.database, NOW) == 0
    desk.subscribe("mina@example.com")
    assert seal_consents(desk.database, NOW, limit=1) == 1
    assert seal_consents(desk.database, NOW) == 1

    assert [seal.sequence for seal in desk.rows(ConsentSeal)] == [1, 2, 3, 4]
    assert chain_holds(desk)


def test_sealing_by_two_ticks_at_once_makes_one_chain(desk: ReadersDesk) -> None:
    for number in range(20):
        desk.sign_up(f"reader{number}@example.org")
    start = threading.Barrier(3)

    def tick() -> None:
        start.wait()
        for _ in range(8):
            seal_consents(desk.database, NOW, limit=3)

    threads = [threading.Thread(target=tick) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert desk.count(ConsentSeal) == 20
    assert chain_holds(desk)


CHANGES: list[Callable[[Consent], Any]] = [
    lambda consent: setattr(consent, "kind", ConsentKind.IMPORTED),
    lambda consent: setattr(consent, "at", NOW + timedelta(microseconds=1)),
    lambda consent: setattr(consent, "mac", b"m" * 32),
    lambda consent: setattr(consent, "subject", b"s" * 16),
    lambda consent: setattr(consent, "newsletter_id", 99),
]


def test_the_chain_tells_when_a_consent_or_its_words_were_altered(
    desk: ReadersDesk, database: Database, wording: Wording
) -> None:
    desk.sign_up()
    [consent] = desk.rows(Consent)
    words = words_hash(wording)
    link = seal_hash(1, FIRST_PREVIOUS, consent, words)

    for change in CHANGES:
        [altered] = desk.rows(Consent)
        change(altered)
        assert seal_hash(1, FIRST_PREVIOUS, altered, words) != link
    assert seal_hash(2, FIRST_PREVIOUS, consent, words) != link
    wording.terms.body = "We sell your address."
    assert seal_hash(1, FIRST_PREVIOUS, consent, words_hash(wording)) != link


def test_evidence_is_what_the_request_said(desk: ReadersDesk) -> None:
    desk.sign_up(evidence=replace(EVIDENCE, form="footer"))

    [detail] = desk.rows(ConsentDetail)
    assert (detail.form, detail.page_url) == ("footer", "https://halyard.example/")
