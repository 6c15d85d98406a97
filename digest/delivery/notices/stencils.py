"""Stencils of notices, kept by what they say: to fill one is quick, and to render it is not.

A key is all that a stencil was made of, so none is ever out of date: a newsletter with another
name, or another accent, has another key.
"""

import threading
from collections import OrderedDict

from digest.delivery.rendering.issue import About
from digest.delivery.rendering.notice import Notepaper, build_notice
from digest.delivery.rendering.stencil import Stencil

MOST = 500
MOST_OCTETS = 8_000_000


class KeptStencils:
    """Those that were used last, for all threads of a process: bounded in number and in size."""

    def __init__(self, most: int = MOST, most_octets: int = MOST_OCTETS) -> None:
        self._most = most
        self._most_octets = most_octets
        self._kept: OrderedDict[tuple[str, str, About], tuple[Stencil, int]] = OrderedDict()
        self._octets = 0
        self._lock = threading.Lock()

    def get(self, template: str, paper: Notepaper, about: About) -> Stencil:
        """Return the stencil of a notice, built where it is not there.

        Raises:
            StencilError: as `build_notice`; the templates' own errors too.
        """
        key = (template, paper.key, about)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        # Two threads may both make it: the same.
        stencil = build_notice(template, paper, about)
        self._keep(key, stencil)
        return stencil

    def _keep(self, key: tuple[str, str, About], stencil: Stencil) -> None:
        size = sum(map(len, stencil.pieces)) + len(key[1])
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = (stencil, size)
            self._octets += size
            while len(self._kept) > self._most or self._octets > self._most_octets:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._octets -= dropped

    @property
    def octets(self) -> int:
        """How much is kept."""
        return self._octets

    def __len__(self) -> int:
        return len(self._kept)
