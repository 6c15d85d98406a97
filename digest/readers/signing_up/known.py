"""All that a sign-up needs to know, asked in one statement, whoever the address belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import BindParameter, Connection, and_, bindparam, select

from digest.database.inserting import next_id
from digest.database.prepared import Prepared
from digest.models import (
    Newsletter,
    Notice,
    NoticeKind,
    Relay,
    SignUp,
    Subscriber,
    Subscription,
    Suppression,
    Wording,
    blocks_mail,
)
from digest.readers.mails_a_day import MOST_A_DAY, slots_of
from digest.readers.signing_up.asking import CONSENT, SIGN_UP
from digest.readers.signing_up.sign_up_form import AskedFor, Offer, SignUpForm, Words, wording_in

KINDS = (NoticeKind.CONFIRMATION, NoticeKind.ALREADY_SIGNED_UP)


@dataclass(frozen=True)
class KnownReader:
    """The reader that an address belongs to."""

    id: int
    subject: bytes
    email: str


@dataclass(frozen=True)
class Known:
    """All that is known of a form and its address.

    `active`: the newsletters that the reader has. `used`: the values of `Notice.once` that are
    taken. `ids`: by newsletter, those of the sign-up and the consent that may be written.
    """

    offer: Offer | None
    reader: KnownReader | None
    earlier: bytes | None
    active: frozenset[int]
    blocked: bool
    used: Mapping[str, datetime]
    ids: Mapping[int, tuple[int, int]]


def look_up(
    connection: Connection,
    form: SignUpForm,
    slugs: tuple[str, ...],
    key: str,
    mac: str,
    now: datetime,
    *,
    mailbox: str,
    relay: str | None = None,
) -> Known:
    """Look up a form whose slugs and address are well-formed. What is not there is None.

    `mac` and `mailbox` stand for the address, and for what its mails are counted by. `relay`: the
    name of the one of whom the address needs more than others do.
    """
    values: dict[str, object] = {"number": wording_in(form), "key": key, "mac": mac}
    values |= {f"slug{number}": slug for number, slug in enumerate(slugs)}
    values |= {f"once{number}": once for number, once in enumerate(_looked_for(mailbox, now))}
    if relay is not None:
        values["relay"] = relay
    rows = _statement(len(slugs), of_relay=relay is not None).run(connection, values)
    if not rows:
        return Known(None, None, None, frozenset(), blocked=False, used={}, ids={})
    row = rows[0]
    reader = None
    if row.reader is not None:
        reader = KnownReader(row.reader, row.subject, row.email)
    return Known(
        offer=Offer(
            {row.slug: AskedFor(row.id, row.slug, row.name) for row in rows},
            Words(row.wording, row.terms) if row.wording is not None else None,
            row.offers if relay is not None else None,
        ),
        reader=reader,
        earlier=row.earlier,
        active=frozenset(row.id for row in rows if row.period is not None),
        blocked=row.blocked,
        used={row.once: row.used_at for row in rows if row.once is not None},
        ids={row.id: (row.sign_up, row.consent) for row in rows},
    )


def _looked_for(mailbox: str, now: datetime) -> list[str]:
    return [once for kind in KINDS for once in slots_of(kind, mailbox, now)]


@cache
def _statement(slugs: int, *, of_relay: bool = False) -> Prepared:
    """Ask all that a sign-up to so many newsletters needs to know, in one statement.

    One row for each newsletter and each mail that the address has had lately.
    """
    earlier = select(SignUp.subject).where(SignUp.email_key == bindparam("key"))
    # Two days' worth of each: see slots_of.
    count = 2 * sum(MOST_A_DAY[kind] for kind in KINDS)
    looked_for: list[BindParameter[str]] = [bindparam(f"once{number}") for number in range(count)]
    blocked = select(Suppression.id).where(Suppression.mac == bindparam("mac"), blocks_mail())
    offers = select(Relay.offers).where(Relay.name == bindparam("relay")).scalar_subquery()
    active = and_(
        Subscription.subscriber_id == Subscriber.id,
        Subscription.newsletter_id == Newsletter.id,
        Subscription.ended_at.is_(None),
    )
    return Prepared(
        select(
            Newsletter.id,
            Newsletter.slug,
            Newsletter.name,
            Wording.id.label("wording"),
            Wording.terms_id.label("terms"),
            Subscriber.id.label("reader"),
            Subscriber.subject,
            Subscriber.email,
            Subscription.id.label("period"),
            earlier.order_by(SignUp.id).limit(1).scalar_subquery().label("earlier"),
            blocked.exists().label("blocked"),
            Notice.once,
            Notice.created_at.label("used_at"),
            next_id(SIGN_UP).label("sign_up"),
            next_id(CONSENT).label("consent"),
            *([offers.label("offers")] if of_relay else []),
        )
        .select_from(Newsletter)
        .outerjoin(Wording, Wording.number == bindparam("number"))
        .outerjoin(Subscriber, Subscriber.email_key == bindparam("key"))
        .outerjoin(Subscription, active)
        .outerjoin(Notice, Notice.once.in_(looked_for))
        .where(
            Newsletter.slug.in_([bindparam(f"slug{n}") for n in range(slugs)]),
            Newsletter.retired_at.is_(None),
        )
    )
