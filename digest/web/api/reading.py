"""Bodies of requests: JSON objects, whose mistakes are told field by field."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from flask import Response, request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from digest.errors import FieldError
from digest.web.errors import problem, told

REQUIRED = "This field is required."
MISTAKES_AT_MOST = 20
FIELD_NAME_AT_MOST = 60

SENTENCES = {
    "missing": REQUIRED,
    "string_type": "Give text.",
    "bool_type": "Give true or false.",
    "int_type": "Give a whole number.",
    "list_type": "Give a list of texts.",
}

Body = TypeVar("Body", bound=BaseModel)


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


def read_body(model: type[Body], given: dict[str, Any]) -> Body | list[FieldError]:
    """Return the object as `model`, or what is wrong with its fields."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return [_mistake(each, model.model_fields) for each in found[:MISTAKES_AT_MOST]]


def unusable(title: str, errors: Sequence[FieldError]) -> Response:
    """Return the problem with a body, which names each field."""
    named = [told(error) for error in errors]
    detail = "See errors for the fields, and what each of them should be."
    return problem(422, title, detail, errors=named)


def no_such_field(name: str, fields: Iterable[str]) -> FieldError:
    """Return the mistake of naming a field that does not exist."""
    sentence = f"There is no such field. The fields are: {', '.join(fields)}."
    return FieldError(name[:FIELD_NAME_AT_MOST], sentence)


def _mistake(error: ErrorDetails, fields: Iterable[str]) -> FieldError:
    name = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return no_such_field(name, fields)
    if error["type"] == "value_error":
        return FieldError(name, str(error["ctx"]["error"]))
    return FieldError(name, SENTENCES.get(error["type"], f"{error['msg']}."))
