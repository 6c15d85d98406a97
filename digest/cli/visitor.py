"""A reader with a browser and no scripts: opens pages, and fills in the forms that stand there."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import httpx

LONGEST_WAIT_SECONDS = 15.0


@dataclass
class Form:
    """A form as it was served. `given` are the fields as they would be sent untouched."""

    action: str
    method: str
    given: dict[str, str] = field(default_factory=dict)
    boxes: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    button: tuple[str, str] | None = None


@dataclass(frozen=True)
class Page:
    """An answer of the site. `heading` is the text of its h1."""

    url: str
    status: int
    text: str
    heading: str
    forms: tuple[Form, ...]

    def form_to(self, path: str) -> Form | None:
        """Return the form that is sent to a path that begins like this."""
        return next((form for form in self.forms if form.action.startswith(path)), None)


class Visitor:
    """Visits one site; answers that do not come within 15 seconds are errors (httpx's)."""

    def __init__(self, url: str) -> None:
        # No proxy of the environment's: the site is on this machine.
        self._client = httpx.Client(base_url=url, timeout=LONGEST_WAIT_SECONDS, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def open(self, url: str) -> Page:
        """Follow a link."""
        return _read(self._client.get(url))

    def send(self, page: Page, form: Form, **typed: str) -> Page:
        """Type into a form's fields, tick the boxes that are named, and press its first button."""
        fields = {**form.given, **typed}
        if form.button is not None:
            fields.setdefault(*form.button)
        return _read(
            self._client.post(
                urljoin(page.url, form.action), data=fields, headers={"Referer": page.url}
            )
        )

    def post(self, url: str, **fields: str) -> Page:
        """Post as a mail program does: no page before, no cookie, no Referer."""
        with httpx.Client(timeout=LONGEST_WAIT_SECONDS, trust_env=False) as client:
            return _read(client.post(url, data=fields))


def _read(response: httpx.Response) -> Page:
    reader = _PageReader()
    reader.feed(response.text)
    return Page(
        url=str(response.url),
        status=response.status_code,
        text=response.text,
        heading=" ".join(reader.heading.split()),
        forms=tuple(reader.forms),
    )


class _PageReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.heading = ""
        self._form: Form | None = None
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "h1":
            self._in_heading = True
        elif tag == "form":
            self._form = Form(values.get("action", ""), values.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is not None and values.get("name"):
            self._note_field(self._form, tag, values)

    def _note_field(self, form: Form, tag: str, values: dict[str, str]) -> None:
        name, value, kind = values["name"], values.get("value", ""), values.get("type", "text")
        form.names.add(name)
        if tag == "button" or (tag == "input" and kind == "submit"):
            form.button = form.button or (name, value)
        elif tag == "input" and kind in {"checkbox", "radio"}:
            form.boxes[name] = value or "on"
            if "checked" in values:
                form.given[name] = value or "on"
        elif tag == "input":
            form.given[name] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "h1":
            self._in_heading = False
        elif tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.heading += data
