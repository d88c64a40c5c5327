"""Samples of rows of training and of serving: which features no longer go together."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.columnar.compact_rows import Column, Columns
from trueserve.transforms.verdict.dependence import attenuation, columns, periods, ties
from trueserve.transforms.verdict.dependence.sampled import SampledRows
from trueserve.transforms.verdict.dependence.ties import Tie
from trueserve.transforms.verdict.dependence.weaker import Weaker, weaker

Array = np.ndarray[Any, Any]

# Fewer rows, or fewer groups of them, are not compared.
_LEAST_ROWS, _LEAST_GROUPS = 200, 50
# A feature whose values moved so far goes with the others in another way: its ties are left out.
_MOVED = 0.2
# Fewer requests than this that have another value than most tell nothing of what it goes with.
_LEAST_OTHERS = 20


@dataclasses.dataclass(frozen=True)
class Dependence:
    """What came of comparing.

    Attributes:
      rows, training_rows: how many of each side were looked at.
      weaker: the features whose ties are weaker, the surest first.
      compared: the features of which ties were compared.
      untied: those that go with no other in training, so that other rows' values cannot be seen in them.
      moved: those whose values moved too far for their ties to tell, or hardly differ in serving.
      reason: why nothing was compared; empty where something was.
    """

    rows: int = 0
    training_rows: int = 0
    weaker: tuple[Weaker, ...] = ()
    compared: tuple[str, ...] = ()
    untied: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    reason: str = ""


class TrainingRows(NamedTuple):
    """A sample of training's rows in an order that says nothing; times as `periods_of` takes them."""

    columns: Columns
    times: Array | None = None


def compare(  # noqa: PLR0917 - both sides, and what is asked of them
    training: TrainingRows,
    serving: SampledRows,
    names: Sequence[str],
    rate: float,
    limits: Mapping[str, float],
    span: dt.timedelta | None = None,
) -> Dependence:
    """Compares the ties between these features.

    Args:
      rate: of what is weaker, the share that may be chance.
      limits: by feature the least part by which its ties are weaker.
      span: how long the window is, None where that is not known.
    """
    columns_before = training.columns
    num_rows, before = len(serving.groups), _num_rows(training.columns)
    if num_rows < _LEAST_ROWS or len(np.unique(serving.groups)) < _LEAST_GROUPS:
        return Dependence(num_rows, before, reason="too few rows or requests")
    if before < _LEAST_ROWS:
        return Dependence(num_rows, before, reason="too few training rows are kept")
    known = {
        name: what
        for name in names
        if name in columns_before and (what := columns.known_of(columns_before[name]))
    }
    of_training = columns.scored_columns(columns_before, known)
    of_serving = columns.scored_columns(serving.columns, known)
    all_ties = ties.find({name: of_training[name] for name in known if name in of_serving}, before)
    tied = _tied(all_ties)
    moved = {
        name
        for name in tied
        if columns.moved(of_training[name], of_serving[name], columns_before[name], serving.columns[name])
        > _MOVED
    }
    moved |= {name for name in tied if columns.others(of_serving[name], serving.groups) < _LEAST_OTHERS}
    kept = [tie for tie in all_ties if moved.isdisjoint((tie.first, tie.second))]
    untied = tuple(name for name in names if name not in tied and name in serving.columns)
    if not kept:
        reason = (
            "no two of the features served go together in training"
            if not all_ties
            else "the values moved too far"
        )
        return Dependence(num_rows, before, untied=untied, moved=_in_order(names, moved), reason=reason)
    measuring = ties.measuring(before)
    of_periods = periods.periods_of(None if training.times is None else training.times[measuring], span)
    measured = attenuation.measure(kept, of_serving, serving.groups, of_periods)
    all_weaker = tuple(weaker(measured, rate, limits))
    return Dependence(
        num_rows, before, all_weaker, _in_order(names, _tied(kept)), untied, _in_order(names, moved)
    )


def _num_rows(columns_of: Mapping[str, Column]) -> int:
    return max((len(column.present) for column in columns_of.values()), default=0)


def _tied(all_ties: Sequence[Tie]) -> set[str]:
    return {name for tie in all_ties for name in (tie.first, tie.second)}


def _in_order(names: Sequence[str], of: set[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in of)
