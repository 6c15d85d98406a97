"""Many requests at the same moment: a link opens one session, a change happens once, and so on."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
from sqlalchemy import select

from digest.models import (
    AddressChange,
    Consent,
    ConsentKind,
    Farewell,
    LeavingReason,
    Notice,
    NoticeKind,
    ReaderSession,
    Subscriber,
    Subscription,
    Wording,
)
from digest.readers.consent.words_shown import words_shown
from digest.readers.preferences.address_change import ChangeState, ask_for_change, confirm_change
from digest.readers.preferences.farewells import tell_reason
from digest.readers.preferences.fresh_links import ask_by_address, ask_by_link, open_session
from digest.readers.preferences.leaving import leave
from digest.readers.signing_up.typed_address import TypedAddress
from tests.factories import NOW, SUPPRESSION_KEY
from tests.readers.conftest import EVIDENCE, ReadersDesk

T = TypeVar("T")
AT_ONCE = 6
NEW = "robin@example.net"


def at_once(one: Callable[[int], T]) -> list[T]:
    """Do it from several threads, let go together."""
    barrier = Barrier(AT_ONCE)

    def wait_and_do(number: int) -> T:
        barrier.wait()
        return one(number)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(wait_and_do, range(AT_ONCE)))


def fresh_link(desk: ReadersDesk) -> bytes:
    with desk.database.transaction() as session:
        ask_by_link(session, session.scalars(select(Subscriber)).one(), now=NOW)
    return next(row.token_id for row in desk.rows(Notice) if row.kind is NoticeKind.FRESH_LINK)


def test_one_press_of_many_opens_the_session(desk: ReadersDesk) -> None:
    desk.subscribe()
    token_id = fresh_link(desk)

    def press(_: int) -> str | None:
        with desk.database.transaction() as session:
            return open_session(session, token_id, now=NOW)[1]

    assert len([secret for secret in at_once(press) if secret]) == 1
    assert desk.count(ReaderSession) == 1


def test_an_address_asked_for_many_times_at_once_gets_its_three_mails(desk: ReadersDesk) -> None:
    desk.subscribe()

    def ask(_: int) -> str:
        with desk.database.transaction() as session:
            return ask_by_address(
                session, TypedAddress("robin@example.org"), now=NOW, suppression=SUPPRESSION_KEY
            )

    # Of those who ask at once one wins, and the others get no mail: two would be one too many.
    for _ in range(4):
        at_once(ask)
    kinds = [row.kind for row in desk.rows(Notice)]
    assert kinds.count(NoticeKind.FRESH_LINK) == 3


def test_an_address_is_changed_once_and_told_once(desk: ReadersDesk) -> None:
    period = desk.subscribe()
    with desk.database.transaction() as session:
        reader = session.scalars(select(Subscriber)).one()
        ask_for_change(
            session,
            reader,
            TypedAddress(NEW),
            period.newsletter_id,
            now=NOW,
            suppression=SUPPRESSION_KEY,
        )
    [change] = desk.rows(AddressChange)

    def press(_: int) -> ChangeState:
        with desk.database.transaction() as session:
            return confirm_change(
                session, change.token_id, EVIDENCE, now=NOW, suppression=SUPPRESSION_KEY
            ).state

    assert at_once(press).count(ChangeState.DONE) == 1
    assert [row.email for row in desk.rows(Subscriber)] == [NEW]
    assert [row.kind for row in desk.rows(Consent)].count(ConsentKind.CHANGED) == 1
    assert [row.kind for row in desk.rows(Notice)].count(NoticeKind.ADDRESS_CHANGED) == 1


def test_two_readers_who_want_one_address_do_not_both_get_it(desk: ReadersDesk) -> None:
    for number in range(AT_ONCE):
        desk.subscribe(f"reader{number}@example.org")
    tokens = []
    for reader in desk.rows(Subscriber):
        with desk.database.transaction() as session:
            row = AddressChange(
                token_id=bytes([reader.id]) * 16,
                subscriber_id=reader.id,
                email=NEW,
                email_key=NEW,
                requested_at=NOW,
                expires_at=NOW.replace(year=2027),
            )
            session.add(row)
            tokens.append(row.token_id)

    def press(number: int) -> ChangeState:
        with desk.database.transaction() as session:
            return confirm_change(
                session, tokens[number], EVIDENCE, now=NOW, suppression=SUPPRESSION_KEY
            ).state

    states = at_once(press)
    assert sorted(states) == [ChangeState.DONE, *[ChangeState.TAKEN] * (AT_ONCE - 1)]
    assert [row.email for row in desk.rows(Subscriber)].count(NEW) == 1


def test_reasons_given_at_the_same_moment_are_all_counted(desk: ReadersDesk) -> None:
    for number in range(AT_ONCE):
        period = desk.subscribe(f"reader{number}@example.org")
        with desk.database.transaction() as session:
            leave(session, period.token_id, EVIDENCE, now=NOW)
    periods = desk.rows(Subscription)

    def tell(number: int) -> bool:
        with desk.database.transaction() as session:
            return tell_reason(session, periods[number].token_id, LeavingReason.TOO_OFTEN, now=NOW)

    assert all(at_once(tell))
    assert [row.readers for row in desk.rows(Farewell)] == [AT_ONCE]


@pytest.mark.parametrize("same", [True, False])
def test_buttons_pressed_for_the_first_time_together_have_their_words(
    desk: ReadersDesk, same: bool
) -> None:
    def shown(number: int) -> str | None:
        label = "Save" if same else f"Button {number}"
        with desk.database.transaction() as session:
            found = words_shown(session, label, NOW)
            return found.label if found else None

    labels = at_once(shown)
    assert None not in labels
    assert sorted(row.label for row in desk.rows(Wording) if row.number < 0) == sorted(
        {label for label in labels if label}
    )
