"""The order in which runs were published: by what each replaced, and only then by their clocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

SortKey = tuple[str, int]


class Published(Protocol):
    """A run: its name, which sorts by its clock, and the name of the one that it replaced."""

    @property
    def name(self) -> str: ...

    @property
    def replaces(self) -> str | None: ...


AnyRun = TypeVar("AnyRun", bound=Published)


def sorted_runs(runs: Iterable[AnyRun], standing: str | None = None) -> list[AnyRun]:
    """The runs, the one published first first.

    A run comes after the one that it replaced. If its name sorts before that one's, its clock was behind:
    it then has that one's place in time, one step later. So the order holds where some runs of the chain are
    deleted, or were published by versions that did not say. The run that is `standing` comes last.
    """
    known = list(runs)
    keys = _keys({run.name: run.replaces for run in known})
    return sorted(known, key=lambda run: (run.name == standing, keys[run.name], run.name))


def _keys(replaces: Mapping[str, str | None]) -> dict[str, SortKey]:
    keys: dict[str, SortKey] = {}
    for name in replaces:
        chain = _unkeyed(name, replaces, keys)
        for each in reversed(chain):
            keys[each] = _after(each, replaces.get(each), keys)
    return keys


def _unkeyed(name: str, replaces: Mapping[str, str | None], keys: Mapping[str, SortKey]) -> list[str]:
    """The run, the one that it replaced, and so on, up to one whose key is known; a circle is cut."""
    chain: dict[str, None] = {}
    current: str | None = name
    while current is not None and current in replaces and current not in keys and current not in chain:
        chain[current] = None
        current = replaces[current]
    return list(chain)


def _after(name: str, replaced: str | None, keys: Mapping[str, SortKey]) -> SortKey:
    if replaced is None or replaced == name:
        return (name, 0)
    base, steps = keys.get(replaced, (replaced, 0))
    return (name, 0) if name > base else (base, steps + 1)
