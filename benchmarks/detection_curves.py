"""What the pictures show, as plain figures: detections by false alarms, and by the fault's strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.detection_answers import OURS, Judged, Planted
from benchmarks.detection_contenders import AS_THEY_COME, ours
from benchmarks.detection_duels import Duel, any_size, by_size, duels, large, planted_in
from benchmarks.detection_faults import MEAN, MISSING, SHARE
from benchmarks.detection_promises import LEAST_FOUND
from benchmarks.detection_rates import Rule, as_it_comes, detections, false_alarms, grouped

_BUDGETS = [0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0]
_LADDERS = (MEAN, SHARE, MISSING)
FAULTS = "faults"


def figures(windows: Sequence[Judged]) -> dict[str, Any]:
    """For each size `curves` and `points`, of faults of 5 % or more, and `ladders`, of all, by contender."""
    sizes = {rows: by_size(windows).get(rows, []) for rows in LEAST_FOUND}
    return {str(rows): _of_size(of) for rows, of in sizes.items() if any(window.planted for window in of)}


def _of_size(windows: Sequence[Judged]) -> dict[str, Any]:
    every = planted_in(windows)
    scored = [window for window in windows if len(window.clean) > 1]
    tables = {"trueserve": ours(scored, list(filter(large, every)))}
    tables |= {name: duel.theirs for name, duel in duels(windows, large).items()}
    curves = {
        name: [
            (budget, chosen.detected) for budget in _BUDGETS if (chosen := table.chosen(budget)) is not None
        ]
        for name, table in tables.items()
    }
    return {
        "curves": curves,
        "points": _points(windows),
        "ladders": _ladders(every, duels(windows, any_size)),
    }


def _points(windows: Sequence[Judged]) -> dict[str, tuple[float, float]]:
    """Of each as it comes: the shares of false alarms, and of faults of 5 % or more that are found."""
    points = {}
    for name, method, rule in AS_THEY_COME:
        clean = [window for window in windows if window.is_asked_of(method)]
        planted = [fault for fault in planted_in(windows) if method in fault.answers and large(fault)]
        if clean and planted:
            share = false_alarms(clean, method, rule).value
            points[name] = (share, detections(planted, method, rule).value)
    return points


def _ladders(every: Sequence[Planted], against: Mapping[str, Duel]) -> dict[str, Any]:
    """By contender and kind of fault, the share found at each strength, at this job's false alarms."""
    ladders = {"trueserve": _ladder(every, OURS, as_it_comes)}
    for name, duel in against.items():
        if (chosen := duel.theirs.chosen(duel.budget)) is not None:
            ladders[name] = _ladder(duel.planted, chosen.method, chosen.rule)
    return ladders


def _ladder(planted: Sequence[Planted], method: str, rule: Rule) -> dict[str, list[tuple[float, float]]]:
    ladder = {}
    for kind, of in grouped(planted, lambda fault: fault.kind if fault.kind in _LADDERS else FAULTS).items():
        by_strength = sorted(grouped(of, lambda fault: fault.strength).items())
        ladder[kind] = [(strength, detections(part, method, rule).value) for strength, part in by_strength]
    return ladder
