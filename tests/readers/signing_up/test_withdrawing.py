"""A sign-up with a wrong address is taken back, by whoever was shown its page."""

import pytest
from sqlalchemy import update

from digest.models import ConsentDetail, Notice, NoticeState, SignUp, Subscription
from digest.readers.signing_up.confirming import ConfirmState
from digest.readers.signing_up.withdrawing import withdraw
from tests.factories import SUPPRESSION_KEY
from tests.readers.conftest import ReadersDesk


def take_back(desk: ReadersDesk, sign_up: bytes) -> None:
    with desk.database.transaction() as session:
        withdraw(session, sign_up, now=desk.clock.now(), suppression=SUPPRESSION_KEY)


def test_its_mail_and_its_address_are_gone(desk: ReadersDesk) -> None:
    asked = desk.sign_up("robni@example.org", name="Robin")
    take_back(desk, asked.sign_up)

    [row], [notice] = desk.rows(SignUp), desk.rows(Notice)
    assert (row.email, row.email_key, row.name) == (None, None, None)
    assert (notice.state, notice.to_address) == (NoticeState.CANCELLED, None)
    assert desk.count(ConsentDetail) == 0
    assert desk.confirm(row.token_id).state is ConfirmState.UNKNOWN
    assert desk.count(Subscription) == 0


def test_it_counts_as_one_of_the_two_of_its_day(desk: ReadersDesk) -> None:
    for _ in range(4):
        take_back(desk, desk.sign_up().sign_up)
    assert desk.count(Notice) == 2


def test_a_mail_that_went_out_leads_nowhere(desk: ReadersDesk) -> None:
    asked = desk.sign_up()
    with desk.database.transaction() as session:
        session.execute(update(Notice).values(state=NoticeState.ACCEPTED, to_address=None))
    take_back(desk, asked.sign_up)

    assert desk.rows(Notice)[0].state is NoticeState.ACCEPTED
    assert desk.confirm(asked.sign_up).state is ConfirmState.UNKNOWN


def test_another_sign_up_of_that_address_stays(desk: ReadersDesk) -> None:
    first = desk.sign_up(name="Robin")
    second = desk.sign_up()
    take_back(desk, second.sign_up)

    assert [notice.state for notice in desk.rows(Notice)] == [
        NoticeState.QUEUED,
        NoticeState.CANCELLED,
    ]
    assert desk.count(ConsentDetail) == 2
    assert desk.confirm(first.sign_up).state is ConfirmState.CONFIRMED


@pytest.mark.parametrize("state", ["confirmed", "a reader's", "nobody's"])
def test_what_does_not_wait_is_left_alone(desk: ReadersDesk, state: str) -> None:
    desk.subscribe()
    asked = desk.rows(SignUp)[0].token_id if state == "confirmed" else desk.sign_up().sign_up
    asked = bytes(16) if state == "nobody's" else asked
    before = desk.dump()
    take_back(desk, asked)

    assert desk.dump() == before
