"""A stranger asks for a newsletter. Nothing changes for anybody until the link is used."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from digest.database.prepared import tried
from digest.errors import FieldError
from digest.models import NoticeKind
from digest.readers.mails_a_day import free_among
from digest.readers.signing_up.asking import Waiting, ask_to_confirm, say_already_signed_up
from digest.readers.signing_up.known import Known, KnownReader, look_up
from digest.readers.signing_up.sign_up_form import (
    AskedFor,
    SignUpForm,
    Wish,
    read_offer,
    slugs_in,
    understand,
)
from digest.suppression import SuppressionKey
from digest.tokens import new_token_id


@dataclass(frozen=True)
class Asked:
    """What may be told to whoever asked: the same, whether or not the address is known."""

    email: str
    newsletters: tuple[AskedFor, ...]
    sign_up: bytes
    """What `withdrawing` knows the sign-up by, if there is one."""


def sign_up(
    connection: Connection,
    form: SignUpForm,
    *,
    now: datetime,
    suppression: SuppressionKey,
    relay: str = "",
) -> Asked:
    """Queue a confirmation, or a word that the reader already has it, or nothing at all.

    The same statements run for every address, and are taken back where nothing may be kept: how
    long the answer takes tells no more than what it says. Only who has some of several newsletters
    has fewer rows written. `relay`: the name of the one that our mail is handed to.

    Raises:
        InvalidSignUpError: the form cannot be accepted; nothing was written.
    """
    address, slugs = form.address, slugs_in(form)
    if isinstance(address, FieldError) or not slugs:
        understand(form, read_offer(connection, form))
        raise AssertionError("a form without an address or a newsletter was understood")
    mailbox = suppression.mailbox_mac(address.key)
    known = look_up(
        connection,
        form,
        slugs,
        address.key,
        suppression.mac(address.key),
        now,
        mailbox=mailbox,
        relay=None if address.local.isascii() else relay,
    )
    wish = understand(form, known.offer or read_offer(connection, form))

    missing = [each for each in wish.newsletters if each.id not in known.active]
    has_all = known.reader is not None and not missing
    may_mail = not known.blocked and not form.website
    once = free_among(known.used, NoticeKind.CONFIRMATION, mailbox, now)
    waiting = _waiting(form, wish, known, missing or wish.newsletters)
    tried(
        connection,
        lambda: ask_to_confirm(connection, waiting, form.evidence, once, now),
        # None: the address had its mails of the day.
        keep=may_mail and not has_all and once is not None,
    )
    if known.reader is not None and has_all and may_mail:
        _say_already_signed_up(connection, known.reader, wish, mailbox, known.used, now)
    return Asked(wish.address.email, wish.newsletters, waiting.token_id)


def _waiting(
    form: SignUpForm, wish: Wish, known: Known, newsletters: Sequence[AskedFor]
) -> Waiting:
    # One reference per person: the reader's own, or that of an earlier sign-up.
    subject = known.reader.subject if known.reader else known.earlier
    return Waiting(
        id=known.ids[newsletters[0].id][0],
        token_id=new_token_id(),
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


def _say_already_signed_up(
    connection: Connection,
    reader: KnownReader,
    wish: Wish,
    mailbox: str,
    used: Mapping[str, datetime],
    now: datetime,
) -> None:
    once = free_among(used, NoticeKind.ALREADY_SIGNED_UP, mailbox, now)
    if once is not None:
        to, newsletter_id = (reader.id, reader.email), wish.newsletters[0].id
        tried(connection, lambda: say_already_signed_up(connection, to, newsletter_id, once, now))
