"""What incidents did to the predictions: the model is asked with training's distribution put back.

The effect of an incident is its Shapley value: what its features change on average, whatever other incidents
there are. So the effects of all add up to the whole change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.performance.attribution import Array, shapley, subsets
from trueserve.transforms.performance.restoring import Restored

#: Answers to rows of raw features: float64 [rows, width], NaN for rows that the model does not take.
Ask = Callable[[pa.RecordBatch], Array]
#: Metrics of answers, beside those to the same rows without a fault; None for one that is not defined.
Metrics = Callable[[Array, Array], Mapping[str, float | None]]

# In so many standard errors the mean must have moved.
_SURE = 3.0
#: Fewer rows that every variant was answered for say nothing.
LEAST_ROWS = 30


@dataclasses.dataclass(frozen=True)
class Effect:
    """What one incident did to one output.

    Attributes:
      rows: that the model was asked for, and answered in every variant.
      width: how many values the output has; value: the number of the one whose mean moved most.
      served: its mean as served; change: what the incident added to it.
      error: the change's standard error; where ranks were put into training's quantiles that of two unrelated
        samples, the window's and training's.
      row_change: the mean of what the incident changed in a row, without its sign.
      metrics: what it added to each estimated metric, and that metric as served.
    """

    rows: int
    width: int
    value: int
    served: float
    change: float
    error: float
    row_change: float
    metrics: Mapping[str, tuple[float, float]]

    @property
    def is_sure(self) -> bool:
        """Whether the mean moved by more than the sample's chance makes of it."""
        return abs(self.change) > _SURE * self.error


def effects(
    served: pa.RecordBatch,
    restored: Mapping[str, Restored],
    ask: Ask,
    metrics: Metrics | None = None,
    faults: Collection[str] = (),
) -> dict[str, Effect]:
    """The effect of each incident on the predictions; none where too few rows were answered.

    Raises ValueError for more incidents than `attribution.MOST_GROUPS`.

    Args:
      restored: by incident, its features as training had them, as many rows as `served`.
      metrics: of answers; None where no label is known of any row.
      faults: incidents that changed what the model gets, and no label. Others changed the rows, and labels
        with them.
    """
    groups = list(restored)
    answers = {
        there: ask(_with(served, [restored[group].columns for group in groups if group not in there]))
        for there in subsets(groups)
    }
    taken = np.all([np.isfinite(each).all(axis=1) for each in answers.values()], axis=0)
    if np.count_nonzero(taken) < LEAST_ROWS:
        return {}
    answers = {key: each[taken] for key, each in answers.items()}
    of_rows, as_served = shapley(groups, answers), answers[frozenset(groups)]
    of_metrics = {} if metrics is None else _of_metrics(groups, answers, metrics, faults)
    return {
        group: _effect(of_rows[group], as_served, of_metrics.get(group, {}), by_rank=restored[group].by_rank)
        for group in groups
    }


def _with(served: pa.RecordBatch, parts: Sequence[Mapping[str, pa.Array]]) -> pa.RecordBatch:
    """The rows with these columns in place of theirs."""
    columns = dict(zip(served.schema.names, served.columns, strict=True))
    for part in parts:
        columns |= part
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _effect(
    of_rows: Array, served: Array, metrics: Mapping[str, tuple[float, float]], *, by_rank: bool
) -> Effect:
    changes, rows = of_rows.mean(axis=0), len(of_rows)
    value = int(np.abs(changes).argmax())
    change, after = of_rows[:, value], served[:, value]
    spread = np.hypot(after.std(ddof=1), (after - change).std(ddof=1)) if by_rank else change.std(ddof=1)
    return Effect(
        rows=rows,
        width=of_rows.shape[1],
        value=value,
        served=float(after.mean()),
        change=float(changes[value]),
        error=float(spread / np.sqrt(rows)),
        row_change=float(np.abs(change).mean()),
        metrics=metrics,
    )


def _of_metrics(
    groups: Sequence[str],
    answers: Mapping[frozenset[str], Array],
    metrics: Metrics,
    faults: Collection[str],
) -> dict[str, dict[str, tuple[float, float]]]:
    """By incident and metric what it added, and the metric as served; without those that are not defined."""
    by_subset = {there: metrics(each, answers[there - set(faults)]) for there, each in answers.items()}
    result: dict[str, dict[str, tuple[float, float]]] = {group: {} for group in groups}
    for name, as_served in by_subset[frozenset(groups)].items():
        values = {key: each.get(name) for key, each in by_subset.items()}
        if as_served is None or any(value is None for value in values.values()):
            continue
        arrays = {key: np.array(value, np.float64) for key, value in values.items()}
        for group, change in shapley(groups, arrays).items():
            result[group][name] = (float(change), as_served)
    return result
