"""A calibration in JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trueserve.transforms.performance.bins import Array, Calibration, LabelBins, ScoreBins, Task, arrays_of

Json = dict[str, Any]


def to_json(calibration: Calibration) -> Json:
    """Lists of numbers by name."""
    return {
        "task": calibration.task.value,
        "edges": calibration.edges.tolist(),
        "scores": lists_of(calibration.scores),
        "labels": lists_of(calibration.labels),
        "class_edges": [edges.tolist() for edges in calibration.class_edges],
        "together": {name: list(sums) for name, sums in calibration.together.items()},
    }


def lists_of(bins: ScoreBins | LabelBins) -> Json:
    """Lists of numbers by name, those of classes among them."""
    of_classes = {"classes": [lists_of(part) for part in bins.classes]} if bins.classes else {}
    return {name: array.tolist() for name, array in arrays_of(bins).items()} | of_classes


def of_json(values: Mapping[str, Any]) -> Calibration:
    """Of `to_json`, or as format 1 had it. Raises ValueError for anything else."""
    try:
        calibration = _read(values)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("no calibration") from error
    classes = len(calibration.class_edges)
    both = (calibration.scores, calibration.labels)
    good = calibration.scores.total > 0 and all(len(bins.classes) == classes for bins in both)
    if not good or not all(map(_is_good, [calibration.edges, *calibration.class_edges], _bins(calibration))):
        raise ValueError("no calibration")
    return calibration


def _read(values: Mapping[str, Any]) -> Calibration:
    scores = score_bins_of(values["scores"])
    return Calibration(
        Task(values["task"]),
        np.array(values["edges"], np.float64),
        scores,
        label_bins_of(values["labels"], scores),
        tuple(np.array(edges, np.float64) for edges in values.get("class_edges", [])),
        {str(name): _pair(sums) for name, sums in values.get("together", {}).items()},
    )


def _pair(sums: Any) -> tuple[float, float]:
    joint, apart = (float(number) for number in sums)
    if not (np.isfinite(joint) and np.isfinite(apart) and joint >= 0 and apart >= 0):
        raise ValueError("no calibration")
    return joint, apart


def score_bins_of(values: Mapping[str, Any]) -> ScoreBins:
    """Of `lists_of`."""
    classes = tuple(score_bins_of(part) for part in values.get("classes", ()))
    return ScoreBins(**_arrays(values), classes=classes)


def label_bins_of(values: Mapping[str, Any], scores: ScoreBins) -> LabelBins:
    """Of `lists_of`, or as format 1 had it, beside the scores of the same rows."""
    parts = zip(values.get("classes", ()), scores.classes, strict=True)
    classes = tuple(label_bins_of(part, of_class) for part, of_class in parts)
    arrays = _arrays(values)
    if "log_positives" not in arrays:
        arrays |= _as_by_bins(arrays["positives"], scores)
    return LabelBins(**arrays, classes=classes)


def _as_by_bins(positives: Array, scores: ScoreBins) -> dict[str, Array]:
    """What format 1 does not have, as if labels and scores within a bin were unrelated."""
    rate = np.divide(positives, scores.rows, out=np.zeros_like(positives), where=scores.rows > 0)
    return {"log_positives": rate * scores.log, "log_negatives": (1 - rate) * scores.log_rest}


def _arrays(values: Mapping[str, Any]) -> dict[str, Array]:
    return {name: np.array(array, np.float64) for name, array in values.items() if name != "classes"}


def _bins(calibration: Calibration) -> list[tuple[ScoreBins, LabelBins]]:
    classes = zip(calibration.scores.classes, calibration.labels.classes, strict=True)
    return [(calibration.scores, calibration.labels), *classes]


def _is_good(edges: Array, bins: tuple[ScoreBins, LabelBins]) -> bool:
    arrays = [array for part in bins for array in arrays_of(part).values()]
    ascending = edges.ndim == 1 and bool((np.diff(edges) > 0).all())
    return ascending and all(a.shape == (len(edges) + 1,) and bool(np.isfinite(a).all()) for a in arrays)
