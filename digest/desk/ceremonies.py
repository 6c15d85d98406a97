"""What a passkey is asked to sign, and whether what it signed is good (W3C Web Authentication 3).

A challenge is made from a signed token, from what it is for and from the browser that asked for
it. Nothing is written until it comes back: then the token is spent, so that it is good once.
"""

import enum
import hashlib
import ipaddress
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from digest.database.adding import add_unless_there
from digest.models import Passkey, SpentChallenge, User
from digest.settings.values import origin_of
from digest.tokens import BadTokenError, KeyRing, Purpose, new_token_id

if TYPE_CHECKING:
    from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
    from webauthn.helpers.structs import AuthenticationCredential, PublicKeyCredentialDescriptor

LASTS = timedelta(minutes=5)
LONGEST_ANSWER = 16_384


class BadAnswerError(ValueError):
    """A browser's answer that is none, or that is not good; nobody is told more."""


class Use(enum.StrEnum):
    """What a challenge is for: one made for one use is no good for another."""

    SIGN_IN = "sign in"
    AGAIN = "again"
    ADD = "add"


@dataclass(frozen=True)
class Site:
    """Whom passkeys are for: `host` is the RP ID; `name` is what the browser shows."""

    host: str
    origin: str
    name: str


@dataclass(frozen=True)
class Asker:
    """The browser that asks: what ties a challenge to it, and what is signed for whom."""

    site: Site
    ring: KeyRing
    use: Use
    bound: str
    now: datetime


def site_of(public_url: str, name: str) -> Site | None:
    """Return whom passkeys are for at an address; None where no browser allows any.

    They want https, or localhost by that name, and never a bare IP address.
    """
    origin = origin_of(public_url)
    parts = urlsplit(origin)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return Site(host, origin, name) if parts.scheme == "https" or _is_local(host) else None
    return None


def _is_local(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def ask_to_add(asker: Asker, user: User, known: Sequence[Passkey]) -> dict[str, Any]:
    """Return what a browser needs to make a passkey: `token`, and `publicKey` as WebAuthn's JSON.

    It is discoverable and asks for a finger, a face or a PIN: it stands for both factors.
    """
    # Late, here and below: with its cryptography it takes 16 MB, and few have passkeys.
    import webauthn
    from webauthn.helpers import structs

    assert user.passkey_handle is not None
    token = _new_token(asker)
    options = webauthn.generate_registration_options(
        rp_id=asker.site.host,
        rp_name=asker.site.name,
        user_id=user.passkey_handle,
        user_name=user.email,
        user_display_name=user.name,
        challenge=_challenge(asker, token),
        timeout=_milliseconds(LASTS),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_described(known),
    )
    return {"token": token, "publicKey": json.loads(webauthn.options_to_json(options))}


def ask_to_sign(asker: Asker, known: Sequence[Passkey] = ()) -> dict[str, Any]:
    """Return what a browser needs to sign: `token`, and `publicKey` as WebAuthn's JSON.

    By one of `known`, or else by whichever its user chooses.
    """
    import webauthn
    from webauthn.helpers import structs

    token = _new_token(asker)
    options = webauthn.generate_authentication_options(
        rp_id=asker.site.host,
        challenge=_challenge(asker, token),
        timeout=_milliseconds(LASTS),
        allow_credentials=_described(known),
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return {"token": token, "publicKey": json.loads(webauthn.options_to_json(options))}


def spend(session: Session, asker: Asker, token: str) -> bool:
    """Use a token up; False where it is forged, out of time, or was used, here or elsewhere."""
    try:
        read = asker.ring.read(Purpose.PASSKEY, token)
    except BadTokenError:
        return False
    now = int(asker.now.timestamp())
    if not now < read.number <= now + LASTS.total_seconds():
        return False
    # Kept for longer than the token is good: clocks of two machines differ.
    spent = SpentChallenge(token_id=read.id, ends_at=asker.now + 2 * LASTS)
    return add_unless_there(session, spent)


def read_new(asker: Asker, token: str, answer: str) -> Passkey:
    """Return the passkey that a browser made, not yet anybody's. Section 7.1.

    Raises:
        BadAnswerError: it was not made here, for this token, or without asking who it is.
    """
    import webauthn
    from webauthn import helpers
    from webauthn.helpers.structs import CredentialDeviceType

    with _badly_told():
        credential = helpers.parse_registration_credential_json(_bounded(answer))
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=_challenge(asker, token),
            expected_rp_id=asker.site.host,
            expected_origin=asker.site.origin,
            require_user_verification=True,
        )
        # Read now, or a key that is none would be found out when its user wants in.
        key = helpers.decode_credential_public_key(made.credential_public_key)
        helpers.decoded_public_key_to_cryptography(key)
        return Passkey(
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            transports=[each.value for each in credential.response.transports or ()],
            syncs=made.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
            backed_up=made.credential_backed_up,
        )


def read_answer(answer: str) -> "AuthenticationCredential":
    """Read what a browser signed; whether it is good is for `check_signed`.

    Raises:
        BadAnswerError: it is no such thing.
    """
    from webauthn.helpers import parse_authentication_credential_json

    with _badly_told():
        return parse_authentication_credential_json(_bounded(answer))


def check_signed(
    asker: Asker, token: str, answer: "AuthenticationCredential", passkey: Passkey, user: User
) -> "VerifiedAuthentication":
    """Check what a passkey signed, all but its count. Section 7.2.

    Raises:
        BadAnswerError: it was not signed here, for this token, by this passkey of this user.
    """
    import webauthn
    from webauthn.helpers.structs import CredentialDeviceType

    handle = answer.response.user_handle
    # Who is not signed in yet is named by the passkey alone.
    if handle != user.passkey_handle and (handle is not None or asker.use is Use.SIGN_IN):
        raise BadAnswerError("another user's")
    with _badly_told():
        signed = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=_challenge(asker, token),
            expected_rp_id=asker.site.host,
            expected_origin=asker.site.origin,
            credential_public_key=passkey.public_key,
            # Compared in the statement that changes it, and not for those that are synced.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    if (signed.credential_device_type is CredentialDeviceType.MULTI_DEVICE) is not passkey.syncs:
        raise BadAnswerError("another kind of passkey")
    return signed


def _new_token(asker: Asker) -> str:
    until = int((asker.now + LASTS).timestamp())
    return asker.ring.sign(Purpose.PASSKEY, new_token_id(), until)


def _challenge(asker: Asker, token: str) -> bytes:
    return hashlib.sha256("\n".join((asker.use, asker.bound, token)).encode()).digest()


def _described(passkeys: Sequence[Passkey]) -> "list[PublicKeyCredentialDescriptor]":
    from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor

    return [
        PublicKeyCredentialDescriptor(
            id=each.credential_id,
            transports=[AuthenticatorTransport(name) for name in each.transports],
        )
        for each in passkeys
    ]


def _milliseconds(time: timedelta) -> int:
    return int(time.total_seconds() * 1000)


def _bounded(answer: str) -> str:
    if len(answer) > LONGEST_ANSWER:
        raise BadAnswerError("too long")
    return answer


@contextmanager
def _badly_told() -> Iterator[None]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        yield
    except BadAnswerError:
        raise
    except (
        WebAuthnException,
        UnsupportedAlgorithm,
        # What the library lets through of base64, CBOR, JSON and keys that are none.
        ValueError,
        TypeError,
        LookupError,
        OverflowError,
        RecursionError,
    ) as error:
        raise BadAnswerError(type(error).__name__) from error
