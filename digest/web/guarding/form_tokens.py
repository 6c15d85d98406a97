"""The token in a form of ours: that the form was opened, when, and not too often.

It is signed, names no one, and is looked up nowhere. A form without one is as good, but a stranger
may send fewer of them.
"""

import enum
from datetime import timedelta

from flask import request

from digest.tokens import BadTokenError, Purpose, new_token_id
from digest.web.context import current_runtime
from digest.web.guarding.counters import Counters

FIELD = "token"
LASTS = timedelta(hours=2)
# One page, opened once, is not filled in more often than this.
MOST_USES = 10


class Standing(enum.Enum):
    """What a form's token says of it."""

    OURS = enum.auto()
    EARLY = enum.auto()
    OLD = enum.auto()
    NONE = enum.auto()


def new_token() -> str:
    """Return a token that says when the form was opened."""
    runtime = current_runtime()
    opened = int(runtime.clock.now().timestamp())
    return runtime.ring.sign(Purpose.FORM, new_token_id(), opened)


def token_for_form() -> str:
    """Return the token for a form: the one that it was sent with, where it came back mistaken."""
    return kept_token() or new_token()


def kept_token() -> str:
    """Return the token that the request came with, while it is good, or nothing."""
    text = request.form.get(FIELD, "")
    return text if text and _standing(text, at_least=0) is Standing.OURS else ""


def standing(text: str, counters: Counters) -> Standing:
    """Return what the token of a form says, and count its use."""
    found = _standing(text, at_least=current_runtime().settings.form_seconds)
    # None of our pages, and no longer than one of ours: no key is made of what a stranger sends.
    if found is Standing.OURS:
        uses = counters.count(f"token:{text}", int(LASTS.total_seconds()))
        return found if uses <= MOST_USES else Standing.NONE
    return found


def _standing(text: str, *, at_least: float) -> Standing:
    runtime = current_runtime()
    try:
        opened = runtime.ring.read(Purpose.FORM, text).number
    except BadTokenError:
        return Standing.NONE
    age = runtime.clock.now().timestamp() - opened
    if age > LASTS.total_seconds():
        return Standing.OLD
    # Whole seconds were signed: what was opened late in one is a little younger than it looks.
    return Standing.OURS if age >= at_least else Standing.EARLY
