"""The rule of `make detection-quick`: red where windows refute a promise, green where they are merely few."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from benchmarks import detection_promises, refutation
from benchmarks.detection_answers import OURS, Answer, Judged
from benchmarks.detection_data import FLIGHTS, GENERATED
from benchmarks.detection_days import Day
from benchmarks.detection_faults import PROMISED
from benchmarks.detection_promises import LEAST_FOUND, Promise
from benchmarks.detection_quick import PLAN, Trial, judge, trials
from benchmarks.detection_rates import Share
from benchmarks.detection_windows import FULL
from benchmarks.refutation import LEVEL, Outcome, limit_of, outcome, p_value, refuting

BOUNDS = (0.005, 0.01, 1 / 30, 0.5, 0.95, 0.99)


def at_least(hits: int, of: int, bound: float = 0.95) -> Promise:
    return Promise("some are found", Share(hits, of), bound, at_least=True)


def at_most(hits: int, of: int, bound: float = 0.01) -> Promise:
    return Promise("few are false", Share(hits, of), bound)


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("trial_count", [1, 9, 300, 1216])
def test_p_values_are_those_of_scipy(trial_count: int, bound: float) -> None:
    counts = sorted({*range(min(trial_count, 30)), *range(max(trial_count - 30, 0), trial_count + 1)})
    for hits in counts:
        for is_at_least, alternative in ((True, "less"), (False, "greater")):
            expected = stats.binomtest(hits, trial_count, bound, alternative=alternative).pvalue
            measured = p_value(Share(hits, trial_count), bound, at_least=is_at_least)
            assert measured == pytest.approx(expected, rel=1e-9, abs=1e-300), (hits, alternative)


@pytest.mark.parametrize("bound", BOUNDS)
def test_what_refutes_a_promise_is_the_last_count_within_the_limit(bound: float) -> None:
    for promise, alternative in ((at_least(0, 200, bound), "less"), (at_most(0, 200, bound), "greater")):
        counts = [
            hits
            for hits in range(201)
            if stats.binomtest(hits, 200, bound, alternative=alternative).pvalue <= 3e-5
        ]
        nearest, level = refuting(promise, 3e-5)
        assert nearest == (max if promise.at_least else min)(counts, default=None)
        expected = 0.0 if nearest is None else stats.binomtest(nearest, 200, bound, alternative).pvalue
        assert level == pytest.approx(expected, rel=1e-9)
        for hits in range(201):
            is_refuted = outcome(promise._replace(share=Share(hits, 200)), 3e-5) is Outcome.REFUTED
            assert is_refuted == (hits in counts), hits


def test_few_windows_on_the_wrong_side_refute_nothing() -> None:
    assert outcome(at_least(8, 9), LEVEL) is Outcome.NOT_REFUTED
    assert outcome(at_most(2, 19, 1 / 30), LEVEL) is Outcome.NOT_REFUTED
    assert outcome(at_least(19, 20), LEVEL) is Outcome.HOLDS
    assert outcome(at_most(0, 19), LEVEL) is Outcome.HOLDS


def test_a_broken_promise_is_refuted() -> None:
    assert outcome(at_least(3, 9), LEVEL) is Outcome.REFUTED
    assert outcome(at_most(13, 300), LEVEL) is Outcome.REFUTED
    assert refutation.failures([at_least(9, 9), at_most(13, 300)]) == [at_most(13, 300)]


def test_what_may_never_happen_is_refuted_by_once() -> None:
    assert outcome(at_most(1, 1, 0.0), LEVEL) is Outcome.REFUTED
    assert outcome(at_most(0, 1, 0.0), LEVEL) is Outcome.HOLDS
    assert refutation.false_refutations([at_most(0, 1, 0.0)]) == 0.0


def test_what_was_not_measured_fails() -> None:
    assert outcome(at_least(0, 0), LEVEL) is Outcome.NOT_MEASURED
    assert refutation.failures([at_most(0, 0)]) == [at_most(0, 0)]


def test_the_limit_is_shared_by_all_promises() -> None:
    alone = at_least(77, 90)
    assert LEVEL / 35 < p_value(alone.share, 0.95, at_least=True) < LEVEL
    assert refutation.failures([alone]) == [alone]
    assert refutation.failures([alone, *[at_least(9, 9)] * 34]) == []


def test_true_products_fail_as_seldom_as_is_reported() -> None:
    """Simulated at the promised rates, with a level that runs can show."""
    promises = [at_least(0, 60), at_most(0, 300), at_most(0, 40, 1 / 30)]
    limit, runs = 0.05 / len(promises), 20_000
    random = np.random.default_rng(1)
    refuted = np.zeros(runs, bool)
    for promise in promises:
        counts = random.binomial(promise.share.of, promise.bound, runs)
        nearest = refuting(promise, limit).hits
        assert nearest is not None
        refuted |= counts <= nearest if promise.at_least else counts >= nearest
    reported = sum(refuting(promise, limit).level for promise in promises)
    assert reported <= 0.05
    assert reported - 0.01 < refuted.mean() <= reported + 0.005


def test_the_report_says_of_each_promise_what_was_measured() -> None:
    lines = refutation.report([at_least(8, 9), at_most(13, 300), at_most(0, 5)]).splitlines()
    assert [line.split("  ")[0] for line in lines[1:4]] == ["not refuted", "REFUTED", "holds"]
    assert " ".join(lines[1].split()) == "not refuted 0.37 9 8 >= 95 % 4 or fewer some are found"
    assert " ".join(lines[2].split()) == "REFUTED 1.4e-05 300 13 <= 1 % 11 or more few are false"
    assert lines[4] == f"3 promises, each refuted at p <= 0.001 / 3 = {limit_of([at_least(0, 1)] * 3):.1e}."


def clean(rows: int, number: int, alarm: bool) -> Judged:
    answers = {OURS: {"x": Answer(0.0, alarm)}}
    return Judged("toy", rows, number, answers, (), frozenset({"x"}))


def test_the_average_allows_what_the_largest_size_may_have() -> None:
    windows = [clean(200, number, number < 3) for number in range(100)]
    windows += [clean(500, number, False) for number in range(50)]
    promise = detection_promises.on_average(windows)
    assert promise.share == Share(3, 150)
    # All of two sizes' 0.5 % may be in the 100 windows of one: one alarm.
    assert promise.bound == pytest.approx(1 / 150)
    unasked = [dataclasses.replace(window, clean={}) for window in windows]
    assert detection_promises.on_average([*windows, *unasked]) == promise
    assert outcome(detection_promises.on_average([]), LEVEL) is Outcome.NOT_MEASURED


def test_a_kind_of_fault_that_was_not_planted_fails() -> None:
    promises = list(detection_promises.of_detections([clean(500, 0, False)]))
    assert len(promises) == len(PROMISED) * len(LEAST_FOUND)
    assert refutation.failures(promises) == promises
    assert not any(promise.holds for promise in promises)


def test_every_size_of_a_full_run_is_in_a_quick_one() -> None:
    assert set(PLAN) == set(FULL)
    assert all(PLAN[rows].repeats for rows in LEAST_FOUND)


def test_days_with_an_error_are_counted() -> None:
    days = [Day("2013-01-01", 700, ("temp: missing",)), Day("2013-01-02", 800, ())]
    assert detection_promises.of_days(days).share == Share(1, 2)


def test_each_fault_is_planted_as_often_in_windows_of_its_own() -> None:
    planned = trials(1)
    assert len({(trial.source, trial.rows, trial.number) for trial in planned}) == len(planned)
    for rows, counts in PLAN.items():
        of_size = [trial for trial in planned if trial.rows == rows]
        for source in (FLIGHTS, GENERATED):
            same = [trial for trial in of_size if trial.source == source]
            assert sum(trial.is_clean_judged for trial in same) == counts.clean
            faults = Counter(trial.fault for trial in same if trial.fault is not None)
            assert set(faults.values()) == ({counts.repeats} if counts.repeats else set())
            kinds = {key.partition("|")[0] for key in faults}
            assert kinds == (set(PROMISED) if counts.repeats else set())
    repeats = [trial.world % 4 for trial in planned if trial.fault == "mean|temp|0.5" and trial.rows == 500]
    assert len(set(repeats)) == 4
    assert [trial._replace(seed=1) for trial in trials(2)] == planned


def test_a_trial_judges_one_window_with_and_without_its_fault() -> None:
    trial = Trial(FLIGHTS, 500, 3, 0, 1, is_clean_judged=True, fault="unit|distance|1")
    window = judge(trial)
    assert not any(answer.alarm for answer in window.clean[OURS].values())
    assert [(fault.key, fault.answers[OURS].alarm) for fault in window.planted] == [("unit|distance|1", True)]
    assert judge(trial) == window
    other = judge(trial._replace(is_clean_judged=False, fault=None))
    assert (other.clean, other.planted) == ({}, ())
