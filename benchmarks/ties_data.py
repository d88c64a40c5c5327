"""Rows of features that go together, and the same rows with some features from other rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from trueserve.transforms.columnar.compact_rows import Column

Array = np.ndarray[Any, Any]
Rows: TypeAlias = dict[str, Array]
Draw: TypeAlias = Callable[[np.random.Generator, int], Rows]


def correlated(rng: np.random.Generator, count: int) -> Rows:
    """Eight numbers, each of a rank correlation of about 0.3 with any other."""
    common = rng.normal(size=count)
    return {f"x{i}": 0.56 * common + 0.83 * rng.normal(size=count) for i in range(8)}


def trips(rng: np.random.Generator, count: int) -> Rows:
    """Numbers and categories: what a trip's destination is decides on its length, and so on."""
    origin = rng.integers(0, 3, count)
    destination = (np.minimum((rng.pareto(1.0, count) * 6).astype(int), 89) + 5 * origin) % 90
    length = np.sort(np.random.default_rng(3).gamma(2, 500, 90))[destination] + 5 * rng.normal(size=count)
    hour = rng.integers(5, 23, count)
    return {
        "origin": _texts(origin),
        "destination": _texts(destination),
        "length": length,
        "carrier": _texts((destination * 7 // 13 + origin + (rng.random(count) < 0.3) * hour) % 11),
        "hour": hour.astype(float),
        "delay": rng.exponential(3.0 + hour),
    }


def heavy(rng: np.random.Generator, count: int) -> Rows:
    """Numbers with heavy tails, many zeros and few values; one lies far out where another does."""
    base, size = rng.standard_t(2, size=count), rng.exponential(size=count)
    return {
        "base": base,
        "product": base * size,
        "zeros": np.where(rng.random(count) < 0.7, 0, base + size),
        "steps": np.round(size * 3),
        "square": base**2 + rng.normal(size=count),
    }


def _texts(codes: Array) -> Array:
    """As hashes of texts are kept: uint32."""
    return (codes.astype(np.uint64) * np.uint64(2_654_435_761) % np.uint64(2**32)).astype(np.uint32)


def of_other_rows(rows: Rows, rng: np.random.Generator, share: float, *names: str) -> Rows:
    """A share of the rows has these features from other rows, each from one of its own."""
    changed = dict(rows)
    for name in names:
        values = rows[name].copy()
        chosen = rng.random(len(values)) < share
        values[chosen] = rng.permutation(values[chosen])
        changed[name] = values
    return changed


def columns(rows: Rows) -> Mapping[str, Column]:
    """As samples keep them: all rows have a value."""
    kept = {
        name: values if values.dtype.kind == "u" else values.astype(np.float32)
        for name, values in rows.items()
    }
    return {name: Column(values, np.ones(len(values), bool)) for name, values in kept.items()}


#: The kinds of rows, by name.
DRAWS: Mapping[str, Draw] = {"correlated": correlated, "trips": trips, "heavy": heavy}
