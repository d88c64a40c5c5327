"""The benchmark of detection: rates are counted right, bounds go red, and the page tells all."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from support.repo import ROOT

from benchmarks import detection_curves, detection_report
from benchmarks import detection_rates as rates
from benchmarks.detection_answers import (
    EVIDENTLY,
    OURS,
    PLAIN,
    QUANTILES,
    STANDARD,
    SURE,
    TESTS,
    WITH_INFO,
    Answer,
    Judged,
    Planted,
)
from benchmarks.detection_bounds import bounds
from benchmarks.detection_contenders import Best
from benchmarks.detection_days import Day
from benchmarks.detection_duels import any_size, duels, large, promised
from benchmarks.detection_faults import PROMISED
from benchmarks.detection_promises import LEAST_FOUND
from benchmarks.detection_rates import Share, Thresholds, as_it_comes
from benchmarks.detection_season_trials import CLEAN, FAULTS, SeasonTrial
from benchmarks.detection_windows import FULL, tasks

# A planted answer: of 20 windows, window k has the score k / 20 in `x` (a number) and 0 in `c` (a category).


def answers(x: float, c: float, alarm: bool = False) -> dict[str, dict[str, Answer]]:
    by = {"x": Answer(x, alarm), "c": Answer(c, False)}
    methods = (OURS, WITH_INFO, PLAIN, STANDARD, QUANTILES, EVIDENTLY, TESTS)
    ours = {"x": Answer(0.0, alarm), "c": Answer(0.0, False)}
    return {method: ours if method in (OURS, WITH_INFO) else by for method in methods}


def fault(kind: str, *, is_found: bool, score: float, strength: float = 1.0, number: bool = True) -> Planted:
    methods = (PLAIN, STANDARD, QUANTILES, EVIDENTLY, TESTS)
    ours = dict.fromkeys((OURS, WITH_INFO), Answer(SURE if is_found else 0.0, is_found))
    by_method = {method: Answer(score, False) for method in methods} | ours
    promised = strength >= PROMISED[kind]
    return Planted(f"{kind}|x|{strength}", kind, "x", strength, promised, number, False, by_method)


def toy(rows: int, *, alarms: int = 0, missed: int = 0, score: float = 0.9, faults: int = 20) -> list[Judged]:
    """20 windows of a size, so many with an alarm; of each kind of fault so many missed."""
    windows = []
    for k in range(20):
        kinds = list(PROMISED) if k == 0 else []
        planted = [fault(kind, is_found=n >= missed, score=score) for kind in kinds for n in range(faults)]
        clean = answers(k / 20, 0.0, k < alarms)
        windows.append(Judged("toy", rows, k, clean, tuple(planted), frozenset({"x"})))
    return windows


def test_rates_are_counted() -> None:
    windows = toy(500, alarms=3)
    assert rates.false_alarms(windows, OURS, as_it_comes) == Share(3, 20)
    assert rates.false_pairs(windows, OURS, as_it_comes) == Share(3, 40)
    assert rates.false_alarms(windows, STANDARD, Thresholds(0.5, 0.5)) == Share(9, 20)  # 0.55 to 0.95
    assert rates.detections(windows[0].planted, STANDARD, Thresholds(0.5, 2)) == Share(120, 120)
    assert rates.detections(windows[0].planted, STANDARD, Thresholds(0.9, 0)) == Share(0, 120)
    assert Share(0, 100).bounds() == pytest.approx((0, 0.037), abs=1e-3)


def test_flags_count_where_they_are_asked_for() -> None:
    flagged, new = Answer(0.1, True), Answer(0.1, False, new=True)
    never = Thresholds(np.inf, np.inf)
    assert not never(flagged, True)
    assert dataclasses.replace(never, flagged=True)(flagged, True)
    assert not dataclasses.replace(never, flagged=True)(new, True)
    assert dataclasses.replace(never, new=True)(new, False)


def test_hindsight_takes_the_thresholds_that_find_most_within_the_budget() -> None:
    windows = toy(500)
    faults = [
        *(fault("unit", is_found=True, score=0.5 + n / 100) for n in range(60)),
        *(fault("share", is_found=True, score=0.01, number=False) for _ in range(10)),
    ]
    table = rates.hindsight(windows, faults, EVIDENTLY, Thresholds(np.inf, np.inf))
    # No false alarm: numbers over 0.95 are 0.96 to 1.09; every category is over 0.
    assert table.share(0.0) == pytest.approx((14 + 10) / 70)
    assert table.share(0.1) == pytest.approx((24 + 10) / 70)  # over 0.85, past windows 18 and 19
    assert table.share(1.0) == 1.0
    single = rates.hindsight(windows, faults, EVIDENTLY, Thresholds(np.inf, np.inf), is_shared=True)
    assert single.share(0.0) == pytest.approx(14 / 70)  # the same threshold finds no category


def test_a_peer_whose_own_anomalies_are_too_many_has_no_thresholds() -> None:
    windows = [
        dataclasses.replace(window, clean={**window.clean, STANDARD: {"x": Answer(0.0, True)}})
        for window in toy(500)
    ]
    table = rates.hindsight(windows, [], STANDARD, Thresholds(np.inf, np.inf, flagged=True))
    assert table.at(0.99) is None
    assert Best([(STANDARD, Thresholds(0, 0, flagged=True), table)]).chosen(0.99) is None


DAYS = [Day("2013-01-01", 800, ())]
YEARS = [SeasonTrial(1, kind, is_error=kind in FAULTS) for kind in (*CLEAN, *FAULTS)]


def all_sizes(**more: Any) -> list[Judged]:
    return [window for rows in LEAST_FOUND for window in toy(rows, **more)]


def failing(windows: list[Judged], trifles: Mapping[str, bool] | None = None) -> list[str]:
    return [
        str(bound) for bound in bounds(windows, trifles or {"normal": False}, DAYS, YEARS) if not bound.holds
    ]


def test_all_bounds_hold_where_nothing_is_missed() -> None:
    assert failing(all_sizes()) == []
    assert len(bounds(all_sizes(), {"normal": False}, DAYS, YEARS)) == 3 + 1 + 18 + 1 + 1 + 6 + 48


def test_what_was_not_measured_does_not_hold() -> None:
    assert [
        str(bound) for bound in bounds(all_sizes(), {"normal": False}, seasons=YEARS) if not bound.holds
    ] == ["FAILS: at most one real day in 30 is an error against a baseline of the others: 0 of 0"]
    alone = [
        dataclasses.replace(
            window,
            clean={OURS: window.clean[OURS], WITH_INFO: window.clean[WITH_INFO]},
            planted=tuple(
                dataclasses.replace(
                    each, answers={OURS: each.answers[OURS], WITH_INFO: each.answers[WITH_INFO]}
                )
                for each in window.planted
            ),
        )
        for window in all_sizes()
    ]
    missed = failing(alone)
    assert len([line for line in missed if line.endswith("that was not asked")]) == 4 * 3


def test_a_bound_that_is_missed_goes_red() -> None:
    assert len(failing(all_sizes(alarms=1))) == 3 + 1
    assert any(
        "2 million rows is no error: an error" in line for line in failing(all_sizes(), {"normal": True})
    )
    # 19 of 20 are 95 %: enough up to 2,000 rows.
    missed = failing(all_sizes(missed=1))
    assert len(missed) == 6
    assert all("at least 99% of" in line for line in missed)
    assert len([line for line in failing(all_sizes(missed=2)) if "at least" in line]) == 18
    # A peer that finds all at no false alarm is not beaten, and beats what misses one.
    even = failing(all_sizes(score=1.0))
    assert len(even) == 12
    assert all("on average over these sizes" in line for line in even)
    beaten = [line for line in failing(all_sizes(score=1.0, missed=1)) if "at least" not in line]
    assert len(beaten) == 48
    assert any("by TFDV at equal false alarms: 95.00% against 100.00%" in line for line in beaten)


def test_peers_are_held_to_the_same_false_alarms() -> None:
    duel = duels(toy(500, alarms=2), promised)["Evidently"]
    assert duel.budget == 0.1
    assert duel.share == 1.0  # 0.9 is over all but two windows
    assert duel.theirs.share(0.0) == 0.0


def test_a_peer_is_held_against_what_it_was_asked_of() -> None:
    few = toy(500)
    rest = [
        dataclasses.replace(
            window, clean={OURS: answers(1, 0, True)[OURS]}, planted=(), number=window.number + 20
        )
        for window in toy(500)
    ]
    duel = duels([*few, *rest], promised)["Evidently"]
    assert len(duel.clean) == 20
    assert duel.budget == 0.0


def test_faults_are_told_by_what_they_change() -> None:
    small = [
        fault("unit", is_found=True, score=1, strength=0.03),
        fault("missing", is_found=True, score=1, strength=0.05),
    ]
    moved_a_little = fault("mean", is_found=True, score=1, strength=0.1)
    every = [*small, moved_a_little]
    assert [promised(case) for case in every] == [False, True, False]
    assert [large(case) for case in every] == [False, True, True]
    assert all(any_size(case) for case in every)


def test_the_page_and_the_pictures_figures_tell_all() -> None:
    windows = all_sizes(missed=2, alarms=1)
    page = detection_report.document(windows, bounds(windows, {"normal": False}), "Seed 1.", ["A note."])
    for text in ("**FAILS**", "A note.", "| Evidently, in hindsight |", "| unit | 1 | 90.0% of 20 |", "x 1"):
        assert text in page, text
    figures = json.load(io.StringIO(json.dumps(detection_curves.figures(windows))))
    assert set(figures) == {"500", "2000", "20000"}
    assert figures["500"]["points"]["trueserve"] == [0.05, 0.9]
    assert figures["500"]["ladders"]["trueserve"]["mean"] == [[1.0, 0.9]]
    assert figures["500"]["curves"]["Evidently"][-1] == [1.0, 1.0]


def test_the_plan_asks_peers_of_windows_that_are_there() -> None:
    every = tasks(FULL, 1)
    assert len(set(every)) == len(every) == 2 * sum(of.clean for of in FULL.values())
    for rows, of in FULL.items():
        assert sum(task.slow_faulty for task in every if task.rows == rows) == 2 * of.slow_faulty
        assert of.slow_faulty <= of.faulty <= of.clean


def test_modules_of_the_benchmark_are_short() -> None:
    for path in (ROOT / "benchmarks").glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 300, path.name


def test_second_years_are_held_to_few_alarms_and_to_their_faults() -> None:
    alarm, *others = YEARS
    missed = [trial._replace(is_error=False) for trial in others]
    lines = [str(bound) for bound in bounds([], {}, DAYS, [alarm._replace(is_error=True), *missed])]
    failing_lines = [
        line for line in lines if line.startswith("FAILS") and ("year" in line or "of this" in line)
    ]
    assert len(failing_lines) == 6
    assert any("clean window of a second year in 200" in line for line in failing_lines)
