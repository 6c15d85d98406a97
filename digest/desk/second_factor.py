"""The second factor: codes by the clock (TOTP, RFC 6238), and recovery codes for a lost phone."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

import pyotp
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from digest.errors import RefusedError
from digest.logs import get_logger
from digest.models import RecoveryCode, User
from digest.vault import Vault

STEP_SECONDS = 30
# One step early or late: clocks differ, and people type slowly (RFC 6238 5.2).
NEARBY = (-1, 0, 1)
RECOVERY_CODES = 10
# 80 bits each.
RECOVERY_BYTES = 10
LONGEST_TYPED = 40

log = get_logger(__name__)


def begin(session: Session, user: User, vault: Vault) -> str:
    """Give a user a new secret, base32, not yet asked for; `confirm` puts it to use.

    Raises:
        RefusedError: one is in use: `switch_off` first.
    """
    session.refresh(user, with_for_update=True)
    if is_asked_for(user):
        raise RefusedError("A second factor is in use already. Switch it off first.")
    secret = pyotp.random_base32()
    user.totp_secret = vault.seal(secret.encode(), _label(user))
    user.totp_since = user.totp_step = None
    session.flush()
    return secret


def secret_of(user: User, vault: Vault) -> str | None:
    """Return a user's secret, base32; None where there is none. Raises RefusedError (the vault)."""
    return vault.open(user.totp_secret, _label(user)).decode() if user.totp_secret else None


def address_of(secret: str, user: User, issuer: str) -> str:
    """Return what a QR code says to an authenticator."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=issuer)


def confirm(session: Session, user: User, vault: Vault, code: str, now: datetime) -> bool:
    """Put a new secret to use, with a code that proves that an authenticator has it."""
    if user.totp_since is not None or not _use(session, user, vault, code, now):
        return False
    user.totp_since = now
    session.flush()
    return True


def switch_off(session: Session, user: User) -> None:
    """Ask for no second factor any more, and forget its secret and its recovery codes."""
    user.totp_secret = user.totp_since = user.totp_step = None
    session.execute(
        delete(RecoveryCode)
        .where(RecoveryCode.user_id == user.id)
        .execution_options(synchronize_session=False)
    )
    session.flush()


def is_asked_for(user: User) -> bool:
    """Tell whether a user signs in with a second factor."""
    return user.has_second_factor


def use_code(session: Session, user: User, vault: Vault, typed: str, now: datetime) -> str | None:
    """Use a code or a recovery code, each good once; return which ("totp", "recovery") or None."""
    if not is_asked_for(user) or len(typed) > LONGEST_TYPED:
        return None
    if _use(session, user, vault, typed, now):
        return "totp"
    return "recovery" if _use_recovery(session, user, typed, now) else None


def new_recovery_codes(session: Session, user: User) -> list[str]:
    """Make ten codes, in place of all before. They are shown now, and never again."""
    session.execute(
        delete(RecoveryCode)
        .where(RecoveryCode.user_id == user.id)
        .execution_options(synchronize_session=False)
    )
    codes = [_written(secrets.token_bytes(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(user_id=user.id, hash=_hash(code)) for code in codes)
    session.flush()
    return codes


def recovery_codes_left(session: Session, user: User) -> int:
    """Return how many recovery codes a user still has."""
    unused = select(func.count()).where(
        RecoveryCode.user_id == user.id, RecoveryCode.used_at.is_(None)
    )
    return session.scalar(unused) or 0


def _use(session: Session, user: User, vault: Vault, typed: str, now: datetime) -> bool:
    try:
        secret = secret_of(user, vault)
    except RefusedError:
        # A recovery code may still be good.
        log.warning("the secret of a second factor cannot be opened", user=user.id)
        return False
    code = "".join(typed.split())
    if secret is None or not code.isascii():
        return False
    totp, this = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    matching = [
        step
        for step in (this + nearby for nearby in NEARBY)
        if hmac.compare_digest(totp.at(step * STEP_SECONDS), code)
    ]
    # In the statement, so that of two at the same moment one is too late.
    used = (
        matching
        and session.execute(
            update(User)
            .where(User.id == user.id, or_(User.totp_step.is_(None), User.totp_step < matching[-1]))
            .values(totp_step=matching[-1])
            .returning(User.id)
        ).first()
    )
    return bool(used)


def _use_recovery(session: Session, user: User, typed: str, now: datetime) -> bool:
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user.id,
            RecoveryCode.hash == _hash(typed),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.id)
    )
    return used.first() is not None


def _written(code: bytes) -> str:
    letters = base64.b32encode(code).decode().lower()
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def _hash(typed: str) -> bytes:
    plain = "".join(letter for letter in typed.lower() if letter.isalnum())
    return hashlib.sha256(plain.encode("utf-8", "replace")).digest()


def _label(user: User) -> str:
    return f"totp {user.id}"
