"""Tokens for `/api/v1`: random text, of which only a hash is kept."""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.errors import FieldError, NotFoundError
from digest.models import ApiToken, Scope
from digest.newsroom.intake.sanitising import one_line

NAME_AT_MOST = 100
PREFIX = "dgst_"


def create_token(session: Session, name: str, scope: Scope, now: datetime) -> tuple[ApiToken, str]:
    """Make a token; returns its row, and the secret, which cannot be had again.

    Raises:
        FieldError: the name is empty, too long, or taken.
    """
    name = one_line(name)
    if not 0 < len(name) <= NAME_AT_MOST:
        raise FieldError("name", f"Give a name of 1 to {NAME_AT_MOST} characters.")
    # The prefix lets a scanner of source code notice a token that was committed by mistake.
    secret = PREFIX + secrets.token_urlsafe(32)
    made = ApiToken(name=name, hash=_hash(secret), scope=scope, created_at=now)
    if not add_unless_there(session, made):
        raise FieldError("name", f"There is a token called {name} already.")
    return made, secret


def find_token(session: Session, secret: str) -> ApiToken | None:
    """Return the token that a request carries, None where it is unknown or revoked."""
    found = session.scalar(select(ApiToken).where(ApiToken.hash == _hash(secret)))
    return None if found is None or found.revoked_at is not None else found


def list_tokens(session: Session) -> list[ApiToken]:
    """Return all tokens, revoked ones too, by name."""
    return list(session.scalars(select(ApiToken).order_by(ApiToken.name)))


def revoke_token(session: Session, name: str, now: datetime) -> bool:
    """End a token for good; False where it was revoked already.

    Raises:
        NotFoundError: there is no token of that name; says which there are.
    """
    name = one_line(name)
    named = select(ApiToken).where(ApiToken.name == name).with_for_update()
    # As it stands now, whatever was read of it before.
    found = session.scalar(named.execution_options(populate_existing=True))
    if found is None:
        names = ", ".join(token.name for token in list_tokens(session)) or "none"
        raise NotFoundError(f"There is no token called {name}. There are: {names}.")
    if found.revoked_at is not None:
        return False
    found.revoked_at = now
    return True


def _hash(secret: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
