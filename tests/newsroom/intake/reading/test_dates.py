from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.newsroom.intake.reading.date_words import MONTHS
from digest.newsroom.intake.reading.dates import first_certain, read_date

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
NINE = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
DAY = datetime(2026, 11, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        # RFC 822 and 2822, and what is written in their place
        "Tue, 10 Nov 2026 09:00:00 GMT",
        "Tue, 10 Nov 2026 09:00:00 +0000",
        "Tue, 10 Nov 2026 09:00:00 -0000",
        "Tue, 10 Nov 2026 11:00:00 +0200",
        "Tue, 10 Nov 2026 11:00:00 +02:00",
        "Tue, 10 Nov 2026 11:00:00+0200",
        "Tue, 10 Nov 2026 11:00:00 +2",
        "Tue, 10 Nov 2026 11:00:00 GMT+0200",
        "Tue, 10 Nov 2026 11:00:00 GMT +02:00",
        "Tue, 10 Nov 2026 11:00:00 UTC+2",
        "Tue, 10 Nov 2026 03:30:00 \u22120530",
        "Tue, 10 Nov 2026 04:00:00 EST",
        "Tue, 10 Nov 2026 04:00:00 EST -0500",
        "Tue, 10 Nov 2026 04:00:00 ET",
        "Tue, 10 Nov 2026 05:00 EDT",
        "Tue, 10 Nov 2026 01:00 PST",
        "Tue, 10 Nov 2026 10:00:00 MET",
        "Tue, 10 Nov 2026 10:00:00 CET",
        "Tue, 10 Nov 2026 11:00:00 CEST",
        "Tue, 10 Nov 2026 11:00:00 +0200 (CEST)",
        "Tue, 10 Nov 2026 09:00:00 Z",
        "Tue, 10 Nov 2026 09:00:00",
        "Tue,10 Nov 2026 9:00:00 GMT",
        "Mon, 10 Nov 2026 09:00:00 GMT",
        "10 Nov 26 09:00 UT",
        "10-Nov-2026 09:00 UTC",
        "Tue Nov 10 09:00:00 2026",
        "Tue Nov 10 09:00:00 UTC 2026",
        "Tue Nov 10 09:00:00 +0000 2026",
        "Tue Nov 10 2026 11:00:00 GMT+0200 (Central European Summer Time)",
        "November 10, 2026 4:00 AM EST",
        "Tuesday, November 10th, 2026 at 9:00 a.m. UTC",
        "9:00 AM GMT, November 10, 2026",
        "Nov. 10, 2026, 9 AM GMT",
        # RFC 3339 and ISO 8601
        "2026-11-10T09:00:00Z",
        "2026-11-10t09:00:00z",
        "2026-11-10T09:00:00.123456789Z",
        "2026-11-10T09:00:00,5Z",
        "2026-11-10T11:00:00+02:00",
        "2026-11-10T11:00:00.000+0200",
        "2026-11-10T11:00+02",
        "2026-11-10 11:00:00 +0200",
        "2026-11-10 09:00:00 UTC",
        "2026-11-10 09:00",
        "2026-11-10T11:00:00+02:00[Europe/Berlin]",
        "Tue, 2026-11-10T09:00:00Z",
        "Tue, 2026-11-10 09:00",
        "20261110T090000Z",
        "20261110T0900Z",
        "20261110T110000+0200",
        "20261110090000",
        "2026/11/10 09:00:00",
        # Unix
        "1794301200",
        "1794301200.0",
        "1794301200000",
        # others
        "10.11.2026 09:00",
        "10.11.2026, 09:00 Uhr",
        "Dienstag, 10. November 2026 um 10:00 MEZ",
        "mardi 10 novembre 2026 à 09h00",
        "2026年11月10日 09:00",
    ],
)
def test_a_moment_is_read_as_it_was_meant(text: str) -> None:
    assert read_date(text).replace(microsecond=0) == NINE  # type: ignore[union-attr]


def test_an_afternoon_is_one() -> None:
    assert read_date("Nov 10, 2026 9:00 PM EST") == datetime(2026, 11, 11, 2, 0, tzinfo=UTC)
    assert read_date("Nov 10, 2026 12:00 PM GMT") == DAY.replace(hour=12)
    assert read_date("Nov 10, 2026 12:30 AM GMT") == DAY.replace(minute=30)
    assert read_date("2026-11-10T24:00:00Z") == DAY + timedelta(days=1)
    assert read_date("2016-12-31T23:59:60Z") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_eastern_time_follows_the_summer() -> None:
    assert read_date("July 1, 2026 9:00 AM ET") == datetime(2026, 7, 1, 13, 0, tzinfo=UTC)
    assert read_date("January 5, 2026 9:00 AM ET") == datetime(2026, 1, 5, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-10",
        "Tue, 10 Nov 2026",
        "10.11.2026",
        "10. 11. 2026",
        "2026. 11. 10.",
        "2026/11/10",
        "20261110",
        "2026-314",
        "2026-W46-2",
        "2026-11-10Z",
        "Nov 10, 2026",
        "2026 Nov 10",
        "10/Nov/2026",
        "10. November 2026",
        "10 novembre 2026",
        "mardi 10 novembre 2026",
        "10 de noviembre de 2026",
        "martes, 10 de noviembre de 2026",
        "mar, 10 nov 2026",
        "martedì 10 novembre 2026",
        "terça-feira, 10 de novembro de 2026",
        "dinsdag 10 november 2026",
        "tirsdag den 10. november 2026",
        "tisdag 10 november 2026",
        "10 listopada 2026",
        "wtorek, 10 listopada 2026 r.",
        "10. listopadu 2026",
        "10 ноября 2026 г.",
        "вторник, 10 ноября 2026",
        "10 листопада 2026 р.",
        "10 Kasım 2026 Salı",
        "tiistai 10. marraskuuta 2026",
        "2026. november 10.",
        "10 noiembrie 2026",
        "10 Νοεμβρίου 2026",
        "10 de novembre de 2026",
        "2026년 11월 10일",
        "2026年11月10日",
        "the 10th of November 2026",
    ],
)
def test_a_date_alone_is_the_beginning_of_its_day(text: str) -> None:
    assert read_date(text) == DAY


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("13/11/2026", (2026, 11, 13)),
        ("11/13/2026", (2026, 11, 13)),
        ("11/11/2026", (2026, 11, 11)),
        ("25-12-2025", (2025, 12, 25)),
        ("1er mars 2026", (2026, 3, 1)),
        ("3. März 2026", (2026, 3, 3)),
        ("mar 3 mar 2026", (2026, 3, 3)),
        ("3 août 2026", (2026, 8, 3)),
        ("1º de março de 2026", (2026, 3, 1)),
        ("1 Şubat 2026", (2026, 2, 1)),
        ("3 мая 2026", (2026, 5, 3)),
        ("3 maja 2026", (2026, 5, 3)),
        ("3. září 2026", (2026, 9, 3)),
        ("3. kesäkuuta 2026", (2026, 6, 3)),
    ],
)
def test_a_day_is_read_in_its_order_and_language(text: str, date: tuple[int, int, int]) -> None:
    assert read_date(text) == datetime(*date, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "today",
        "10/11/2026",
        "10-11-2026 09:00",
        "November 2026",
        "2026",
        "2026-11",
        "10 November",
        "Tue 09:00",
        "9:00 PM EST",
        "10.11.",
        "10.11.26",
        "31 Nov 2026",
        "2026-13-10",
        "2026-11-10T25:00:00Z",
        "2026-11-10T09:61:00Z",
        "Tue, 10 Nov 2026 13:00 PM GMT",
        "Tue, 10 Nov 2026 09:00:00 IST",
        "Tue, 10 Nov 2026 09:00:00 EST +0200",
        "Tue, 10 Nov 2026 09:00:00 +9900",
        "Tue, 10 Nov 2026 09:00:00 XYZ",
        "10 Brumaire 2026",
        "10 Nov 2026 maybe",
        "10 Nov Dec 2026",
        "7",
        "12345678901",
        "99999999",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T24:00:00Z",
        "https://halyard.example/2026/11/10/port",
        "2026-11-10 09:00 to 2026-11-12 10:00",
        "1" * 5000,
    ],
)
def test_what_is_not_certain_is_no_date(text: str) -> None:
    assert read_date(text) is None


def test_the_first_date_that_can_be_true_is_taken() -> None:
    assert first_certain(["yesterday", "10/11/2026", "2026-11-10T09:00:00Z"], NOW) == (NINE, False)
    assert first_certain(["0001-01-01", "1970-01-01", "2026-11-10T09:00:00Z"], NOW) == (NINE, False)
    assert first_certain([], NOW) == (None, False)


@pytest.mark.parametrize(
    ("dates", "at", "to_come"),
    [
        (["2026-11-30T12:00:01Z"], None, True),
        (["2026-12-24", "2026-11-10T09:00:00Z"], NINE, True),
        (["2026-11-10T09:00:00Z", "2026-12-24"], NINE, False),
        (["2027-11-30T12:00:00Z"], None, True),
        (["2099-01-01", "2026-11-10T09:00:00Z"], NINE, False),
    ],
)
def test_a_date_that_is_still_to_come_is_none_until_then(
    dates: list[str], at: datetime | None, to_come: bool
) -> None:
    assert first_certain(dates, NOW) == (at, to_come)


def test_a_date_is_the_same_at_every_fetch() -> None:
    for text in ("10 November 2026", "2026-11-10", "Nov 10, 2026 09:00", "9:00"):
        read = {first_certain([text], NOW + timedelta(days=days)) for days in range(40)}
        assert len(read) == 1


def test_every_month_of_the_table_is_read() -> None:
    for word, month in MONTHS.items():
        assert read_date(f"3 {word} 2025") == datetime(2025, month, 3, tzinfo=UTC), word


@given(st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30)))  # noqa: DTZ001
def test_what_the_standards_write_is_read(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC, microsecond=0)

    assert read_date(moment.isoformat()) == moment
    assert read_date(moment.strftime("%d %b %Y %H:%M:%S GMT")) == moment


PARTS = (
    "10 11 2026 Nov mar , . / - + : T Z 09:00 :00 +0200 GMT EST pm ( ) [ 年 w46 \u0660 ² 99".split(
        " "
    )
)


@given(
    st.text(st.characters(exclude_categories=()))
    | st.lists(st.sampled_from([*PARTS, " "])).map("".join)
)
def test_anything_is_a_date_in_utc_or_none(text: str) -> None:
    date = read_date(text)

    assert date is None or date.tzinfo is UTC
