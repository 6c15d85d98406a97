"""A stranger asks for a newsletter. Nothing changes for anybody until the link is used."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from digest.errors import FieldError
from digest.models import NoticeKind
from digest.prepared import Trial
from digest.readers.asking import Waiting, ask_to_confirm
from digest.readers.consent import Evidence
from digest.readers.known import Known, look_up
from digest.readers.mailing import queue_notice
from digest.readers.mails_a_day import free_among
from digest.readers.sign_up_form import (
    AskedFor,
    SignUpForm,
    Wish,
    read_offer,
    slugs_in,
    understand,
)
from digest.suppression import SuppressionKey


@dataclass(frozen=True)
class Asked:
    """What may be told to whoever asked: the same, whether or not the address is known."""

    email: str
    newsletters: tuple[AskedFor, ...]


def sign_up(
    session: Session, form: SignUpForm, *, now: datetime, suppression: SuppressionKey
) -> Asked:
    """Queue a confirmation, or a word that the reader already has it, or nothing at all.

    The same statements run for every address, and are taken back where nothing may be kept: how
    long the answer takes tells no more than what it says.

    Raises:
        InvalidSignUpError: the form cannot be accepted; nothing was written.
    """
    address, slugs = form.address, slugs_in(form)
    if isinstance(address, FieldError) or not slugs:
        understand(form, read_offer(session, form))
        raise AssertionError("a form without an address or a newsletter was understood")
    mac = suppression.mac(address.key)
    connection = session.connection()
    known = look_up(connection, form, slugs, address.key, mac, now)
    wish = understand(form, known.offer or read_offer(session, form))

    missing = [each for each in wish.newsletters if each.id not in known.active]
    has_all = known.reader is not None and not missing
    may_mail = not known.blocked and not form.website
    once = free_among(known.used, NoticeKind.CONFIRMATION, mac, now)
    waiting = _waiting(form, wish, known, missing or wish.newsletters)
    _write(connection, waiting, form.evidence, once, now, keep=may_mail and not has_all)
    if known.reader is not None and has_all and may_mail:
        _say_already_signed_up(session, known, wish, mac, now)
    return Asked(wish.address.email, wish.newsletters)


def _waiting(
    form: SignUpForm, wish: Wish, known: Known, newsletters: Sequence[AskedFor]
) -> Waiting:
    # One reference per person: the reader's own, or that of an earlier sign-up.
    subject = known.reader.subject if known.reader else known.earlier
    return Waiting(
        id=known.ids[newsletters[0].id][0],
        consent_ids=tuple(known.ids[each.id][1] for each in newsletters),
        subject=subject or secrets.token_bytes(16),
        email=wish.address.email,
        email_key=wish.address.key,
        name=wish.name,
        form=form.evidence.form,
        site=form.site,
        words=wish.words,
        topics={each.id: wish.topics for each in newsletters},
    )


def _write(
    connection: Connection,
    waiting: Waiting,
    evidence: Evidence,
    once: str | None,
    now: datetime,
    *,
    keep: bool,
) -> None:
    trial = Trial(connection)
    try:
        ask_to_confirm(connection, waiting, evidence, once, now)
    except IntegrityError:
        # Another request for the same address was faster, and took the last mail of the day.
        keep = False
    trial.end(keep=keep and once is not None)


def _say_already_signed_up(
    session: Session, known: Known, wish: Wish, mac: str, now: datetime
) -> None:
    once = free_among(known.used, NoticeKind.ALREADY_SIGNED_UP, mac, now)
    if once is None or known.reader is None:
        return
    savepoint = session.begin_nested()
    try:
        queue_notice(
            session,
            NoticeKind.ALREADY_SIGNED_UP,
            known.reader.email,
            wish.newsletters[0].id,
            once=once,
            subscriber_id=known.reader.id,
            now=now,
        )
        savepoint.commit()
    except IntegrityError:
        savepoint.rollback()
