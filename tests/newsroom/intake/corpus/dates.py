"""Dates: RFC 2822 and its obsolete zones, RFC 3339, and what people write instead."""

from datetime import UTC, datetime

from tests.newsroom.intake.corpus.samples import (
    Sample,
    Wanted,
    atom,
    entry,
    item,
    json_feed,
    json_item,
    rss,
)

POINT = "Dates"
NONE: frozenset[datetime | None] = frozenset({None})


def at(hour: int, minute: int = 0, *, day: int = 2, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def sample(
    written: str, published: datetime | frozenset[datetime | None] | None, name: str = ""
) -> Sample:
    """Return an RSS feed with this pubDate."""
    feed = rss(item(date=f"<pubDate>{written}</pubDate>"))
    return Sample(name or written, POINT, feed, (Wanted(published=published),))


# A day without an hour: its beginning, or its noon.
SOME_HOUR = frozenset({at(0, day=10), at(12, day=10)})

SAMPLES = (
    sample("Mon, 02 Nov 2026 09:00:00 +02:00", at(7)),
    sample("Mon, 02 Nov 2026 09:00:00 +0530", at(3, 30)),
    sample("2026-11-02 09:00:00 +02:00", at(7)),
    sample("2026-11-02T09:00:00+0200", at(7)),
    sample("2026-11-02t09:00:00z", at(9)),
    sample("2026-11-02T09:00:00.123456789-05:00", at(14).replace(microsecond=0)),
    sample("Mon, 02 Nov 2026 09:00:00 GMT+0200", at(7)),
    sample("Mon, 02 Nov 2026 09:00:00 MET", at(8)),
    sample("Thu, 02 Jul 2026 09:00:00 CEST", at(7, month=7)),
    sample("Mon, 02 Nov 2026 09:00:00 ET", at(14)),
    sample("Thu, 02 Jul 2026 09:00:00 ET", at(13, month=7)),
    sample("Mon, 02 Nov 2026 09:00:00 PST", at(17)),
    sample("Mon, 02 Nov 2026 09:00:00 +0100 (CET)", at(8)),
    sample("Mon, 02 Nov 2026 9:00 PM EST", at(2, day=3)),
    sample("Nov 2, 2026 12:15 AM EST", at(5, 15)),
    sample("02 Nov 26 09:00 UT", at(9)),
    sample("Tue, 02 Nov 2026 09:00:00 GMT", at(9), "the wrong day of the week"),
    sample("Monday, 2 November 2026 09:00:00 GMT", at(9)),
    sample("lun., 02 nov. 2026 09:00:00 +0100", at(8)),
    sample("Mo, 02 Mär 2026 09:00:00 +0100", at(8, month=3)),
    sample("2 de marzo de 2026 09:00:00 +0100", at(8, month=3)),
    sample("10.11.2026", SOME_HOUR | NONE, "10.11.2026 is not October"),
    sample("10.11.2026 09:00 +0100", frozenset({at(8, day=10), None})),
    sample("03/04/2026 09:00:00 GMT", None),
    sample("2026-11-10", SOME_HOUR),
    sample("2026-11", None),
    sample("2026", None),
    sample("November 2026", None),
    sample("10:30", None),
    sample("Tuesday", None),
    sample("yesterday", None),
    sample("1793610000", datetime.fromtimestamp(1793610000, UTC), "Unix seconds"),
    sample("Thu, 01 Jan 1970 00:00:00 GMT", None),
    sample("Mon, 30 Nov 2090 09:00:00 GMT", None),
    sample("Mon, 31 Feb 2026 09:00:00 GMT", None),
    sample("", None, "an empty pubDate"),
    Sample(
        "a bad pubDate beside a good dc:date",
        POINT,
        rss(item(date="<pubDate>soon</pubDate><dc:date>2026-11-02T09:00:00Z</dc:date>")),
        (Wanted(),),
    ),
    Sample("no date at all", "No date", rss(item(date="")), (Wanted(published=None),)),
    Sample(
        "no date in JSON Feed",
        "No date",
        json_feed(json_item(date_published=None)),
        (Wanted(published=None),),
    ),
    Sample(
        "the feed's date is not its items'",
        "No date",
        rss(item(date=""), head="<pubDate>Mon, 02 Nov 2026 09:00:00 GMT</pubDate>"),
        (Wanted(published=None),),
    ),
    Sample(
        "published before updated",
        POINT,
        atom(
            entry(
                "<published>2026-11-02T09:00:00Z</published>",
                date="<updated>2026-11-20T09:00:00Z</updated>",
            )
        ),
        (Wanted(),),
    ),
    Sample(
        "JSON Feed's offset",
        POINT,
        json_feed(json_item(date_published="2026-11-02T04:00:00-05:00")),
        (Wanted(),),
    ),
)
