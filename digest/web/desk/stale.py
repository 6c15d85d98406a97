"""A tab that is older than somebody else's save: it is told, and keeps what was typed in it."""

import hashlib
import json

from flask import request

from digest.errors import FieldError


def stamp_of(stands: object) -> str:
    """Return what changes with every field of a form. `stands`: what stands in them, as JSON."""
    return hashlib.sha256(json.dumps(stands, sort_keys=True).encode()).hexdigest()[:16]


def refuse_stale(what: str, stamp: str) -> None:
    """Refuse a form whose page was made before what stands now: `stamp` is of that.

    Raises:
        FieldError: somebody else changed it meanwhile.
    """
    if request.form.get("stamp") != stamp:
        raise FieldError(
            "stamp",
            f"Somebody else changed {what} while you had it open. What you typed stands "
            "here: look it through, and save again to have it so.",
        )
