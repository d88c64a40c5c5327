"""Faults planted in columns of flights: those of faults.json, each a function of `_PLANTED` here.

Each names the feature, what is done to it, with its parameters, and the cause that a diagnosis has to name.
The functions know no flights, only columns: a number is missing where it is NaN, a text where it is None.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Columns = dict[str, Array]

FAULTS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "faults.json").read_text())


def planted(fault: Mapping[str, Any], served: Columns, share: float, seed: int) -> Columns:
    """The rows with the fault in a share of them."""
    random = np.random.default_rng(seed)
    faulty = random.random(len(served[fault["feature"]])) < share
    changed = _PLANTED[fault["fault"]](served, fault["feature"], random, **fault["parameters"])
    return served | {name: np.where(faulty, column, served[name]) for name, column in changed.items()}


def _affine(rows: Columns, name: str, _: Any, factor: float, offset: float) -> Columns:
    return {name: (rows[name] * factor + offset).astype("float32")}


def _later(rows: Columns, name: str, _: Any, by: int, around: int) -> Columns:
    return {name: (rows[name] + by) % around}


def _constant(rows: Columns, name: str, _: Any, value: float) -> Columns:
    return {name: np.full_like(rows[name], value)}


def _missing(rows: Columns, name: str, _: Any) -> Columns:
    return {name: np.full_like(rows[name], np.nan)}


def _capped(rows: Columns, name: str, _: Any, most: float) -> Columns:
    return {name: np.minimum(rows[name], np.float32(most))}


def _noise(rows: Columns, name: str, random: Any, deviations: float) -> Columns:
    added = random.normal(0, deviations * np.nanstd(rows[name]), len(rows[name]))
    return {name: (rows[name] + added).astype("float32")}


def _lower(rows: Columns, name: str, _: Any) -> Columns:
    return {name: np.array([value.lower() for value in rows[name]], object)}


def _moved(rows: Columns, name: str, _: Any, value: str, to: str) -> Columns:
    return {name: np.where(rows[name] == value, to, rows[name])}


def _swapped(rows: Columns, name: str, _: Any, **other: str) -> Columns:
    return {name: rows[other["with"]], other["with"]: rows[name]}


def _new(rows: Columns, name: str, random: Any, values: list[str]) -> Columns:
    return {name: random.choice(np.array(values, object), len(rows[name]))}


def _text(rows: Columns, name: str, _: Any) -> Columns:
    return {name: np.array([f"{value // 60}:{value % 60:02}" for value in rows[name]], object)}


_PLANTED: Mapping[str, Callable[..., Columns]] = {
    "affine": _affine,
    "later": _later,
    "constant": _constant,
    "missing": _missing,
    "capped": _capped,
    "noise": _noise,
    "lower": _lower,
    "moved": _moved,
    "swapped": _swapped,
    "new": _new,
    "text": _text,
}
