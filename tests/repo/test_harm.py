"""What `make harm` says of windows, by windows of known answers."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks import harm_report
from benchmarks.harm_report import Measured
from benchmarks.harm_windows import CLEAN, COVARIATES, FAULT, KINDS, Interval, Judged


def _window(kind: str, true: float, estimate: float) -> Judged:
    interval = Interval(estimate, estimate - 0.01, estimate + 0.01)
    return Judged(kind, "x", 100, {"auc": true}, {"auc": interval}, 0.1, pd.DataFrame())


def _measured(*windows: Judged) -> Measured:
    return Measured("flights", "auc", {"auc": 0.8}, windows, windows)


def test_a_rank_is_the_share_of_pairs_in_the_right_order() -> None:
    seen, missed = _window(COVARIATES, 0.7, 0.72), _window(FAULT, 0.6, 0.8)
    part = _measured(_window(CLEAN, 0.8, 0.8), _window(COVARIATES, 0.81, 0.83), seen, missed)

    assert harm_report.rank(part, KINDS[:2], harm_report.ours, either_way=False) == 1
    assert harm_report.rank(part, KINDS[:3], harm_report.ours, either_way=False) == (1 + 1 + 0.5 + 1) / 4
    assert harm_report.rank(part, KINDS[:3], harm_report.ours, either_way=True) == (1 + 1 + 0.5 + 0) / 4


def test_bars_are_missed_where_the_windows_say_so() -> None:
    windows = [_window(COVARIATES, 0.7, 0.7 + 0.001 * number) for number in range(21)]
    part = _measured(_window(CLEAN, 0.8, 0.8), *windows)

    bars = harm_report.bars([part])

    within = next(bar for bar in bars if "within 0.01" in bar.name)
    assert (within.holds, within.measured) == (False, "mean 0.0100, largest 0.0200")
    hold = next(bar for bar in bars if "intervals hold" in bar.name)
    assert not hold.holds
    assert harm_report.held(windows, ["auc"], harm_report.ours) == pytest.approx(11 / 21, abs=0.05)
