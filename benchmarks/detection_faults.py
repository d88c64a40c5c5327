"""What is planted in windows: one fault in one feature, at some strength; `cells` lists all for a world.

The function of each kind says what it does. Rows, and the direction of a move, are drawn from the window's
own generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from benchmarks.detection_data import FLIGHTS, Traits, World
from benchmarks.in_memory import Column, Lists, is_missing
from examples.flights import faults

Array = np.ndarray[Any, Any]
Columns = Mapping[str, Column]
Plant = Callable[[Columns, np.random.Generator], dict[str, Column]]

MEAN, SHARE, MISSING, UNIT, CASE, DEFAULT = "mean", "share", "missing", "unit", "case", "default"
#: Parts of the rows that have a fault of the diagnosis list.
PARTS = (1.0, 0.2, 0.03)
DEVIATIONS = (0.1, 0.25, 0.5)
POINTS = (0.02, 0.05, 0.1)
MISSING_PARTS = (0.01, 0.05, 0.2)
#: Kinds whose finding is promised, from which strength on.
PROMISED = {MEAN: 0.25, SHARE: 0.1, MISSING: 0.05, UNIT: 1.0, CASE: 1.0, DEFAULT: 1.0}
_KINDS = {
    "scale or unit": UNIT,
    "case, white space, encoding or prefix": CASE,
    "constant or default value": DEFAULT,
}
_KILOMETRES = 1.609344


class Cell(NamedTuple):
    """One fault in one feature at one strength.

    Attributes:
      touched: the features that the fault changes; an error in any of them finds it.
      plant: gives the columns that are changed, of a window's.
      is_long_tailed: of a number, see `Traits`.
    """

    kind: str
    feature: str
    strength: float
    touched: tuple[str, ...]
    plant: Plant
    is_long_tailed: bool = False

    @property
    def is_promised(self) -> bool:
        return self.strength >= PROMISED.get(self.kind, np.inf)

    @property
    def key(self) -> str:
        return f"{self.kind}|{self.feature}|{self.strength:g}"


def cells(world: World, source: str) -> list[Cell]:
    """All that is planted in a window of this world."""
    all_cells = [*_of_flights()] if source == FLIGHTS else [*_of_generated(world)]
    for name, traits in world.traits.items():
        all_cells += _moved(name, traits)
        all_cells += [_cell(MISSING, name, part, _lacking(name, part)) for part in MISSING_PARTS]
    return [cell._replace(is_long_tailed=world.traits[cell.feature].is_long_tailed) for cell in all_cells]


def _cell(kind: str, feature: str, strength: float, plant: Plant) -> Cell:
    return Cell(kind, feature, strength, (feature,), plant)


def _of_flights() -> Iterator[Cell]:
    """The twelve faults of the diagnosis list."""
    for fault in faults.FAULTS:
        kind = _KINDS.get(fault["cause"], fault["cause"])
        touched = tuple(dict.fromkeys([fault["feature"], fault["parameters"].get("with", fault["feature"])]))
        for part in PARTS:
            yield Cell(kind, fault["feature"], part, touched, _planted(fault, part))


def _of_generated(world: World) -> Iterator[Cell]:
    """A unit (numbers that are no counts), a default value and, of categories, their case."""
    for name, traits in world.traits.items():
        value = 0 if traits.is_number else _most_frequent(traits)
        changes: list[tuple[str, Callable[[Column], Column]]] = [(DEFAULT, _constant(value))]
        if not traits.is_number:
            changes.append((CASE, _upper))
        elif _is_measure(world, name):
            changes.append((UNIT, _in_kilometres))
        for kind, change in changes:
            for part in PARTS:
                yield _cell(kind, name, part, _in_part(name, change, part))


def _is_measure(world: World, name: str) -> bool:
    column = world.training[name]
    return not isinstance(column, Lists) and column.dtype.kind == "f"


def _moved(name: str, traits: Traits) -> Iterator[Cell]:
    """A mean by deviations, or a share of values by points."""
    if traits.is_number:
        for by in DEVIATIONS:
            yield _cell(MEAN, name, by, _with_mean(name, by * traits.deviation, traits))
    else:
        for points in POINTS:
            yield _cell(SHARE, name, points, _with_share(name, points, traits))


def _planted(fault: Mapping[str, Any], part: float) -> Plant:
    def plant(window: Columns, random: np.random.Generator) -> dict[str, Column]:
        served = dict(window)
        changed = faults.planted(fault, served, part, int(random.integers(2**31)))  # type: ignore[arg-type]
        return {name: column for name, column in changed.items() if column is not served[name]}

    return plant


def _in_part(name: str, change: Callable[[Column], Column], part: float) -> Plant:
    """A change in a part of the rows; of lists, of the values."""

    def plant(window: Columns, random: np.random.Generator) -> dict[str, Column]:
        column = window[name]
        changed = change(column)
        if isinstance(column, Lists):
            assert isinstance(changed, Lists)
            faulty = random.random(len(column.values)) < part
            return {name: Lists(np.where(faulty, changed.values, column.values), column.lengths)}
        assert not isinstance(changed, Lists)
        return {name: np.where(random.random(len(column)) < part, changed, column)}

    return plant


def _constant(value: object) -> Callable[[Column], Column]:
    def change(column: Column) -> Column:
        if isinstance(column, Lists):
            return Lists(np.full_like(column.values, value), column.lengths)
        return np.full_like(column, value)

    return change


def _upper(column: Column) -> Column:
    if isinstance(column, Lists):
        upper = _upper(column.values)
        assert not isinstance(upper, Lists)
        return Lists(upper, column.lengths)
    return np.array([value.upper() for value in column], object)


def _in_kilometres(column: Column) -> Column:
    assert not isinstance(column, Lists)
    return (column * _KILOMETRES).astype(column.dtype)


def _most_frequent(traits: Traits) -> str:
    return traits.shares[0][0]


def _with_mean(name: str, by: float, traits: Traits) -> Plant:
    """All rows moved so that the mean moves by `by`, up or down: see `moved`."""

    def plant(window: Columns, random: np.random.Generator) -> dict[str, Column]:
        column = window[name]
        assert not isinstance(column, Lists)
        return {name: moved(column, by, traits, random)}

    return plant


def moved(
    column: Array, by: float, traits: Traits, random: np.random.Generator, sign: float | None = None
) -> Array:
    """A number with its mean moved by `by`, in a direction that is drawn where no `sign` gives it.

    What has few values keeps them: each row goes to one of the two beside where it should be, so that the
    mean is right; where the last value is in the way of that (by more than a tenth), it goes the other way.
    Zeros stay zeros, and the others move by as much more. All else is added to.
    """
    sign = float(random.choice([-1.0, 1.0])) if sign is None else sign
    if traits.levels is None:
        by = by / (1 - traits.zeros)
        added = (column + sign * by).astype(column.dtype)
        return np.where(column == 0, column, added) if traits.zeros else added
    changed = _on_levels(column, sign * by, traits.levels, random)
    if abs(np.nanmean(changed - column)) < 0.9 * by:
        changed = _on_levels(column, -sign * by, traits.levels, random)
    return changed


def _on_levels(column: Array, by: float, levels: Array, random: np.random.Generator) -> Array:
    wanted = column + by
    above = np.clip(np.searchsorted(levels, wanted), 1, len(levels) - 1)
    low, high = levels[above - 1].astype(float), levels[above].astype(float)
    part = np.clip((wanted - low) / (high - low), 0, 1)
    changed = np.where(random.random(len(column)) < part, high, low)
    return np.where(is_missing(column), column, changed).astype(column.dtype)


def _with_share(name: str, points: float, traits: Traits) -> Plant:
    """So many of all values recoded from the most frequent one to another of 1 % at least.

    Where the most frequent has not as many, they are taken from all others.
    """

    def plant(window: Columns, random: np.random.Generator) -> dict[str, Column]:
        column = window[name]
        values = column.values if isinstance(column, Lists) else column
        recoded = _recoded(values, points, traits, random)
        return {name: Lists(recoded, column.lengths) if isinstance(column, Lists) else recoded}

    return plant


def _recoded(values: Array, points: float, traits: Traits, random: np.random.Generator) -> Array:
    frequent = _most_frequent(traits)
    known = [value for value, share in traits.shares[1:] if share >= 0.01] or [traits.shares[1][0]]
    target = str(random.choice(known))
    wanted = round(points * len(values))
    at = np.flatnonzero(values == frequent)
    if len(at) < wanted:
        at = np.flatnonzero(values != target)
    recoded = values.copy()
    recoded[random.choice(at, min(wanted, len(at)), replace=False)] = target
    return recoded


def _lacking(name: str, part: float) -> Plant:
    """So many of all rows lose their value, beside those that have none."""

    def plant(window: Columns, random: np.random.Generator) -> dict[str, Column]:
        column = window[name]
        present = np.flatnonzero(~is_missing(column))
        lost = random.choice(present, min(round(part * len(column)), len(present)), replace=False)
        return {name: _without(column, lost)}

    return plant


def _without(column: Column, lost: Array) -> Column:
    if isinstance(column, Lists):
        lengths = column.lengths.copy()
        gone = np.zeros(len(lengths), bool)
        gone[lost] = True
        kept = ~np.repeat(gone, np.maximum(lengths, 0))
        lengths[lost] = -1
        return Lists(column.values[kept], lengths)
    if column.dtype.kind == "i":  # which have no value for what is missing
        return _without(Lists(column, np.ones(len(column), np.int64)), lost)
    lacking = column.copy()
    lacking[lost] = None if column.dtype == object else np.nan
    return lacking
