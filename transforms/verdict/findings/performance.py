"""What the estimate of a window's performance says, in words and in verdict.json."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from trueserve.transforms.performance.estimate import CANNOT_SEE, Estimate
from trueserve.transforms.performance.metrics import MORE_IS_BETTER
from trueserve.transforms.performance.record import PerformanceRecord
from trueserve.transforms.performance.record import block as block_of
from trueserve.transforms.verdict.model import ComparisonResult, Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.thresholds import Thresholds
from trueserve.transforms.verdict.wording import number, plain

NOT_ESTIMATED = "performance_not_estimated"
_NO_PREDICTION = "no logged answer of the window has a prediction"


def compare(
    record: PerformanceRecord | str | None, estimates: Mapping[str, Estimate], thresholds: Thresholds
) -> ComparisonResult:
    """An error for each metric whose harm is beyond its limit for sure, a warning where it may be.

    A metric without a limit in `[performance]` has no finding. Limits that were not checked are named.

    Args:
      record: of the model, or why it has none; None without `--predictions`.
    """
    limits = thresholds.performance
    findings = [] if record is None or isinstance(record, str) else list(_findings(record, estimates, limits))
    findings += _not_checked(record, estimates, thresholds)
    return ComparisonResult(tuple(findings), (), space=Space.PREDICTION)


def _not_checked(
    record: PerformanceRecord | str | None, estimates: Mapping[str, Estimate], thresholds: Thresholds
) -> Iterator[Finding]:
    """That limits were given, and why they were not checked: a warning where predictions were compared."""
    known = {limit_name(metric) for metric, value in estimates.items() if value.harm_low is not None}
    names = sorted(thresholds.performance.keys() - known)
    if not names:
        return
    why = "--predictions was not given" if record is None else record if isinstance(record, str) else ""
    why = why or ("the model has no such metric, or it is not defined" if estimates else _NO_PREDICTION)
    severity = Severity.INFO if record is None else Severity.WARNING
    message = f"{thresholds.file}: [performance] {', '.join(names)} was not checked: {why}"
    yield Finding("", Space.SET, FindingKind.PERFORMANCE, severity, NOT_ESTIMATED, message)


def limit_name(metric: str) -> str:
    """`auc_drop`, `log_loss_rise`."""
    return f"{metric}_drop" if metric in MORE_IS_BETTER else f"{metric}_rise"


def _findings(
    record: PerformanceRecord, estimates: Mapping[str, Estimate], limits: Mapping[str, float]
) -> Iterator[Finding]:
    for metric, value in estimates.items():
        limit = limits.get(limit_name(metric))
        if limit is None or value.harm is None or value.harm_low is None or value.harm <= limit:
            continue
        is_sure = value.harm_low > limit
        yield Finding(
            feature=record.output,
            space=Space.PREDICTION,
            kind=FindingKind.PERFORMANCE,
            severity=Severity.ERROR if is_sure else Severity.WARNING,
            metric=limit_name(metric),
            message=_message(metric, value, limit, is_sure=is_sure),
            distance=value.harm,
            threshold=limit,
        )


def _message(metric: str, value: Estimate, limit: float, *, is_sure: bool) -> str:
    low_to_high = f"{_shown(value.low)} to {_shown(value.high)}"
    name = plain(metric.replace("_", " "))
    sure = "" if is_sure else "; the window is too small to be sure"
    return (
        f"the estimated {name} is {_shown(value.value)} ({low_to_high}),"
        f" at export {_shown(value.at_export)}: worse by more than the limit of {number(limit)}{sure}."
        " No labels were read: a concept shift is not seen"
    )


def _shown(value: float | None) -> str:
    return "unknown" if value is None else number(value)


def block(
    record: PerformanceRecord, rows: int, design_effect: float, estimates: Mapping[str, Estimate]
) -> dict[str, Any]:
    """`performance` of verdict.json."""
    return {
        "why": None if estimates else _NO_PREDICTION,
        "rows": rows,
        "design_effect": design_effect,
        **block_of(record),
        "metrics": {name: _json(value) for name, value in estimates.items()},
        "cannot_see": list(CANNOT_SEE),
    }


def _json(value: Estimate) -> dict[str, float | None]:
    fields = {"value": "estimate"}
    return {fields.get(key, key): number_ for key, number_ in dataclasses.asdict(value).items()}


def nothing(why: str) -> dict[str, Any]:
    """`performance` of verdict.json where nothing was estimated; the reason is a sentence."""
    empty: dict[str, Any] = dict.fromkeys(
        ("rows", "design_effect", "task", "output", "label", "evaluation_rows", "metrics")
    )
    return {"why": why, **empty, "cannot_see": list(CANNOT_SEE)}
