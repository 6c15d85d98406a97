"""What stands between strangers and the sign-up: limits, the form's token, the proof of work.

A view that takes a sign-up, of a page or of the API, makes an `Attempt` of what came in and calls
`guard` once, before anything is read or written. It returns None where the sign-up may go on, and
otherwise an `Ask`: what has to be sent along with the same fields next time.
"""

from digest.web.guarding.challenges import challenge_for_page
from digest.web.guarding.checking import Ask, Attempt, guard, guard_sign_ups
from digest.web.guarding.form_tokens import kept_token, token_for_form

__all__ = [
    "Ask",
    "Attempt",
    "challenge_for_page",
    "guard",
    "guard_sign_ups",
    "kept_token",
    "token_for_form",
]
