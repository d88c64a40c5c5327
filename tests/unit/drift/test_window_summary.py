"""Positions relative to training against sums over pairs of values; what is read back is a stranger's."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drift import CARRIERS, day, reference, rides, summary_of

from trueserve.transforms.core.batches import Window
from trueserve.transforms.runs import window_summary as module
from trueserve.transforms.runs.window_summary import SummaryKey, WindowSummary, parsed, parsed_window, rank
from trueserve.transforms.verdict.evidence.cdf import Cdf
from trueserve.transforms.verdict.model import Space

samples = st.lists(st.integers(-3, 3), min_size=1, max_size=8)
_strings = st.sampled_from(
    ["", "x", "raw", "rank", "shares", "start", "end", "2013-06-01T00:00:00Z", "\ud800"]
)
_plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _strings)
_nested = st.one_of(_plain, st.lists(_plain, max_size=3), st.dictionaries(_strings, _plain, max_size=3))
json_values = st.one_of(_nested, st.dictionaries(_strings, _nested, max_size=3))


def steps(values: list[int]) -> Cdf:
    """The distribution function of a sample: a step at each value."""
    shares = np.array([np.mean(np.array(values) <= value) for value in sorted(set(values))])
    x = np.repeat(sorted(set(values)), 2).astype(float)
    return Cdf(x, np.stack([np.concatenate([[0.0], shares[:-1]]), shares], 1).ravel())


@given(samples, samples)
def test_a_rank_is_the_share_of_pairs(before: list[int], after: list[int]) -> None:
    pairs = [(b < a) + (b == a) / 2 for b in before for a in after]
    assert rank(steps(before), steps(after)) == pytest.approx(np.mean(pairs) - 0.5)
    assert rank(steps(after), steps(before)) == pytest.approx(0.5 - np.mean(pairs))


@pytest.mark.parametrize(
    ("shift", "expected"), [(0.0, 0.0), (0.2, 0.5 - 0.8**2 / 2), (2.0, 0.5), (-2.0, -0.5)]
)
def test_a_rank_between_points_is_that_of_even_spread(shift: float, expected: float) -> None:
    even = Cdf(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    moved = Cdf(np.array([0.0, 0.3, 1.0]) + shift, np.array([0.0, 0.3, 1.0]))
    assert rank(even, moved) == pytest.approx(expected)


def test_positions_are_those_counted_in_memory() -> None:
    training, served = rides(4000, 1), dict(rides(1500, 2, shift=0.3, points=0.1))
    served["carrier"] = np.where(np.arange(1500) % 10 == 0, "new", served["carrier"])
    training = {**training, "label": rides(4000, 3)["speed"]}
    summary = summary_of(reference(training, label="label"), served, day(0))
    often = [value for value, _ in Counter(training["carrier"]).most_common()]
    assert set(often) == set(CARRIERS)
    raw = {(key.feature, key.what, key.value): value for key, value in summary.values.items()}
    pairs = np.sign(np.asarray(served["speed"])[:, None] - np.asarray(training["speed"])[None, :])
    assert raw.pop(("speed", "rank", 0)) == pytest.approx(pairs.mean() / 2, abs=0.002)
    assert abs(raw.pop(("fuel", "rank", 0))) < 0.03
    counts = Counter(served["carrier"])
    expected = {("carrier", "share", at): counts[value] / 1500 for at, value in enumerate(often)}
    expected |= {("carrier", "others", 0): counts["new"] / 1500, ("carrier", "missing", 0): 0.0}
    expected |= {("speed", "missing", 0): 0.0}
    expected |= {("fuel", "missing", 0): float(np.mean([value is None for value in served["fuel"]]))}
    assert raw == pytest.approx(expected, abs=1e-6)
    assert (summary.rows, summary.window) == (1500, day(0))


def test_of_many_values_the_most_frequent_are_kept() -> None:
    names = np.array([f"w{n % (1 + n % 60)}" for n in range(3000)])
    summary = summary_of(reference({"word": names}), {"word": names}, day(0))
    shares = [value for key, value in summary.values.items() if key.what == "share"]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) == module.MOST_VALUES
    assert summary.values[SummaryKey(Space.RAW, "word", "others")] == pytest.approx(1 - sum(shares), abs=1e-5)


def test_a_feature_that_no_row_has_is_missing_in_all() -> None:
    training, served = rides(500, 1), dict(rides(500, 2))
    del served["speed"]
    summary = summary_of(reference(training), served, day(0))
    assert {p.what: v for p, v in summary.values.items() if p.feature == "speed"} == {"missing": 1.0}


def test_positions_survive_writing_and_are_small() -> None:
    summary = summary_of(reference(rides(500, 1)), rides(500, 2), day(3))
    assert parsed(summary.to_bytes()) == summary
    assert summary.to_bytes() == summary.to_bytes()
    assert len(summary.to_bytes()) < 200 + 120 * 3


def test_a_name_that_has_no_utf_8_survives_writing() -> None:
    odd = WindowSummary(day(0), "b", 1, {SummaryKey(Space.RAW, "\ud800", "rank"): 0.1})
    assert parsed(odd.to_bytes()) == odd


def document(**changed: Any) -> dict[str, Any]:
    window = {"start": "2013-06-01T00:00:00Z", "end": "2013-06-02T00:00:00Z"}
    plain = {
        "format": 1,
        "window": window,
        "baseline": "b",
        "rows": 5,
        "spaces": {"raw": {"x": {"rank": 0.1}}},
    }
    return plain | changed


def test_what_a_run_writes_is_read() -> None:
    assert parsed(json.dumps(document()).encode()) == WindowSummary(
        day(0), "b", 5, {SummaryKey(Space.RAW, "x", "rank"): 0.1}
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"format": 2},
        {"window": None},
        {"window": {"start": "2013-06-02T00:00:00Z", "end": "2013-06-01T00:00:00Z"}},
        {"rows": "5"},
        {"baseline": 5},
        {"spaces": []},
        {"spaces": {"raw": {"x": {"rank": 10**400}}}},
        {"spaces": {"raw": {"x": {"rank": float("nan")}}}},
        {"spaces": {"raw": {"x": {"rank": float("inf")}}}},
        {"spaces": {"raw": {"x": {"rank": True}}}},
        {"spaces": {"raw": {"x": {"shares": [0.1] * 11}}}},
        {"spaces": {"raw": {"x": {"shares": {}}}}},
        {"spaces": {"moon": {"x": {"rank": 0.1}}}},
        {"spaces": {"raw": {"x": 0.1}}},
    ],
)
def test_what_no_run_writes_is_refused(changed: dict[str, Any]) -> None:
    assert parsed(json.dumps(document(**changed)).encode()) is None


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b"1" * 5000])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    assert parsed(data) is None


@given(st.dictionaries(st.sampled_from(sorted(document())), json_values))
def test_no_json_is_too_odd(changed: dict[str, Any]) -> None:
    summary = parsed(json.dumps(document(**changed)).encode())
    assert summary is None or all(abs(value) <= 1 for value in summary.values.values())


@given(json_values)
def test_no_window_is_too_odd(value: Any) -> None:
    assert parsed_window(value) is None or isinstance(parsed_window(value), Window)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2013-06-01T00:00:00Z", "2013-06-02T00:00:00+00:00", day(0)),
        ("2013-06-01T02:00:00+02:00", "2013-06-02T00:00:00Z", day(0)),
        (None, None, Window()),
        (None, "2013-06-02T00:00:00Z", Window(None, dt.datetime(2013, 6, 2, tzinfo=dt.UTC))),
        ("2013-06-01T00:00:00", "2013-06-02T00:00:00Z", None),
        ("2013-06-01T00:00:00Z", "2013-06-01T00:00:00Z", None),
        ("yesterday", None, None),
        (20130601, None, None),
        ("0001-01-01T00:00:00+23:59", None, None),
    ],
)
def test_windows_of_verdicts(start: Any, end: Any, expected: Window | None) -> None:
    assert parsed_window({"start": start, "end": end}) == expected
