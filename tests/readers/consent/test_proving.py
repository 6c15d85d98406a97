"""The proof for one person: all that happened, the exact words, and how a stranger checks it."""

import hashlib
import hmac
import json
from dataclasses import asdict
from datetime import timedelta

import pytest

from digest.errors import NotFoundError
from digest.models import SignUp
from digest.newsroom.terms import publish_terms
from digest.readers.consent.chain import chain_lines, find_head
from digest.readers.consent.proving import Proof, prove
from digest.readers.consent.sealing import seal_consents
from digest.readers.preferences.leaving import leave
from tests.chain.tampering import all_rights, does
from tests.factories import NOW, SUPPRESSION_KEY
from tests.readers.conftest import EVIDENCE, TERMS, ReadersDesk
from tests.readers.data.test_erasing import erased


def proof_of(desk: ReadersDesk, email: str = "robin@example.org") -> Proof:
    with desk.database.reading() as session:
        return prove(session, email, now=desk.clock.now(), suppression=SUPPRESSION_KEY)


def test_every_event_is_there_with_its_evidence_and_the_exact_words(desk: ReadersDesk) -> None:
    period = desk.subscribe(name="Robin")
    desk.clock.advance(timedelta(days=3))
    with desk.database.transaction() as session:
        publish_terms(session, "Newer terms.", desk.clock.now(), "I agree to [these]")
        leave(session, period.token_id, EVIDENCE, now=desk.clock.now())
    desk.subscribe("mina@example.com", wording="2")
    seal_consents(desk.database, desk.clock.now())
    proof = proof_of(desk, " ROBIN@Example.org ")

    assert [event.kind for event in proof.events] == ["requested", "confirmed", "withdrawn"]
    assert {event.newsletter for event in proof.events} == {"editors-digest"}
    asked = proof.events[0].personal
    assert asked
    assert (asked.email, asked.name, asked.ip, asked.page_url) == (
        *("robin@example.org", "Robin", "203.0.113.7", "https://halyard.example/"),
    )
    [words] = proof.words
    assert (words.number, words.sentence, words.terms_version, words.terms) == (
        *(1, "I have read and agree to the [terms & conditions]", 1),
        TERMS.strip() + "\n",
    )
    assert proof.fits
    assert "mina" not in json.dumps(asdict(proof), default=str)


def test_a_stranger_can_check_all_of_it_with_nothing_of_ours(desk: ReadersDesk) -> None:
    desk.subscribe("mina@example.com")
    desk.subscribe(name="Robin “R” Åske")
    seal_consents(desk.database, NOW)
    proof = json.loads(json.dumps(asdict(proof_of(desk)), default=str))
    with desk.database.reading() as session:
        lines = "".join(chain_lines(session)).splitlines()
        head = find_head(session)

    # What the page tells them to do.
    words = [proof["words"][0][name] for name in ("number", "sentence", "terms_version", "terms")]
    written = json.dumps(words, separators=(",", ":"), ensure_ascii=False).encode()
    assert hashlib.sha256(written).hexdigest() == proof["words"][0]["hash"]
    for event in proof["events"]:
        link, personal = event["link"], event["personal"]
        assert hashlib.sha256(link["written"].encode()).hexdigest() == link["hash"]
        sealed = json.loads(link["written"])
        assert sealed["words"] == proof["words"][0]["hash"]
        assert (sealed["sequence"], sealed["previous"]) == (link["sequence"], link["previous"])
        mac = hmac.new(bytes.fromhex(personal["salt"]), personal["written"].encode(), "sha256")
        assert mac.hexdigest() == sealed["mac"] == event["mac"]
        assert json.loads(personal["written"])["email"] == "robin@example.org"
        assert link["written"] in lines
    previous = "0" * 64
    for line in lines:
        assert json.loads(line)["previous"] == previous
        previous = hashlib.sha256(line.encode()).hexdigest()
    assert head
    assert previous == head.hash == proof["head"]["hash"]
    assert "robin" not in "".join(lines).lower()


def test_what_is_not_sealed_yet_is_shown_as_such(desk: ReadersDesk) -> None:
    desk.sign_up()
    proof = proof_of(desk)

    assert [event.link for event in proof.events] == [None]
    assert proof.fits
    assert proof.head is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consent SET kind = 'imported' WHERE id = 1",
        "UPDATE consent_detail SET email = 'robin@example.org', ip = '198.51.100.1'",
        "UPDATE terms SET body = 'We sell your address.'",
    ],
)
def test_what_was_altered_is_not_proven(desk: ReadersDesk, statement: str) -> None:
    desk.subscribe()
    seal_consents(desk.database, NOW)
    with all_rights(desk.database) as session:
        does(statement)(session)
        session.expire_all()
        proof = prove(session, "robin@example.org", now=NOW, suppression=SUPPRESSION_KEY)

    assert not proof.fits


def test_after_an_erasure_nothing_is_found_by_the_address_and_what_is_left_is_said(
    desk: ReadersDesk,
) -> None:
    desk.subscribe()
    erased(desk)

    with pytest.raises(NotFoundError) as told:
        proof_of(desk)
    assert "That address was erased on 2026-11-14: nothing can be found by it" in str(told.value)
    assert "one scrambled mark" in str(told.value)
    with pytest.raises(NotFoundError, match="Nothing is held under that address"):
        proof_of(desk, "nobody@example.org")
    with pytest.raises(NotFoundError, match="with an @"):
        proof_of(desk, "nobody")


def test_a_sign_up_that_was_never_confirmed_is_proven_too(desk: ReadersDesk) -> None:
    desk.sign_up("Robin@example.org")
    desk.clock.advance(timedelta(days=2))
    desk.sign_up("robin@example.org")

    assert len(proof_of(desk).events) == 2
    assert desk.count(SignUp) == 2
