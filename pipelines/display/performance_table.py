"""True performance beside the estimate as lines of text: for a terminal, for logs, and for grep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trueserve.transforms.publish import formatting

_LEFT_OUT = (
    ("keys_only_in_labels", "labels without a request"),
    ("keys_only_in_requests", "requests without a label"),
    ("duplicate_keys", "keys several times on a side"),
    ("labels_without_key", "labels without a key"),
    ("requests_without_key", "requests without a key"),
    ("without_label", "pairs without a label that the model can predict"),
    ("without_prediction", "pairs without a prediction"),
)


def lines_of(document: Mapping[str, Any]) -> Iterator[str]:
    """The result in one sentence, what was left out, and a line for each metric.

    Args:
      document: the content of performance.json.
    """
    counts, metrics = document["counts"], document["metrics"] or {}
    rows = formatting.counted(counts["rows"], "row")
    yield f"{document['result']}: {rows} with a label and a prediction, of {counts['requests']:,} requests"
    if left_out := [f"{counts[name]:,} {meaning}" for name, meaning in _LEFT_OUT if counts[name]]:
        yield f"left out: {', '.join(left_out)}"
    if metrics and document["why_no_estimate"]:
        yield f"no estimate to judge: {document['why_no_estimate']}"
    for name, metric in metrics.items():
        yield from _lines(name, metric)
    if document["not_checked"]:
        yield f"not checked: {', '.join(document['not_checked'])}: the metric is not known"


def _lines(name: str, metric: Mapping[str, Any]) -> Iterator[str]:
    """`auc: true 0.71 (0.7 to 0.72), at export 0.75, estimated 0.74 (0.73 to 0.75): ...`."""
    true = f"true {_interval(metric['true'], metric['low'], metric['high'])}"
    estimate, parts = metric["estimate"], [true, f"at export {_number(metric['at_export'])}"]
    judged = ""
    if estimate is not None:
        interval = _interval(estimate["estimate"], estimate["low"], estimate["high"])
        parts.append(f"estimated {interval}")
        judged = f": {metric['sentence']}"
    yield f"{name}: {', '.join(parts)}{judged}"
    if metric["limit"] is not None and metric["harm"] is not None and metric["harm"] > metric["limit"]:
        sure = "" if metric["limit_passed"] else "; too few rows have a label to be sure"
        harm, limit = _number(metric["harm"]), _number(metric["limit"])
        yield f"{name}: worse than at export by {harm}, limit {limit}{sure}"


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return _number(value)
    return f"{_number(value)} ({_number(low)} to {_number(high)})"


def _number(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return formatting.number(value) if is_number else "unknown"
