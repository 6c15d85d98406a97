"""Bodies of requests: JSON objects, whose mistakes are told field by field."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response, request

from digest.errors import FieldError
from digest.web.errors import problem, told

REQUIRED = "This field is required."
FIELD_NAME_AT_MOST = 60


def json_object(sent: bytes) -> dict[str, Any] | Response:
    """Return the JSON object that was sent, or the problem with it."""
    if request.mimetype != "application/json":
        return problem(415, "Send JSON", "Set Content-Type: application/json.")
    try:
        given = json.loads(sent)
    except (ValueError, RecursionError):
        return problem(400, "That is not JSON", "Send one JSON object, in UTF-8.")
    if not isinstance(given, dict):
        return problem(422, "That is not an object", "Send one JSON object.")
    return given


def unusable(title: str, errors: Sequence[FieldError]) -> Response:
    """Return the problem with a body, which names each field."""
    named = [told(error) for error in errors]
    detail = "See errors for the fields, and what each of them should be."
    return problem(422, title, detail, errors=named)


def no_such_field(name: str, fields: Iterable[str]) -> FieldError:
    """Return the mistake of naming a field that does not exist."""
    sentence = f"There is no such field. The fields are: {', '.join(fields)}."
    return FieldError(name[:FIELD_NAME_AT_MOST], sentence)
