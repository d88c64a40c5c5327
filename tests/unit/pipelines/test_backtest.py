"""What `backtest` makes of its windows once the job has ended: states, limits, refusals, files."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support import past_windows
from support.past_windows import DAY, SCHEMA, START, days, options, plan, read, reference, write_window

from trueserve.pipelines import backtest
from trueserve.transforms.backtesting import document, judging
from trueserve.transforms.backtesting.document import Study
from trueserve.transforms.backtesting.judging import WindowResult, WindowState
from trueserve.transforms.backtesting.suggest import LimitKey
from trueserve.transforms.branches.reading import ReadSummary
from trueserve.transforms.core.batches import Fault, Reject, Window
from trueserve.transforms.core.errors import InputError, NothingExaminedError, UsageError
from trueserve.transforms.verdict.model import Severity, Space
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.thresholds import Override, Thresholds, parse

SECOND = dt.timedelta(seconds=1)
#: As in training, and with 200 rows in 1,000 of another carrier.
USUAL, SHIFTED = (1000, 500), (1000, 700)
#: The distance that SHIFTED has is over this bound, which is the user's own.
OWN_BOUND = SCHEMA.replace("type: BYTES", "type: BYTES skew_comparator { infinity_norm { threshold: 0.05 } }")


def study(folder: Path, windows: Sequence[tuple[int, int]], *plans: Any, **changes: Any) -> Study:
    """Of windows with so many rows, and so many of them of the carrier AA."""
    for number, (rows, num_aa) in enumerate(windows):
        if rows:
            write_window(folder, number, rows, num_aa)
    reading = changes.pop("reading", read(sum(rows for rows, _ in windows)))
    comparison = plans[0] if plans else plan()
    return backtest._study(comparison, options(**changes), days(*range(len(windows))), str(folder), reading)


def refusal(
    error: type[Exception], folder: Path, windows: Sequence[tuple[int, int]], *more: Any, **changes: Any
) -> str:
    with pytest.raises(error) as caught:
        study(folder, windows, *more, **changes)
    return str(caught.value)


def test_windows_follow_each_other_from_start_to_end() -> None:
    assert backtest._windows(options()) == days(0, 1, 2, 3)
    assert backtest._windows(options(known_bad=((START, START + DAY),))) == days(0, 1, 2, 3)


@pytest.mark.parametrize(
    ("first", "last"),
    [(START - DAY, START), (START + 4 * DAY, START + 5 * DAY)],
    ids=["ends where they start", "starts where they end"],
)
def test_a_known_bad_span_must_touch_a_window(first: dt.datetime, last: dt.datetime) -> None:
    with pytest.raises(UsageError) as caught:
        backtest._windows(options(known_bad=((first, last),)))
    assert str(caught.value) == (
        f"--known_bad: {first.isoformat()} to {last.isoformat()} is not between --start and --end"
    )
    wider = (first - SECOND, last + SECOND)
    assert len(backtest._windows(options(known_bad=(wider,)))) == 4
    with pytest.raises(UsageError, match="is not between"):
        backtest._windows(options(known_bad=(wider, (first, last))))


@pytest.mark.parametrize(
    ("start", "end", "overlaps"),
    [
        (-DAY, 0 * DAY, False),
        (-DAY, SECOND, True),
        (DAY - SECOND, 2 * DAY, True),
        (DAY, 2 * DAY, False),
        (SECOND, 2 * SECOND, True),
        (-DAY, 2 * DAY, True),
    ],
)
def test_a_span_overlaps_a_window_where_both_have_a_moment(
    start: dt.timedelta, end: dt.timedelta, overlaps: bool
) -> None:
    assert backtest._overlaps(days(0)[0], START + start, START + end) is overlaps


def test_each_window_is_judged_by_its_rows(tmp_path: Path) -> None:
    """A window with as many rows as a slice needs is judged, one with a row less is not."""
    windows = [USUAL, (199, 99), (200, 100), (0, 0), SHIFTED]
    result = study(tmp_path, windows, end=START + 5 * DAY, known_bad=((START + 4 * DAY, START + 5 * DAY),))
    assert [window.state.value for window in result.windows] == [
        "judged", "too_few_rows", "judged", "no_rows", "known_bad",
    ]  # fmt: skip
    assert [window.rows for window in result.windows] == [1000, 199, 200, 0, 1000]
    assert [window.window for window in result.windows] == days(0, 1, 2, 3, 4)
    assert [len(window.errors) for window in result.windows] == [0, 0, 0, 0, 1]
    assert result.good == [result.windows[0], result.windows[2]]
    assert (result.limits, result.after, result.fired) == ([], {}, [])
    assert [bool(window.effects) for window in result.windows] == [True, False, True, False, True]


def test_limits_are_raised_until_the_windows_keep_to_the_budget(tmp_path: Path) -> None:
    result = study(tmp_path, [USUAL, SHIFTED, (1000, 505), (0, 0), (400, 200)], end=START + 5 * DAY)
    assert result.allowed == 4 / 30
    [limit], [distance] = result.limits, result.distances
    assert limit.key == LimitKey(Space.RAW, "carrier", "distribution")
    assert (limit.today, limit.suggested, limit.fired, limit.left) == (0.025, 0.2, (1,), ())
    assert distance.key == LimitKey(Space.RAW, "carrier", "l_infinity_norm")
    assert (distance.today, distance.suggested, distance.fired) == (0.1, 0.398, (1,))
    assert (result.fired, result.after) == ([1], {})


@pytest.mark.parametrize(("budget", "num_limits"), [(4 * DAY, 0), (4 * DAY + SECOND, 1)])
def test_the_budget_is_in_days_that_were_judged(
    tmp_path: Path, budget: dt.timedelta, num_limits: int
) -> None:
    result = study(tmp_path, [USUAL, SHIFTED, USUAL, USUAL], budget=budget)
    assert result.allowed == 4 * DAY / budget
    assert len(result.limits) == num_limits


def test_errors_that_stay_under_the_new_limits_are_kept_by_window(tmp_path: Path) -> None:
    """The numbers are those among the good windows: one that was not judged lies before."""
    own = plan(reference(schema_text=OWN_BOUND))
    result = study(tmp_path, [(0, 0), USUAL, SHIFTED, USUAL], own)
    assert [window.state for window in result.windows[:2]] == [WindowState.NO_ROWS, WindowState.JUDGED]
    assert list(result.after) == result.fired == [1]
    [error] = result.after[1]
    assert (error.feature, error.metric, error.severity) == ("carrier", "l_infinity_norm", Severity.ERROR)
    assert document.to_json(result)["alarms"] == {"allowed": 0.1, "before": 1, "after": 1}


def test_rows_that_lie_in_no_window_fail_the_run(tmp_path: Path) -> None:
    message = refusal(InputError, tmp_path, [USUAL, USUAL], reading=read(2001))
    assert message == (
        "window results are incomplete: 2,001 rows were decoded, but the windows hold 2,000. Run again, and"
        " report it if it repeats"
    )


def test_without_enough_rows_nothing_was_examined(tmp_path: Path) -> None:
    message = refusal(NothingExaminedError, tmp_path, [(199, 99), (120, 60), (0, 0)])
    assert message == "no window has enough rows: 200 are needed, the largest has 199"
    reading = read(199, read=1200, outside_window=1001)
    message = refusal(NothingExaminedError, tmp_path, [(199, 99)], reading=reading, end=START + DAY)
    assert message == (
        "no window has enough rows: 200 are needed, the largest has 199; 1,001 of 1,200 records lie outside"
        " [2013-07-01T00:00:00Z, 2013-07-02T00:00:00Z)"
    )


def test_the_hints_name_the_time_of_all_windows(tmp_path: Path) -> None:
    reading = read(10, read=11, outside_window=1)
    message = refusal(NothingExaminedError, tmp_path, [(5, 2), (5, 2)], reading=reading)
    assert message.endswith("lie outside [2013-07-01T00:00:00Z, 2013-07-03T00:00:00Z)")


def test_where_all_windows_are_known_bad_none_is_left(tmp_path: Path) -> None:
    bad = ((START, START + 2 * DAY),)
    message = refusal(NothingExaminedError, tmp_path, [USUAL, SHIFTED, (10, 5)], known_bad=bad)
    assert message == "no window is left to learn limits from: 2 of 3 windows are in --known_bad"


def test_windows_in_which_no_feature_is_compared_say_nothing(tmp_path: Path) -> None:
    nothing = plan(policy=Policy(only=frozenset({"none"})))
    assert refusal(NothingExaminedError, tmp_path, [USUAL], nothing) == (
        "no feature could be compared in any window; run validate on one of them for the reasons"
    )


@pytest.mark.parametrize("field", ["distances", "effects"])
def test_either_kind_of_comparison_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    judge = judging.judge

    def judge_in_part(*arguments: Any) -> tuple[Any, Any, Any]:
        findings, distances, effects = judge(*arguments)
        return findings, distances if field == "distances" else (), effects if field == "effects" else ()

    monkeypatch.setattr(judging, "judge", judge_in_part)
    assert len(study(tmp_path, [USUAL]).good) == 1


def test_the_spaces_of_a_window_are_read_together(tmp_path: Path) -> None:
    both = plan(reference(), reference(Space.TRANSFORMED))
    write_window(tmp_path, 3, 20, 5)
    write_window(tmp_path, 3, 20, 6, Space.TRANSFORMED)
    rows, statistics = backtest._statistics(both, 3, str(tmp_path))
    assert rows == 20
    assert statistics == {
        Space.RAW: past_windows.statistics(20, 5),
        Space.TRANSFORMED: past_windows.statistics(20, 6),
    }
    assert backtest._statistics(both, 2, str(tmp_path)) == (0, {})


def faulty(*faults: Fault) -> ReadSummary:
    return dataclasses.replace(read(10), faults=faults)


def test_the_first_three_faults_are_named() -> None:
    faults = [Fault(f"log-{number}", "checksum", "is cut short") for number in range(4)]
    with pytest.raises(InputError) as caught:
        backtest._check_reading(faulty(*faults), 1.0)
    assert str(caught.value) == "log-0: is cut short; log-1: is cut short; log-2: is cut short"
    with pytest.raises(InputError, match=r"^log-0: is cut short$"):
        backtest._check_reading(faulty(*faults[:1]), 1.0)


def test_so_many_records_may_be_rejected_as_the_flag_allows() -> None:
    reject = Reject("logs/a", 7, "not_json", "expected JSON, got a list")
    reading = dataclasses.replace(
        read(1900, read=2000, rejected={"not_json": 60, "too_long": 40}), rejects=(reject,)
    )
    backtest._check_reading(reading, 0.05)
    with pytest.raises(InputError) as caught:
        backtest._check_reading(reading, 0.0499)
    assert str(caught.value) == (
        "100 of 2,000 records were rejected, more than --max_rejects=0.0499 allows; the first: logs/a,"
        " record 7: expected JSON, got a list"
    )


@pytest.mark.parametrize("missing", [1, -1])
def test_a_record_that_is_not_accounted_for_fails_the_run(missing: int) -> None:
    backtest._check_reading(read(10), 0.0)
    with pytest.raises(InputError, match=f"^{missing} records that were read are not accounted for$"):
        backtest._check_reading(read(10, read=10 + missing), 0.0)


def test_the_document_counts_what_became_of_records() -> None:
    reading = read(
        40, read=100, decoded=20, outside_window=30, no_time=9,
        rejected={"not_json": 5, "too_long": 2}, excluded={"sample": 30, "model": 4},
    )  # fmt: skip
    assert backtest._counts(reading, 39) == {
        "read": 100, "decoded": 20, "outside_window": 30, "no_time": 9,
        "rejected": 7, "excluded": 34, "rows": 40, "in_windows": 39,
    }  # fmt: skip


def test_the_document_says_what_was_asked_for() -> None:
    asked_for = options(known_bad=((START, START + SECOND),), every=DAY / 2, budget=10 * DAY)
    assert backtest._options_json(asked_for) == {
        "baseline": "baseline",
        "logs": "logs/*",
        "start": "2013-07-01T00:00:00Z",
        "end": "2013-07-05T00:00:00Z",
        "every": "PT12H",
        "budget": "P10D",
        "known_bad": [{"start": "2013-07-01T00:00:00Z", "end": "2013-07-01T00:00:01Z"}],
    }


def test_the_files_have_the_new_limits_beside_the_users_own(tmp_path: Path) -> None:
    """Each space's schema gets the thresholds of its own features."""
    own = Thresholds(features={(Space.RAW, "stops"): Override({"missing": 0.5})})
    both = [
        dataclasses.replace(each, schema=each.prepared(Policy()))
        for each in (reference(), reference(Space.TRANSFORMED))
    ]
    for number, (rows, num_aa) in enumerate([USUAL, SHIFTED, USUAL]):
        write_window(tmp_path, number, rows, num_aa)
        write_window(tmp_path, number, rows, 500, Space.TRANSFORMED)
    comparison = plan(*both, policy=Policy(thresholds=own))
    result = backtest._study(comparison, options(), days(0, 1, 2), str(tmp_path), read(3000))
    files = dict(backtest._results(comparison, result, document.to_json(result)))
    assert list(files) == ["thresholds.toml", "schema.pbtxt", "transformed_schema.pbtxt", "backtest.html"]
    assert parse(files["thresholds.toml"], "t").features == {
        (Space.RAW, "stops"): Override({"missing": 0.5}),
        (Space.RAW, "carrier"): Override({"distribution": 0.2}),
    }
    assert b"# 0.025 before, which 2013-07-02 exceeded; 0 windows exceed this" in files["thresholds.toml"]
    assert thresholds(files["schema.pbtxt"]) == {"carrier": pytest.approx(0.201), "stops": pytest.approx(0.1)}
    assert thresholds(files["transformed_schema.pbtxt"])["carrier"] == pytest.approx(0.1)
    assert files["backtest.html"].startswith(b"<!doctype html>")


def thresholds(text: bytes) -> dict[str, float]:
    """Of the comparators that a schema has."""
    return {
        feature.name: feature.skew_comparator.infinity_norm.threshold
        or feature.skew_comparator.jensen_shannon_divergence.threshold
        for feature in past_windows.schema(text.decode()).feature
    }


def test_the_span_is_from_the_first_start_to_the_last_end() -> None:
    assert backtest._span(days(0, 1, 2)) == Window(START, START + 3 * DAY)
    assert WindowResult(days(0)[0], 0, WindowState.NO_ROWS).errors == ()
