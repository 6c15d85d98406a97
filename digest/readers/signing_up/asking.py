"""A sign-up that waits, its evidence, and the mail that holds its link: written in one go."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Table, bindparam, insert, literal

from digest.database.inserting import RowsTogether
from digest.database.prepared import Prepared
from digest.database.tables import Base, database_now
from digest.models import ConsentKind, NoticeKind, NoticeState
from digest.readers.consent.recording import SALT_BYTES, Evidence, Personal
from digest.readers.signing_up.sign_up_form import Words
from digest.tokens import new_token_id

LINK_LASTS = timedelta(hours=48)
SIGN_UP, CHOICE, CONSENT, DETAIL, NOTICE = (
    Base.metadata.tables[name]
    for name in ("sign_up", "sign_up_choice", "consent", "consent_detail", "notice")
)


@dataclass(frozen=True)
class Waiting:
    """A sign-up that is to wait for its confirmation.

    `topics` by newsletter; `consent_ids` are as many. The ids are those that its rows shall have.
    """

    id: int
    token_id: bytes
    consent_ids: tuple[int, ...]
    subject: bytes
    email: str
    email_key: str
    name: str | None
    form: str | None
    site: str
    words: Words
    topics: Mapping[int, tuple[str, ...]]


def ask_to_confirm(
    connection: Connection, waiting: Waiting, evidence: Evidence, once: str | None, now: datetime
) -> None:
    """Add a sign-up with its evidence, and queue the mail that holds its link.

    It is one statement where the database takes it: to send one costs more than to do it.

    Raises:
        IntegrityError: `once` is taken.
    """
    values = {
        "sign_up": waiting.id,
        "sign_up_token": waiting.token_id,
        "notice_token": new_token_id(),
        "subject": waiting.subject,
        "email_key": waiting.email_key,
        "sign_up_form": waiting.form,
        "site": waiting.site,
        "wording_id": waiting.words.id,
        "terms_id": waiting.words.terms_id,
        "once": once,
        "now": now,
        "expires_at": now + LINK_LASTS,
    }
    personal = Personal(email=waiting.email, name=waiting.name, **vars(evidence))
    values |= vars(personal)
    for number, (newsletter_id, topics) in enumerate(waiting.topics.items()):
        salt = secrets.token_bytes(SALT_BYTES)
        values |= {
            f"newsletter{number}": newsletter_id,
            f"topics{number}": list(topics),
            f"consent{number}": waiting.consent_ids[number],
            f"salt{number}": salt,
            f"mac{number}": personal.mac(salt),
        }
    given = {_given(name): value for name, value in values.items()}
    _rows(len(waiting.topics)).write(connection, given)


def say_already_signed_up(
    connection: Connection, to: tuple[int, str], newsletter_id: int, once: str, now: datetime
) -> None:
    """Queue a word to a reader, by id and address, that they have the newsletter already.

    Raises:
        IntegrityError: `once` is taken.
    """
    subscriber_id, email = to
    values = {
        "notice_token": new_token_id(),
        "subscriber": subscriber_id,
        "email": email,
        "newsletter0": newsletter_id,
        "once": once,
        "now": now,
    }
    _ALREADY_SIGNED_UP.run(connection, {_given(name): value for name, value in values.items()})


def _given(name: str) -> str:
    # A parameter of an INSERT may not be called as one of its columns.
    return f"given_{name}"


def _row(table: Table, *same: str, **named: str) -> dict[str, BindParameter[Any]]:
    """Return a row's parameters: those called as their columns, and those of another name."""
    names = {name: name for name in same} | named
    return {
        column: bindparam(_given(name), type_=table.c[column].type)
        for column, name in names.items()
    }


@cache
def _rows(count: int) -> RowsTogether:
    """Write the statements for a sign-up to so many newsletters, once for all."""
    numbers = range(count)
    return RowsTogether(
        insert(SIGN_UP).values(_sign_up()),
        *(insert(CHOICE).values(_choice(number)) for number in numbers),
        *(insert(CONSENT).values(_consent(number)) for number in numbers),
        *(insert(DETAIL).values(_detail(number)) for number in numbers),
        insert(NOTICE).values(_notice(NoticeKind.CONFIRMATION, sign_up_id="sign_up")),
    )


Row = dict[str, ColumnElement[Any]]


def _sign_up() -> Row:
    same = ("subject", "email", "email_key", "name", "site", "wording_id", "expires_at")
    named = {"token_id": "sign_up_token", "form": "sign_up_form", "requested_at": "now"}
    return {**_row(SIGN_UP, *same, id="sign_up", **named)}


def _choice(number: int) -> Row:
    named = {"newsletter_id": f"newsletter{number}", "topics": f"topics{number}"}
    return {**_row(CHOICE, sign_up_id="sign_up", **named)}


def _consent(number: int) -> Row:
    named = {
        "id": f"consent{number}",
        "newsletter_id": f"newsletter{number}",
        "mac": f"mac{number}",
        "at": "now",
    }
    return {
        **_row(CONSENT, "subject", "wording_id", "terms_id", **named),
        "kind": literal(ConsentKind.REQUESTED, CONSENT.c.kind.type),
    }


def _detail(number: int) -> Row:
    same = ("email", "name", "ip", "user_agent", "page_url", "form")
    return {**_row(DETAIL, *same, consent_id=f"consent{number}", salt=f"salt{number}")}


def _notice(kind: NoticeKind, **about: str) -> Row:
    named = {
        "token_id": "notice_token",
        "to_address": "email",
        "newsletter_id": "newsletter0",
        "created_at": "now",
    }
    return {
        **_row(NOTICE, "once", **named, **about),
        "kind": literal(kind, NOTICE.c.kind.type),
        "state": literal(NoticeState.QUEUED, NOTICE.c.state.type),
        "attempts": literal(0, NOTICE.c.attempts.type),
        "released_at": database_now(),
        "next_attempt_at": database_now(),
    }


_ALREADY_SIGNED_UP = Prepared(
    insert(NOTICE).values(_notice(NoticeKind.ALREADY_SIGNED_UP, subscriber_id="subscriber"))
)
