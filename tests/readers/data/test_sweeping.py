"""What is kept for a while only: readers long gone, new addresses never confirmed, old sessions."""

import json
from datetime import timedelta

import pytest

from digest.database.transactions import Database
from digest.models import (
    AddressChange,
    Consent,
    ConsentDetail,
    ConsentKind,
    Newsletter,
    ReaderSession,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from digest.readers.consent.sealing import seal_consents
from digest.readers.consent.verifying import verify_chain
from digest.readers.data.sweeping import sweep_addresses, sweep_readers
from digest.readers.preferences.leaving import leave
from digest.tokens import new_token_id
from tests.factories import NOW, SUPPRESSION_KEY, make_newsletter
from tests.readers.conftest import EVIDENCE, ReadersDesk


def sweep(desk: ReadersDesk, months: int = 12) -> int:
    return sweep_readers(desk.database, desk.clock.now(), months, SUPPRESSION_KEY)


def leave_it(desk: ReadersDesk, period: Subscription) -> None:
    with desk.database.transaction() as session:
        leave(session, period.token_id, EVIDENCE, now=desk.clock.now())


def known(desk: ReadersDesk) -> list[str]:
    return [row.email for row in desk.rows(Subscriber) if row.email]


def test_who_left_long_ago_is_forgotten_and_the_chain_holds(desk: ReadersDesk) -> None:
    leave_it(desk, desk.subscribe("robin@example.org", name="Robin Aske"))
    desk.subscribe("mina@example.com")
    seal_consents(desk.database, NOW)
    desk.clock.advance(timedelta(days=365))
    assert sweep(desk) == 0
    desk.clock.advance(timedelta(days=1))
    assert sweep(desk, months=0) == 0, "0 keeps them for ever"
    assert sweep(desk) == 1

    assert known(desk) == ["mina@example.com"]
    assert "robin" not in json.dumps(desk.dump(), default=repr).lower()
    assert [row.kind for row in desk.rows(Consent)][-1] is ConsentKind.ERASED
    assert {row.email for row in desk.rows(ConsentDetail)} == {"mina@example.com"}
    assert [row.reason for row in desk.rows(Suppression)] == [SuppressionReason.ERASED]
    assert desk.count(Subscription) == 2, "the rows stay"
    assert sweep(desk) == 0
    seal_consents(desk.database, desk.clock.now())
    check_chain(desk)


def check_chain(desk: ReadersDesk) -> None:
    with desk.database.reading() as session:
        found = verify_chain(session, desk.clock.now())
        assert (found.holds, found.unsealed) == (True, 0)
        assert found.links == session.query(Consent).count()


def test_whoever_still_gets_something_or_came_back_is_kept(
    desk: ReadersDesk, database: Database
) -> None:
    with database.transaction() as session:
        make_newsletter(session, "climate", name="Climate Letter")
    for email in ("robin@example.org", "mina@example.com", "joss@example.com"):
        both = ("editors-digest", "climate")
        desk.subscribe(email, newsletters=both if email.startswith("robin") else both[:1])
    for period in desk.rows(Subscription):
        if period.newsletter_id == desk.rows(Newsletter)[0].id:
            leave_it(desk, period)
    desk.clock.advance(timedelta(days=400))
    desk.subscribe("mina@example.com")
    desk.sign_up("joss@example.com")

    assert sweep(desk) == 0
    desk.clock.advance(timedelta(days=3))
    assert sweep(desk) == 1, "joss did not confirm"
    assert known(desk) == ["robin@example.org", "mina@example.com"]


def test_who_was_forgotten_may_sign_up_again(desk: ReadersDesk) -> None:
    leave_it(desk, desk.subscribe())
    desk.clock.advance(timedelta(days=400))
    assert sweep(desk) == 1
    again = desk.subscribe()
    assert again.ended_at is None
    assert known(desk) == ["robin@example.org"]


@pytest.mark.parametrize("hours", [47, 49])
def test_new_addresses_and_sessions_are_forgotten_when_they_are_over(
    desk: ReadersDesk, hours: int
) -> None:
    period = desk.subscribe()
    with desk.database.transaction() as session:
        session.add(
            AddressChange(
                token_id=new_token_id(),
                subscriber_id=period.subscriber_id,
                email="robin@example.net",
                email_key="robin@example.net",
                requested_at=NOW,
                expires_at=NOW + timedelta(hours=48),
            )
        )
        session.add(
            ReaderSession(
                link=new_token_id(),
                secret_hash=bytes(32),
                subscriber_id=period.subscriber_id,
                opened_at=NOW + timedelta(hours=24),
                ends_at=NOW + timedelta(hours=24, minutes=30),
            )
        )
    more = sweep_addresses(
        desk.database,
        NOW + timedelta(hours=hours),
        unconfirmed_days=30,
        left_months=12,
        suppression=SUPPRESSION_KEY,
    )
    assert not more
    left = int(hours == 47)
    assert (desk.count(AddressChange), desk.count(ReaderSession)) == (left, left)
