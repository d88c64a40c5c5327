"""The estimated performance in words, from the content of verdict.json, for the console and the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueserve.transforms.publish import formatting

Json = Mapping[str, Any]

_NAMES = {"auc": "AUC", "mae": "MAE", "rmse": "RMSE", "brier": "Brier score"}
# The metrics of which the first that is known is said in a line.
_FIRST = ("auc", "accuracy", "mae")


def line(performance: Json | None) -> str:
    """`estimated AUC 0.673 (0.621 to 0.726), 0.697 at export`; empty where nothing was estimated."""
    metrics = (performance or {}).get("metrics") or {}
    known = (key for key in _FIRST if key in metrics and metrics[key]["estimate"] is not None)
    key = next(known, None)
    if key is None:
        return ""
    value = metrics[key]
    return f"estimated {name(key)} {estimate(value)}, {number(value['at_export'])} at export"


def name(metric: str) -> str:
    """`AUC`, `log loss`."""
    return _NAMES.get(metric, formatting.visible(metric.replace("_", " ")))


def estimate(value: Json) -> str:
    """`0.673 (0.621 to 0.726)`, without an interval that is not known."""
    low, high = value["low"], value["high"]
    interval = "" if low is None or high is None else f" ({number(low)} to {number(high)})"
    return f"{number(value['estimate'])}{interval}"


def number(value: float | None) -> str:
    """Three digits: more would be said than is known."""
    return "not defined" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
