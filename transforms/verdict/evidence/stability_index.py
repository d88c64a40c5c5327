"""The population stability index, for those who know it. It decides nothing: it has no p-value."""

from __future__ import annotations

from typing import Any

import numpy as np

from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.feature_stats import View

Array = np.ndarray[Any, Any]

_DECILES = np.arange(1, 10) / 10


def of_values(training: View, serving: View) -> float | None:
    """The index, 0 or more; None where either side has no values, or they are neither numbers nor categories.

    Formula: the sum over bins of (q - p) ln(q / p), of the shares p of training and q of serving; bins are
    training's deciles, or its categories and one of all others. A share under half a value is taken for that,
    so that an empty bin does not make it infinite.

    Source: N. Siddiqi, Credit Risk Scorecards (2006), chapter 9.
    """
    if training.kind != serving.kind or not training.present or not serving.present:
        return None
    shares = {"number": _of_deciles, "category": _of_categories}.get(training.kind)
    both = None if shares is None else shares(training, serving)
    if both is None:
        return None
    p, q = (_floored(side, view) for side, view in zip(both, (training, serving), strict=True))
    return float(((q - p) * np.log(q / p)).sum())


def _floored(shares: Array, view: View) -> Array:
    return np.maximum(shares, 0.5 / max(view.present, 1))


def _of_deciles(training: View, serving: View) -> tuple[Array, Array] | None:
    before, after = cdfs.of_view(training), cdfs.of_view(serving)
    if before is None or after is None:
        return None
    edges = np.unique(before.quantiles(_DECILES))
    first, second = (np.diff(np.concatenate([[0.0], side.up_to(edges), [1.0]])) for side in (before, after))
    return first, second


def _of_categories(training: View, serving: View) -> tuple[Array, Array]:
    before, after = training.shares(), serving.shares()
    p = np.array([*before.values(), max(1 - sum(before.values()), 0.0)])
    q = np.array([after.get(value, 0.0) for value in before])
    return p, np.append(q, max(1 - q.sum(), 0.0))
