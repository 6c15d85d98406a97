"""Engines of one kind that share the statements which SQLAlchemy has spelt.

An engine spells each statement once. Nearly every test, and every command that it runs, has an
engine of its own and would spell them all anew: that was a third of what such tests took.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.util import LRUCache

from digest.database import transactions

# More than all that our code asks of both kinds.
STATEMENTS = 3000

_spelt: dict[str, tuple[Dialect, LRUCache[Any, Any]]] = {}


def share_statements() -> None:
    """Let all databases that this process opens from now on share them; nothing else is shared."""
    for name in ("sqlite_engine", "postgresql_engine"):
        made = getattr(transactions, name)
        setattr(transactions, name, partial(_sharing, made))


def _sharing(make_engine: Callable[..., Engine], *given: Any, **named: Any) -> Engine:
    engine = make_engine(*given, **named)
    # A statement is kept by its dialect, which is alike for one kind of database and driver, once
    # it has met one.
    known = _spelt.get(engine.dialect.name)
    if known is None or known[0].server_version_info is None:
        known = _spelt[engine.dialect.name] = (engine.dialect, LRUCache[Any, Any](STATEMENTS))
    engine.dialect, spelt = known
    engine.update_execution_options(compiled_cache=spelt)
    return engine
