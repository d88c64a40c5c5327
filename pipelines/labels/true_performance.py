"""The content of performance.json: the true performance beside the estimate, and limits that it passed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from trueserve.pipelines.flags.join import JoinOptions
from trueserve.pipelines.labels.late_labels import LateLabels
from trueserve.transforms.joining import labelled_rows
from trueserve.transforms.performance.estimate import Estimate
from trueserve.transforms.performance.record import block
from trueserve.transforms.performance.truth import check_estimate, defined_number, true_metrics
from trueserve.transforms.verdict.findings.performance import limit_name

FORMAT_VERSION = 1
FINE, WORSE, NOT_EXAMINED = "fine", "worse", "not_examined"
EXIT_CODES = {FINE: 0, WORSE: 1, NOT_EXAMINED: 4}
_OF_ESTIMATE = ("estimate", "low", "high")
#: Counts of a join by what the sides are here.
_COUNTS = {
    "labels": "examples",
    "requests": "requests",
    "labels_without_key": "examples_without_key",
    "requests_without_key": "requests_without_key",
    "keys": "keys",
    "keys_only_in_labels": "keys_only_in_examples",
    "keys_only_in_requests": "keys_only_in_requests",
    "duplicate_keys": "duplicate_keys",
    "duplicate_keys_in_labels": "duplicate_keys_in_examples",
    "duplicate_keys_in_requests": "duplicate_keys_in_requests",
    "pairs": "compared",
}


def document(
    result: Mapping[str, Any], settings: Mapping[str, Any], options: JoinOptions, late: LateLabels
) -> dict[str, Any]:
    """What is written and shown.

    Args:
      result: as `joining.outcome.to_json` gives it.
      settings: what was joined, and by what; of it `logs`, `key` and `window` are taken.
    """
    values = result["labelled"]
    rows = None if values is None else labelled_rows.of_json(values)
    counts = {name: result["counts"][of_join] for name, of_join in _COUNTS.items()}
    counts |= {name: values[name] if values else 0 for name in ("without_label", "without_prediction")}
    counts["rows"] = 0 if rows is None else round(rows.scores.total)
    effect = _design_effect(late.estimate)
    truths = {} if rows is None or not counts["rows"] else _truths(late, rows, effect)
    metrics = {name: _metric(name, truth, late, counts["rows"]) for name, truth in truths.items()}
    is_worse = any(metric["limit_passed"] for metric in metrics.values())
    outcome = NOT_EXAMINED if not metrics else WORSE if is_worse else FINE
    reading = {"labels": result["reading"]["examples"], "requests": result["reading"]["requests"]}
    return {
        "format_version": FORMAT_VERSION,
        "result": outcome,
        "exit_code": EXIT_CODES[outcome],
        **{name: getattr(options, name) for name in ("labels", "predictions", "verdict")},
        **{name: settings[name] for name in ("logs", "key", "window")},
        "reading": {side: reading_["counts"] for side, reading_ in reading.items()},
        "counts": counts,
        "why": None if metrics else why_nothing(counts),
        **block(late.record),
        "design_effect": effect,
        "why_no_estimate": late.estimate if isinstance(late.estimate, str) else None,
        "metrics": metrics or None,
        "not_checked": sorted(late.thresholds.performance.keys() - {limit_name(name) for name in metrics}),
    }


def _truths(late: LateLabels, rows: labelled_rows.LabelledRows, effect: float) -> dict[str, Estimate]:
    return true_metrics(late.record.calibration, rows.scores, rows.labels, effect)


def _design_effect(estimate: Mapping[str, Any] | str) -> float:
    """How many rows tell as much as one, as the verdict measured it; 1 where it is not known."""
    value = None if isinstance(estimate, str) else defined_number(estimate.get("design_effect"))
    return max(value or 1.0, 1.0)


def _metric(name: str, truth: Estimate, late: LateLabels, rows: int) -> dict[str, Any]:
    estimates = {} if isinstance(late.estimate, str) else late.estimate
    estimate = estimates.get("metrics", {}).get(name)
    estimate = estimate if isinstance(estimate, dict) else None
    checked = check_estimate(name, truth, estimate, rows / max(defined_number(estimates.get("rows")) or 1, 1))
    limit = late.thresholds.performance.get(limit_name(name))
    sure = None if limit is None or truth.harm_low is None else truth.harm_low > limit
    fields = dataclasses.asdict(truth)
    return {
        "true": fields.pop("value"),
        **fields,
        "estimate": None if estimate is None else {key: estimate.get(key) for key in _OF_ESTIMATE},
        "truth_is": checked.truth_is,
        "sentence": checked.sentence,
        "limit": limit,
        "limit_passed": sure,
    }


def why_nothing(counts: Mapping[str, int]) -> str:
    """Why no row has a label and a prediction."""
    for side in ("labels", "requests"):
        if not counts[side]:
            without = counts[f"{side}_without_key"]
            lack = f"no row of the {side} has the key ({without:,} lack it); name another with --key"
            return lack if without else f"the {side} hold no row"
    if not counts["pairs"]:
        both = "every key that both sides have stands more than once on one of them"
        none = "the labels and the requests have no key in common"
        met = counts["keys"] > counts["keys_only_in_labels"] + counts["keys_only_in_requests"]
        return f"{both if met else none}; name another with --key, or other files"
    labels, answers = (f"{counts[name]:,}" for name in ("without_label", "without_prediction"))
    return f"of {counts['pairs']:,} pairs {labels} have no label, and {answers} no prediction"
