"""The commands of a family, each of which is loaded when it is asked for."""

import importlib
from collections.abc import Iterator, Mapping, MutableMapping

import click


class Found(MutableMapping[str, click.Command]):
    """Commands by name, found in this package: "issue_views.preview" is `preview` in that module.

    A command that prints a line should not wait for what draws pictures. The help of a family loads
    all of it.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            module, _, attribute = self._places[name].partition(".")
            command = getattr(importlib.import_module(f"{__package__}.{module}"), attribute)
            assert isinstance(command, click.Command)
            self._loaded[name] = command
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._places[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._places, **self._loaded})

    def __len__(self) -> int:
        return len({**self._places, **self._loaded})
