"""Which earlier runs a run is compared with: windows, reruns, gaps."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drift import HERE, day, names

from trueserve.transforms.core.batches import Window
from trueserve.transforms.runs import previous_runs
from trueserve.transforms.runs.published_runs import PublishedRun


def run(name: str, window: Window, baseline: str | None = HERE) -> PublishedRun:
    return PublishedRun(f"out/runs/{name}", name, window, "ok", baseline)


def chosen(runs: Sequence[PublishedRun], window: Window) -> tuple[str | None, list[str]]:
    """The names of the run before, and of the history."""
    return names(previous_runs.choose(runs, window, HERE))


def test_the_last_window_before_is_chosen_and_all_make_the_history() -> None:
    runs = [run(f"r{at}", day(at)) for at in range(6)]
    assert chosen(runs, day(4)) == ("r3", ["r0", "r1", "r2", "r3"])
    assert chosen(runs[::-1], day(4)) == ("r3", ["r0", "r1", "r2", "r3"])
    assert chosen(runs, day(0)) == (None, [])


def test_a_rerun_and_a_backfill_give_the_same_answer() -> None:
    runs = [run("r5", day(5)), run("s3", day(3)), run("t4", day(4)), run("u5", day(5))]
    assert chosen(runs, day(5)) == ("t4", ["s3", "t4"])  # itself was published twice already
    assert chosen(runs, day(4)) == ("s3", ["s3"])


def test_of_reruns_the_one_published_last_counts() -> None:
    runs = [run("r3", day(3)), run("z3", day(3)), run("t3", day(3)), run("a2", day(2))]
    assert chosen(runs, day(4)) == ("z3", ["a2", "z3"])


def test_gaps_are_stepped_over_and_overlaps_left_out() -> None:
    runs = [run("r1", day(1)), run("r3", day(3)), run("h", day(3.5)), run("r9", day(9))]
    assert chosen(runs, day(7)) == ("h", ["r1", "h"])


def test_a_window_of_about_the_same_length_goes_first() -> None:
    runs = [run("day", day(30)), run("month", day(1, 30)), run("week", day(10, 7))]
    assert chosen(runs, day(31)) == ("day", ["day"])
    assert chosen(runs, day(31, 30)) == ("month", ["month"])
    assert chosen([run("month", day(1, 30))], day(31)) == ("month", [])  # better than none, but no history


def test_hours_make_a_history_with_the_same_hour_of_other_days() -> None:
    hour = 1 / 24
    runs = [run(f"r{at:03}", day(at / 24, hour)) for at in range(24 * 5)]
    previous, same_hours = chosen(runs, day(5 + 7 / 24, hour))
    assert previous == "r119"
    assert same_hours == [f"r{24 * at + 7:03}" for at in range(5)]


def test_without_a_start_the_run_published_last_is_chosen() -> None:
    runs = [run("b", day(1)), run("c", Window()), run("a", day(9))]
    assert chosen(runs, Window()) == ("c", [])
    assert chosen(runs, Window(None, day(9).start)) == ("c", [])
    assert chosen(runs, day(20)) == ("a", ["b", "a"])


def test_another_baseline_is_compared_with_and_makes_no_history() -> None:
    runs = [run("r1", day(1)), run("r2", day(2), "other"), run("r3", day(3), None)]
    assert chosen(runs, day(3)) == ("r2", ["r1"])


def test_the_history_is_bounded() -> None:
    runs = [run(f"r{at:03}", day(at)) for at in range(50)]
    assert chosen(runs, day(50))[1] == [f"r{at:03}" for at in range(20, 50)]


_spans = st.tuples(st.integers(0, 12), st.sampled_from([0.5, 1, 1, 1, 2, 7]))


@given(st.lists(_spans, max_size=20), _spans, st.integers(0, 1 << 30))
def test_what_is_chosen_ended_before_and_overlaps_nothing(
    spans: list[tuple[int, float]], now: tuple[int, float], seed: int
) -> None:
    runs = [run(f"r{at:02}", day(*span)) for at, span in enumerate(spans)]
    window = day(*now)
    earlier_runs = previous_runs.choose(runs, window, HERE)
    random.Random(seed).shuffle(runs)
    assert previous_runs.choose(runs, window, HERE) == earlier_runs
    ends = [run.window.end for run in runs if run.window.end <= window.start]  # type: ignore[operator]
    assert (earlier_runs.previous.window.end if earlier_runs.previous else None) == max(ends, default=None)  # type: ignore[type-var]
    chain = [*(run.window for run in earlier_runs.comparable_runs), window]
    assert all(before.end <= after.start for before, after in itertools.pairwise(chain))  # type: ignore[operator]


@given(st.lists(st.tuples(st.integers(0, 6), st.just(1)), max_size=25), st.integers(1, 6))
def test_looking_no_further_than_needed_changes_nothing(spans: list[tuple[int, int]], most: int) -> None:
    runs = [run(f"r{at:02}", day(*span)) for at, span in enumerate(spans)][::-1]
    window = day(7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(previous_runs, "MOST_WINDOWS", most)
        from_all = previous_runs.choose(runs, window, HERE)
        for looked in range(len(runs)):
            some = previous_runs.choose(runs[:looked], window, HERE)
            assert some == from_all or not previous_runs._is_complete(some, window)
