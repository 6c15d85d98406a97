"""What stands between strangers and the sign-up: limits, the form's token, the proof of work.

A view that takes a sign-up, of a page or of the API, makes an `Attempt` of what came in and calls
`guard` once, before anything is read or written. It returns None where the sign-up may go on, and
otherwise an `Ask`: what has to be sent along with the same fields next time.
"""

from digest.web.guarding.challenges import FIELD as PROOF
from digest.web.guarding.checking import (
    Ask,
    Attempt,
    check_code,
    check_network,
    check_sign_in,
    check_test,
    guard,
    guard_sign_ups,
)
from digest.web.guarding.form_tokens import FIELD as TOKEN
from digest.web.guarding.form_tokens import new_token

__all__ = [
    "PROOF",
    "TOKEN",
    "Ask",
    "Attempt",
    "check_code",
    "check_network",
    "check_sign_in",
    "check_test",
    "guard",
    "guard_sign_ups",
    "new_token",
]
