"""Who asked, confirmed, came and went, day by day: counted once, and the same if counted again."""

from datetime import date, timedelta

from sqlalchemy import update

from digest.models import Counted, DayCount, EndedReason, SignUp, Subscription
from digest.readers.consent.recording import Evidence
from digest.readers.data.day_counts import count_days
from digest.readers.preferences.leaving import leave
from tests.factories import NOW
from tests.readers.conftest import ReadersDesk

TODAY, TOMORROW = NOW.date(), NOW.date() + timedelta(days=1)
Counts = dict[tuple[date, Counted, str], int]


def counts(desk: ReadersDesk) -> Counts:
    rows = desk.rows(DayCount)
    return {(row.day, row.what, row.detail): row.readers for row in rows}


def test_each_day_has_its_counts(desk: ReadersDesk) -> None:
    for place, form in enumerate(("footer", "footer", None)):
        desk.sign_up(f"reader{place}@example.org", evidence=Evidence(form=form))
    first, second, _ = desk.rows(SignUp)
    desk.confirm(first.token_id)
    count_days(desk.database, desk.clock.now())
    assert counts(desk) == {
        (TODAY, Counted.ASKED, "footer"): 2,
        (TODAY, Counted.ASKED, ""): 1,
        (TODAY, Counted.CONFIRMED, "footer"): 1,
        (TODAY, Counted.STARTED, ""): 1,
    }
    desk.clock.at += timedelta(days=1)
    desk.confirm(second.token_id)
    with desk.database.transaction() as session:
        leave(session, desk.rows(Subscription)[0].token_id, now=desk.clock.now())
    expected = counts(desk) | {
        (TOMORROW, Counted.CONFIRMED, "footer"): 1,
        (TOMORROW, Counted.STARTED, ""): 1,
        (TOMORROW, Counted.ENDED, EndedReason.LEFT.value): 1,
    }
    for days in (1, 1, 2, 3):
        count_days(desk.database, NOW + timedelta(days))
        assert counts(desk) == expected
    # A form's name is forgotten with who never confirmed; what was counted of it is not.
    with desk.database.transaction() as session:
        session.execute(update(SignUp).values(form=None))
    count_days(desk.database, NOW + timedelta(40))
    assert counts(desk) == expected
