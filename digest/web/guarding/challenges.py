"""A small sum for the browser to do, when sign-ups surge: cheap for one, dear for ten thousand.

Altcha's challenge: to find the number whose PBKDF2 begins as asked. The number is chosen here, so
that it takes about a third of a second, and never much more. A solved one is taken once.
"""

import hmac
import json
import secrets
import time

from altcha import Payload, create_challenge, verify_solution

from digest.settings.loading import Key
from digest.web.context import current_runtime
from digest.web.guarding.counters import Counters
from digest.web.guarding.surge import Surge

FIELD = "proof"
LASTS_SECONDS = 10 * 60
ALGORITHM, COST = "PBKDF2/SHA-256", 5000
FEWEST_TRIES, MOST_TRIES = 100, 300
LONGEST = 4000


def new_challenge() -> str:
    """Return a challenge as JSON, for a page of ours or the API."""
    key = current_runtime().settings.keys[0]
    challenge = create_challenge(
        ALGORITHM,
        COST,
        counter=FEWEST_TRIES + secrets.randbelow(MOST_TRIES - FEWEST_TRIES),
        expires_at=int(time.time()) + LASTS_SECONDS,
        hmac_secret=_secret(key, b"challenge"),
        hmac_key_secret=_secret(key, b"answer"),
    )
    return json.dumps(challenge.to_dict())


def challenge_for_page(surge: Surge) -> str:
    """Return a challenge for a form of ours while sign-ups surge, or nothing."""
    return new_challenge() if surge.lasts() else ""


def is_solved(proof: str, counters: Counters) -> bool:
    """Return whether a challenge of ours was solved, and by nobody before."""
    payload = _read(proof)
    if payload is None or not _verified(payload):
        return False
    # By what was signed, not by how it is written: the same proof can be written in many ways.
    return counters.count(f"proof:{payload.challenge.parameters.nonce}", 2 * LASTS_SECONDS) == 1


def _read(proof: str) -> Payload | None:
    if not 0 < len(proof) <= LONGEST:
        return None
    try:
        return Payload.from_base64(proof)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _verified(payload: Payload) -> bool:
    return any(
        verify_solution(
            payload,
            _secret(key, b"challenge"),
            hmac_key_secret=_secret(key, b"answer"),
        ).verified
        for key in current_runtime().settings.keys
    )


def _secret(key: Key, what: bytes) -> bytes:
    return hmac.digest(key.secret, b"digest sign-up " + what, "sha256")
