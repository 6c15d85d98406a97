"""Lists by pages: `?page=2`, and the links to the pages before and after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import request

T = TypeVar("T")

PAGES_MOST = 1000


@dataclass(frozen=True)
class Page(Generic[T]):
    """What stands on the page with this `number`; `more`: whether there is one after it."""

    number: int
    rows: Sequence[T]
    more: bool


def page_of(read: Callable[[int, int], Sequence[T]], size: int) -> Page[T]:
    """Return the page that is asked for. `read` gets how many rows at most, from which one on."""
    number = page_asked()
    found = read(size + 1, (number - 1) * size)
    return Page(number, found[:size], len(found) > size)


def page_asked() -> int:
    """Return the number of the page that is asked for, the first unless it is one."""
    typed = request.args.get("page", "")
    page = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 5 else 1
    return min(max(page, 1), PAGES_MOST)
