"""Finding what is held by the address that somebody typed, whatever names are taken today."""

import pytest

from digest.errors import NotFoundError
from digest.models import Subscriber
from digest.readers.consent.proving import prove
from digest.readers.data.finding import find_reader
from digest.reserved_names import ReservedNames
from tests.factories import SUPPRESSION_KEY
from tests.readers.conftest import ReadersDesk

OWN = ReservedNames(own=frozenset({"corp", "xn--bro-hoa"}))
LONG = "r" * 65


@pytest.mark.parametrize(
    ("taken", "typed"),
    [
        ("robin@corp", " Robin@CORP "),
        ("robin@büro", "robin@BÜRO"),
        ("robin@büro", "robin@xn--bro-hoa"),
        ("josé@corp", "jose\u0301@corp"),
        ("robin@paper.test", "ROBIN@paper.test"),
    ],
)
def test_an_address_that_earlier_settings_took_finds_its_reader_and_their_proof(
    desk: ReadersDesk, taken: str, typed: str
) -> None:
    desk.subscribe(taken, reserved=OWN)

    with desk.database.reading() as session:
        assert find_reader(session, typed).email == taken
        proof = prove(session, typed, now=desk.clock.now(), suppression=SUPPRESSION_KEY)
    assert [event.kind for event in proof.events] == ["requested", "confirmed"]


def test_an_address_that_earlier_rules_took_finds_its_reader_and_their_proof(
    desk: ReadersDesk,
) -> None:
    desk.subscribe("robin@example.org")
    with desk.database.transaction() as session:
        # As it was kept when the part before the @ was counted in letters, and not bounded at 64.
        reader = session.get_one(Subscriber, 1)
        reader.email, reader.email_key = f"{LONG.upper()}@example.org", f"{LONG}@example.org"

    with desk.database.reading() as session:
        typed = f" {LONG.title()}@Example.org"
        assert find_reader(session, typed).id == 1
        assert prove(session, typed, now=desk.clock.now(), suppression=SUPPRESSION_KEY).events
        # Where nobody has it, what is wrong with it is said.
        with pytest.raises(NotFoundError, match="at most 64 characters"):
            find_reader(session, f"s{LONG}@example.org")
        with pytest.raises(NotFoundError, match="at most 64 characters"):
            prove(
                session,
                f"s{LONG}@example.org",
                now=desk.clock.now(),
                suppression=SUPPRESSION_KEY,
            )
