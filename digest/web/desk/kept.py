"""What a page shows, kept for as long as nothing that it is made of has changed."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from markupsafe import Markup

AT_MOST = 200


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
        with self._lock:
            self._pages[key] = made
            if len(self._pages) > AT_MOST:
                self._pages.popitem(last=False)
        return made
