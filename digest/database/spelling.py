"""Statements of SQLAlchemy's, spelt out once in a database's own words."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from sqlalchemy import ClauseElement
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

Processor = Callable[[Any], Any]
# As SQLAlchemy marks "any of these", whose number it fills in when it runs a statement.
_ANY_OF = re.compile(r"IN \(__\[POSTCOMPILE_(\w+)\]\)")


@dataclass(frozen=True)
class Spelt:
    """A statement in a database's own words, for its driver.

    `constants`: parameters that have their values already, as they go to the driver.
    `to_wire`: what makes the driver's values of others, by the names of those that need it.
    `order`: the names of all, where the words number them.
    """

    text: str
    constants: Mapping[str, object]
    to_wire: Mapping[str, Processor]
    order: Sequence[str] = ()

    def bound(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return the value of each parameter, as it goes to the driver."""
        bound = {**self.constants, **values}
        for name, process in self.to_wire.items():
            if name in values:
                bound[name] = process(values[name])
        return bound


def spell(statement: ClauseElement, dialect: Dialect) -> Spelt:
    """Spell a statement out, all of whose parameters are named. It takes a millisecond or so.

    Of "any of these" it makes an array, so that it is one statement for any number of them.
    """
    compiled = cast(SQLCompiler, statement.compile(dialect=dialect))
    constants: dict[str, object] = {}
    to_wire: dict[str, Processor] = {}
    for name, parameter in compiled.binds.items():
        process = parameter.type.dialect_impl(dialect).bind_processor(dialect)
        if process is not None and parameter.expanding:
            process = partial(_each, process)
        if process is not None:
            to_wire[name] = process
        if not parameter.required:
            constants[name] = process(parameter.value) if process else parameter.value
    array = partial(_as_array, compiled, dialect)
    words = _ANY_OF.sub(array, str(compiled))
    return Spelt(words, constants, to_wire, tuple(compiled.positiontup or ()))


def _each(process: Processor, values: Collection[Any]) -> list[Any]:
    return [process(value) for value in values]


def _as_array(compiled: SQLCompiler, dialect: Dialect, found: re.Match[str]) -> str:
    kind = compiled.binds[found[1]].type.compile(dialect)
    return f"= ANY(%({found[1]})s::{kind}[])"
