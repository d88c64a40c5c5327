"""What the pictures show, as plain figures: detections by false alarms, and by the fault's strength."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.detection_answers import OURS, Judged, Planted
from benchmarks.detection_bounds import LEAST_FOUND, Contest, any_size, by_size
from benchmarks.detection_contenders import AS_THEY_COME, ours
from benchmarks.detection_faults import MEAN, MISSING, SHARE
from benchmarks.detection_rates import Rule, as_it_comes, detections, false_alarms, grouped

_BUDGETS = [0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0]
_LADDERS = (MEAN, SHARE, MISSING)
FAULTS = "faults"


def figures(windows: Sequence[Judged]) -> dict[str, Any]:
    """For each size `curves`, `points` and `ladders`, by contender."""
    contests = {rows: Contest.of(by_size(windows).get(rows, []), any_size) for rows in LEAST_FOUND}
    return {str(rows): _of_size(contest) for rows, contest in contests.items() if contest.planted}


def _of_size(contest: Contest) -> dict[str, Any]:
    tables = {"trueserve": ours(contest.clean, contest.planted), **contest.peers}
    curves = {
        name: [(budget, chosen.found) for budget in _BUDGETS if (chosen := table.chosen(budget)) is not None]
        for name, table in tables.items()
    }
    points = {
        name: (
            false_alarms([one for one in contest.clean if one.is_asked_of(method)], method, rule).value,
            detections(contest.planted, method, rule).value,
        )
        for name, method, rule in AS_THEY_COME
        if method in contest.planted[0].answers
    }
    return {"curves": curves, "points": points, "ladders": _ladders(contest)}


def _ladders(contest: Contest) -> dict[str, Any]:
    """By contender and kind of fault, the share found at each strength, at this job's false alarms."""
    rules: dict[str, tuple[str, Rule]] = {"trueserve": (OURS, as_it_comes)}
    for name, table in contest.peers.items():
        if (chosen := table.chosen(contest.budget)) is not None:
            rules[name] = (chosen.method, chosen.rule)
    return {name: _ladder(contest.planted, *rule) for name, rule in rules.items()}


def _ladder(planted: Sequence[Planted], method: str, rule: Rule) -> dict[str, list[tuple[float, float]]]:
    found = {}
    for kind, of in grouped(planted, lambda one: one.kind if one.kind in _LADDERS else FAULTS).items():
        by_strength = sorted(grouped(of, lambda one: one.strength).items())
        found[kind] = [(strength, detections(part, method, rule).value) for strength, part in by_strength]
    return found
