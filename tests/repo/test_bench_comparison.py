"""`make bench-quick` fails where a promise is missed or a ratio got worse beyond noise, and only there."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.repo import ROOT

from benchmarks import bench, comparison
from benchmarks import report as bench_report
from benchmarks.cases import FULL, LIMIT, MILLION, QUICK, RAW, TFDV, Case, Plan
from benchmarks.comparison import Compared, Measured, Outcome, compared, measured, missed, report
from benchmarks.measure import Run
from benchmarks.targets import TARGETS, Target

SMALL, LARGE = MILLION // 5, 2 * MILLION
FASTER = "speed, of the limit's"
DEARER = "2 million flights, all branches, of the time of raw only"
SPEED = Target(FASTER, lambda _: 0.0, 0.5, at_least=True)
COST = Target(DEARER, lambda _: 0.0, 2.5)


def rounds_of(contender: str, kind: str, *microseconds: float) -> dict[Case, list[Run]]:
    """Runs of two sizes, in rounds that cost so many microseconds a row each."""
    return {
        Case(contender, kind, rows): [Run(5 + each * rows / 1e6, 5.0, 10**9) for each in microseconds]
        for rows in (SMALL, LARGE)
    }


def of(target: Target, now: Measured, last: Measured) -> Compared:
    (pair,) = compared({target.text: now}, {target.text: last}, [target])
    return pair


def test_each_round_has_a_figure_and_the_spread_is_theirs() -> None:
    runs = rounds_of(RAW, "narrow", 1.0, 1.0, 2.0) | rounds_of(LIMIT, "narrow", 2.0, 3.0, 3.0)
    speed = measured(runs)[FASTER]
    assert speed.figure == pytest.approx(3.0)
    assert speed.rounds == pytest.approx((2.0, 3.0, 1.5))
    assert speed.spread == pytest.approx(2.0)


def test_a_round_that_lacks_a_case_has_no_figure_of_it() -> None:
    runs = rounds_of(RAW, "narrow", 1.0, 1.0, 1.0) | rounds_of(LIMIT, "narrow", 2.0, 4.0)
    assert measured(runs)[FASTER].rounds == pytest.approx((2.0, 4.0))


@pytest.mark.parametrize("rounds", [(), (2.0,), (2.0, -0.1), (0.0, 1.0)])
def test_a_spread_needs_two_rounds_above_zero(rounds: tuple[float, ...]) -> None:
    assert Measured(2.0, rounds).spread is None
    assert of(SPEED, Measured(0.6, rounds), Measured(2.0, (2.0, 2.0))).outcome is Outcome.UNKNOWN


def test_worse_is_less_where_at_least_was_promised_and_more_where_at_most() -> None:
    calm = (1.0, 1.0, 1.0)
    assert of(SPEED, Measured(1.0, calm), Measured(1.2, calm)).outcome is Outcome.WORSE
    assert of(SPEED, Measured(1.2, calm), Measured(1.0, calm)).outcome is Outcome.BETTER
    assert of(COST, Measured(1.2, calm), Measured(1.0, calm)).outcome is Outcome.WORSE
    assert of(COST, Measured(1.0, calm), Measured(1.2, calm)).outcome is Outcome.BETTER
    assert of(COST, Measured(1.09, calm), Measured(1.0, calm)).outcome is Outcome.WITHIN_NOISE


def test_both_spreads_are_noise() -> None:
    wide, calm = (1.0, 1.3, 1.1), (1.0, 1.0, 1.0)
    assert of(COST, Measured(1.4, wide), Measured(1.0, calm)).outcome is Outcome.WITHIN_NOISE
    assert of(COST, Measured(1.4, calm), Measured(1.0, wide)).outcome is Outcome.WITHIN_NOISE
    assert of(COST, Measured(1.5, wide), Measured(1.0, calm)).outcome is Outcome.WORSE
    assert of(COST, Measured(1.5, wide), Measured(1.0, wide)).outcome is Outcome.WITHIN_NOISE


def test_a_last_run_without_rounds_is_taken_to_spread_as_this_one() -> None:
    assert of(COST, Measured(1.8, (1.0, 1.3)), Measured(1.0)).noise == pytest.approx(1.1 * 1.3 * 1.3)


def test_a_figure_that_fell_to_nothing_is_worse() -> None:
    pair = of(SPEED, Measured(0.0, (1.0, 1.0)), Measured(2.0, (2.0, 2.0)))
    assert (pair.times_worse, pair.outcome) == (math.inf, Outcome.WORSE)


def test_seconds_and_what_a_peer_takes_are_not_compared() -> None:
    every = {target.text: Measured(1.0, (1.0, 1.0)) for target in TARGETS}
    left_out = {target.text for target in TARGETS} - {pair.text for pair in compared(every, every, TARGETS)}
    assert left_out == {
        "the same, TFDV's peak memory",
        "1,000 flights, all branches, beyond the imports",
        "1,000 flights, raw only",
        "the first start, which compiles, beyond the second",
    }


def test_missed_promises_are_named() -> None:
    assert missed({FASTER: Measured(0.4), DEARER: Measured(2.4)}, [SPEED, COST]) == [
        f"MISSED: {FASTER}: 0.40x, promised at least 0.5x"
    ]


@pytest.mark.parametrize(
    ("speed", "is_too_bad", "line"),
    [
        (1.9, False, "within noise: speed, of the limit's: 1.90x, in the last full run 2.00x"),
        (1.0, True, "WORSE: speed, of the limit's: 1.00x, in the last full run 2.00x"),
        (0.4, True, "MISSED: speed, of the limit's: 0.40x, promised at least 0.5x"),
    ],
)
def test_the_report_says_what_is_too_bad(speed: float, is_too_bad: bool, line: str) -> None:
    now = {FASTER: Measured(speed, (speed, speed * 1.05))}
    lines, too_bad = report(now, {FASTER: Measured(2.0, (2.0, 2.1))}, "tfdv-1.16")
    assert too_bad is is_too_bad
    assert any(text.startswith(line) for text in lines), lines
    assert report(now, {}, "tfdv-1.21")[0][0] == "No full run of tfdv-1.21 to compare with."


def test_each_stack_keeps_its_own_figures(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert comparison.read(file, "old") == {}
    comparison.write(file, "old", {FASTER: Measured(2.0, (1.9, 2.1))})
    comparison.write(file, "new", {FASTER: Measured(3.0)})
    assert comparison.read(file, "old") == {FASTER: Measured(2.0, (1.9, 2.1))}
    assert comparison.read(file, "new") == {FASTER: Measured(3.0)}
    assert comparison.read(file, "another") == {}


def test_the_kept_figures_are_of_known_stacks_and_promises() -> None:
    kept = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    stacks = {path.stem for path in (ROOT / "constraints").glob("tfdv-*.txt")}
    assert set(kept) <= stacks
    for stack in kept:
        figures = comparison.read(ROOT / "benchmarks" / "results.json", stack)
        assert set(figures) <= {target.text for target in TARGETS}
    assert comparison.stack() in stacks


def test_quick_runs_have_rounds_to_know_noise_from() -> None:
    assert QUICK.most_runs >= 3


def exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, speeds: Sequence[float], argv: Sequence[str]
) -> int:
    """Of a run whose rounds have these speeds, each case failing where there are none."""
    fabricated = bench.Bench(lambda case: pytest.fail(f"{case} was run"))
    fabricated.runs = rounds_of(RAW, "narrow", *[1.0 for _ in speeds]) | rounds_of(LIMIT, "narrow", *speeds)
    if not speeds:
        fabricated.runs, fabricated.failures = {}, {Case(TFDV, "narrow", SMALL): "exit code 1"}
    figures = tmp_path / "results.json"
    comparison.write(figures, comparison.stack(), {FASTER: Measured(2.0, (2.0, 2.1))})

    def run_plan(plan: Plan, notes: list[str]) -> tuple[bench.Bench, dict[Case, int]]:
        assert (plan, notes) == (QUICK if "--quick" in argv else FULL, [])
        return fabricated, {}

    monkeypatch.setattr(bench, "run_plan", run_plan)
    monkeypatch.setattr(bench, "_FIGURES", figures)
    monkeypatch.setattr(bench, "_RESULTS", tmp_path / "RESULTS.md")
    return bench.main(argv)


@pytest.mark.parametrize(
    ("speeds", "code"),
    [((2.0, 2.1, 2.0), 0), ((1.2, 1.2, 1.3), 1), ((1.2, 2.4, 1.2), 0), ((0.4, 0.4, 0.4), 1), ((), 1)],
    ids=["as before", "worse", "worse within noise", "missed", "failed"],
)
def test_exit_codes_of_a_quick_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, speeds: Sequence[float], code: int
) -> None:
    assert exit_code(monkeypatch, tmp_path, speeds, ["--quick"]) == code
    assert not (tmp_path / "RESULTS.md").exists()


def test_a_full_run_replaces_the_section_of_its_stack_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = bench_report.document({"another": "of another stack", comparison.stack(): "of the last run"})
    (tmp_path / "RESULTS.md").write_text(page, encoding="utf-8")
    assert exit_code(monkeypatch, tmp_path, (1.2, 1.2, 1.3), []) == 0
    sections = bench_report.sections_of((tmp_path / "RESULTS.md").read_text(encoding="utf-8"))
    assert sections.keys() == {"another", comparison.stack()}
    assert sections["another"] == "of another stack"
    assert "| 1.20x | met | 2.00x |" in sections[comparison.stack()]
    assert "of the last run" not in sections[comparison.stack()]


def test_a_full_run_keeps_its_rounds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert exit_code(monkeypatch, tmp_path, (1.2, 1.2, 1.3), []) == 0
    kept = comparison.read(tmp_path / "results.json", comparison.stack())
    assert kept[FASTER] == Measured(1.2, (1.2, 1.2, 1.3))
    assert "| 1.20x | met | 2.00x |" in (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
