"""What a page shows, kept for as long as nothing that it is made of has changed."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from flask import current_app, request
from markupsafe import Markup

from digest.web.desk.signed_in import page_proof

AT_MOST = 200
# In characters: a history of years may be a hundred times as long as what is usual.
LONGEST = 250_000
EXTENSION = "digest-kept"
# Stands where the forms of what is kept have their proof, which is new each time: no text has it.
PROOF = secrets.token_urlsafe(24)


class Kept:
    """The last pages of this process, by all that they depend on. For any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: OrderedDict[Hashable, Markup] = OrderedDict()

    def page(self, key: Hashable, make: Callable[[], Markup]) -> Markup:
        """Return the page of that key, made now where it is not kept."""
        with self._lock:
            known = self._pages.get(key)
            if known is not None:
                self._pages.move_to_end(key)
                return known
        # Two may make it at once: better than that one waits for the other.
        made = make()
        if len(made) > LONGEST:
            return made
        with self._lock:
            self._pages[key] = made
            if len(self._pages) > AT_MOST:
                self._pages.popitem(last=False)
        return made


def kept_here() -> Kept:
    """Return what this app keeps."""
    kept = current_app.extensions.setdefault(EXTENSION, Kept())
    assert isinstance(kept, Kept)
    return kept


Values = tuple[tuple[str, Hashable], ...]


def part(template: str, /, **values: Hashable) -> Markup:
    """Return a part of a page of the desk, made of these values alone, and a proof for its forms.

    Its template knows nothing else, so that the values are all that it is kept by. In each place
    they are always of one type: 1 and True would be one key. Parts of it, which outlast it, it
    makes by `part(template, values)`, each of one value that holds theirs by name (`Values`).
    """
    made = _made(template, tuple(values.items()))
    return Markup(made.replace(PROOF, page_proof()))  # noqa: S704 - as below


def _made(template: str, values: Values) -> Markup:
    def make() -> Markup:
        found = current_app.jinja_env.get_template(f"desk/{template}")
        made = found.render(dict(values), proof=PROOF, part=_made)
        return Markup(made)  # noqa: S704 - it escapes

    # The first two are what addresses hang on.
    return kept_here().page((request.root_path, request.method, template, values), make)
