"""Passkeys: a user's keys that sign them in alone, without password and code."""

import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.desk.audit import Actor, record
from digest.desk.ceremonies import Asker, BadAnswerError, check_signed, read_new, spend
from digest.errors import FieldError, RefusedError
from digest.models import Passkey, User
from digest.newsroom.intake.sanitising import one_line

if TYPE_CHECKING:
    from webauthn.helpers.structs import AuthenticationCredential

HANDLE_BYTES = 64
NAME_AT_MOST = 100
# More than anybody has devices; each is named to the browser when another is made.
AT_MOST = 20


def list_passkeys(session: Session, user: User) -> list[Passkey]:
    """Return a user's passkeys, the oldest first."""
    return list(
        session.scalars(select(Passkey).where(Passkey.user_id == user.id).order_by(Passkey.id))
    )


def has_passkey(session: Session, user: User | None = None) -> bool:
    """Tell whether a user has a passkey; without one, whether anybody has."""
    known = select(Passkey.id).limit(1)
    if user is not None:
        known = known.where(Passkey.user_id == user.id)
    return session.scalar(known) is not None


def give_handle(session: Session, user: User) -> None:
    """Give a user the random name under which authenticators keep their passkeys, once."""
    session.execute(
        update(User)
        .where(User.id == user.id, User.passkey_handle.is_(None))
        .values(passkey_handle=secrets.token_bytes(HANDLE_BYTES))
        .execution_options(synchronize_session=False)
    )
    session.refresh(user, ["passkey_handle"])


def passkey_name(typed: str) -> str:
    """Return a passkey's name as it is kept.

    Raises:
        FieldError: there is none, or it is too long.
    """
    name = one_line(typed)
    if not 0 < len(name) <= NAME_AT_MOST:
        raise FieldError("name", f"Give it a name of 1 to {NAME_AT_MOST} characters")
    return name


def add_passkey(
    session: Session, actor: Actor, user: User, asker: Asker, token: str, answer: str, name: str
) -> Passkey | None:
    """Keep a passkey that a browser made; None where its answer is not good, or not any more.

    Raises:
        FieldError: the name cannot be used, the passkey is somebody's, or they have twenty.
    """
    name = passkey_name(name)
    if not spend(session, asker, token):
        return None
    try:
        passkey = read_new(asker, token, answer)
    except BadAnswerError:
        return None
    lock_user(session, user)
    if len(list_passkeys(session, user)) >= AT_MOST:
        raise FieldError("name", f"You have {AT_MOST} passkeys: remove one first")
    passkey.user_id, passkey.name, passkey.created_at = user.id, name, asker.now
    if not add_unless_there(session, passkey):
        raise FieldError("name", "That passkey is known here already")
    fields = ("name", "credential_id", "public_key")
    _record(session, actor, "passkey add", passkey.id, asker.now, fields)
    return passkey


def use_passkey(
    session: Session,
    asker: Asker,
    token: str,
    answer: "AuthenticationCredential",
    *,
    ip: str | None,
    user: User | None = None,
) -> User | None:
    """Return whom a passkey shows to be here: anybody, or `user` alone. None where it does not.

    Each challenge is good once. A key that is not synced and counts back was copied: refused, and
    noted.
    """
    fresh = spend(session, asker, token)
    passkey = session.scalar(select(Passkey).where(Passkey.credential_id == answer.raw_id))
    if passkey is None or (user is not None and passkey.user_id != user.id):
        return None
    owner = session.get_one(User, passkey.user_id)
    if owner.disabled_at is not None:
        return None
    actor = Actor(owner, ip)
    try:
        if not fresh:
            raise BadAnswerError("used, or out of time")
        signed = check_signed(asker, token, answer, passkey, owner)
    except BadAnswerError:
        _record(session, actor, "passkey refuse", passkey.id, asker.now)
        return None
    count = signed.new_sign_count
    # In the statement, so that of two copies at the same moment one is too late.
    goes_on = [Passkey.syncs, Passkey.sign_count < count]
    if count == 0:
        # It never counts.
        goes_on.append(Passkey.sign_count == 0)
    used = session.execute(
        update(Passkey)
        .where(Passkey.id == passkey.id, or_(*goes_on))
        .values(sign_count=count, backed_up=signed.credential_backed_up, used_at=asker.now)
        .returning(Passkey.id)
        .execution_options(synchronize_session=False)
    ).first()
    if used is None:
        _record(session, actor, "passkey refuse (counts back)", passkey.id, asker.now)
        return None
    return owner


def remove_passkey(
    session: Session, actor: Actor, user: User, passkey_id: int, *, now: datetime
) -> bool:
    """Remove one passkey of a user; False where it is none of theirs, or gone already.

    Raises:
        RefusedError: they have no password, and it is the last.
    """
    lock_user(session, user)
    known = list_passkeys(session, user)
    if passkey_id not in {each.id for each in known}:
        return False
    if user.password_hash is None and len(known) == 1:
        raise RefusedError("It is your only way in. Choose a password or add a passkey first.")
    session.execute(
        delete(Passkey).where(Passkey.id == passkey_id).execution_options(synchronize_session=False)
    )
    _record(session, actor, "passkey remove", passkey_id, now)
    return True


def remove_passkeys(session: Session, actor: Actor, user: User, *, now: datetime) -> int:
    """Remove all passkeys of a user, for whoever lost their devices; return how many."""
    lock_user(session, user)
    known = list_passkeys(session, user)
    for each in known:
        session.delete(each)
        _record(session, actor, "passkey remove", each.id, now)
    session.flush()
    return len(known)


def lock_user(session: Session, user: User) -> None:
    """Wait for whoever else changes this user's ways in: two at once could take the last two."""
    session.refresh(user, with_for_update=True)


def _record(
    session: Session,
    actor: Actor,
    verb: str,
    passkey_id: int,
    now: datetime,
    fields: tuple[str, ...] = (),
) -> None:
    record(session, actor, verb, Passkey.__tablename__, passkey_id, now=now, fields=fields)
