"""The bodies that pydantic reads, of 7 MB: whoever needs them imports this module late."""

from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from digest.errors import FieldError
from digest.readers.consent.recording import Evidence
from digest.readers.signing_up.sign_up_form import SignUpForm
from digest.web.api.reading import REQUIRED, no_such_field
from digest.web.context import current_runtime
from digest.web.evidence import FORM_NAME, page_address, read_ip
from digest.web.sign_ups import signed_up_at

MISTAKES_AT_MOST = 20

SENTENCES = {
    "missing": REQUIRED,
    "string_type": "Give text.",
    "bool_type": "Give true or false.",
    "int_type": "Give a whole number.",
    "list_type": "Give a list of texts.",
}

Body = TypeVar("Body", bound=BaseModel)


def _is_form_name(text: str) -> str:
    if not FORM_NAME.fullmatch(text):
        raise ValueError("Use at most 60 letters, digits, spaces, dots, hyphens and underscores.")
    return text


def _is_ip(text: str) -> str:
    found = read_ip(text)
    if found is None:
        raise ValueError("Give the reader's ip, like 203.0.113.7.")
    return str(found)


def _is_page(text: str) -> str:
    found = page_address(text)
    if found is None:
        raise ValueError("Give the whole address of the page, like https://paper.example/harbour.")
    return found


class Wish(BaseModel):
    """What is sent. What its words mean is checked where the HTML form's are."""

    model_config = ConfigDict(extra="forbid", strict=True)

    email: str = ""
    newsletters: list[str] = Field(default_factory=list)
    topics: list[str] = Field(default_factory=list)
    name: str | None = None
    consent: bool = False
    wording: int
    form: Annotated[str, AfterValidator(_is_form_name)] | None = None
    website: str = ""
    token: str | None = None
    proof: str | None = None
    sure: str = ""
    page_url: Annotated[str, AfterValidator(_is_page)] | None = None
    ip: Annotated[str, AfterValidator(_is_ip)] | None = None
    user_agent: str | None = None

    def sign_up_form(self, evidence: Evidence) -> SignUpForm:
        return SignUpForm(
            email=self.email,
            newsletters=tuple(self.newsletters),
            topics=tuple(self.topics),
            name=self.name or "",
            consent=self.consent,
            wording=str(self.wording),
            website=self.website,
            site=signed_up_at(evidence),
            sure=self.sure,
            evidence=evidence,
            reserved=current_runtime().settings.reserved_names,
        )


class Withdrawal(BaseModel):
    """The proof that comes with the answer to a sign-up."""

    model_config = ConfigDict(extra="forbid", strict=True)

    withdrawal: str


def read_body(model: type[Body], given: dict[str, Any]) -> Body | list[FieldError]:
    """Return the object as `model`, or what is wrong with its fields."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return [_mistake(each, model.model_fields) for each in found[:MISTAKES_AT_MOST]]


def _mistake(error: ErrorDetails, fields: Iterable[str]) -> FieldError:
    name = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return no_such_field(name, fields)
    if error["type"] == "value_error":
        return FieldError(name, str(error["ctx"]["error"]))
    return FieldError(name, SENTENCES.get(error["type"], f"{error['msg']}."))
