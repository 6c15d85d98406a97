"""How many mails of a kind an address gets in a day: each takes a value of `Notice.once`.

`mac` stands for what they are counted by. For mails that a stranger can have sent to an address it
is `SuppressionKey.mailbox_mac`: one mailbox has many addresses.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from digest.models import Notice, NoticeKind

MOST_A_DAY = {
    NoticeKind.CONFIRMATION: 2,
    NoticeKind.ALREADY_SIGNED_UP: 1,
    NoticeKind.FRESH_LINK: 3,
    NoticeKind.USER_LINK: 3,
}


def free_once(session: Session, kind: NoticeKind, mac: str, now: datetime) -> str | None:
    """Return a free value for `Notice.once`, or None: the address had its mails of 24 hours.

    The count looks at the last 24 hours; that the value is unique keeps two requests at the same
    moment from passing it together.
    """
    used = select(Notice.once, Notice.created_at).where(Notice.once.in_(slots_of(kind, mac, now)))
    taken = {row.once: row.created_at for row in session.execute(used)}
    return free_among(taken, kind, mac, now)


def free_again(session: Session, kind: NoticeKind, mac: str, now: datetime) -> datetime | None:
    """Return when the address may have another mail of a kind; None where it may at once.

    Only for who has proved to read that address: to anybody else it tells that it is known.
    """
    used = select(Notice.created_at).where(
        Notice.once.in_(slots_of(kind, mac, now)), Notice.created_at > now - timedelta(days=1)
    )
    recent = sorted(session.scalars(used))
    most = MOST_A_DAY[kind]
    return recent[-most] + timedelta(days=1) if len(recent) >= most else None


def give_back(
    session: Session, kind: NoticeKind, mac: str, asked_at: datetime, which: ColumnElement[bool]
) -> None:
    """Count a mail no longer that was asked for at that moment: whoever has the mailbox used it."""
    session.execute(
        update(Notice)
        .where(Notice.once.in_(slots_of(kind, mac, asked_at)), which)
        .values(once=None)
        .execution_options(synchronize_session=False)
    )


def slots_of(kind: NoticeKind, mac: str, now: datetime) -> list[str]:
    """Return the values that an address may take: today's and yesterday's."""
    today, yesterday = now.date(), (now - timedelta(days=1)).date()
    return [
        f"{kind.value}:{day}:{slot}:{mac}"
        for day in (today, yesterday)
        for slot in range(MOST_A_DAY[kind])
    ]


def free_among(
    used: Mapping[str, datetime], kind: NoticeKind, mac: str, now: datetime
) -> str | None:
    """Return a free one, where `used` tells when those that are taken were."""
    slots = slots_of(kind, mac, now)
    taken = [used[slot] for slot in slots if slot in used]
    recent = sum(created_at > now - timedelta(days=1) for created_at in taken)
    if recent >= MOST_A_DAY[kind]:
        return None
    return next(slot for slot in slots if slot not in used)
