"""Stencils of notices, kept by what they say: to fill one is quick, and to render it is not.

A key is all that a stencil was made of, so none is ever out of date: a newsletter with another
name, or another accent, has another key; and so has one whose mail is signed by another.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from digest.delivery.rendering.issue import About
from digest.delivery.rendering.notice import Notepaper, build_notice
from digest.delivery.rendering.stencil import Stencil

if TYPE_CHECKING:
    from digest.delivery.signing.signer import Signer, SigningKey

Keys = tuple["SigningKey", ...]

MOST = 500
MOST_OCTETS = 8_000_000


@dataclass(frozen=True)
class Kept:
    """A stencil, and what signs its messages, if they are signed."""

    stencil: Stencil
    signer: "Signer | None"

    def seal(self, written_at: datetime) -> Callable[[Sequence[bytes]], bytes] | None:
        """Return what signs a notice that was written then, for `Stencil.fill`."""
        if self.signer is None:
            return None
        return partial(self.signer.sign, at=int(written_at.timestamp()))


class KeptStencils:
    """Those that were used last, for all threads of a process: bounded in number and in size."""

    def __init__(self, most: int = MOST, most_octets: int = MOST_OCTETS) -> None:
        self._most = most
        self._most_octets = most_octets
        self._kept: OrderedDict[tuple[str, str, About, Keys], tuple[Kept, int]] = OrderedDict()
        self._octets = 0
        self._lock = threading.Lock()

    def get(
        self, template: str, paper: Notepaper, about: About, keys: Sequence["SigningKey"] = ()
    ) -> Kept:
        """Return the stencil of a notice, built where it is not there.

        Raises:
            StencilError: as `build_notice`; the templates' own errors too.
        """
        key = (template, paper.key, about, tuple(keys))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        # Two threads may both make it: the same.
        stencil = build_notice(template, paper, about)
        kept = Kept(stencil, _signer(stencil, keys))
        self._keep(key, kept)
        return kept

    def _keep(self, key: tuple[str, str, About, Keys], kept: Kept) -> None:
        size = sum(map(len, kept.stencil.pieces)) * (1 if kept.signer is None else 2) + len(key[1])
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = (kept, size)
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


def _signer(stencil: Stencil, keys: Sequence["SigningKey"]) -> "Signer | None":
    if not keys:
        return None
    # Who does not sign never loads this.
    from digest.delivery.signing.signer import Signer

    return Signer(stencil, keys)
