"""A season that training does not have: one finding of it, and faults that no season makes."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter

import numpy as np
import pytest

from benchmarks import detection_seasons, in_memory
from benchmarks.detection_seasons import Seasons, Window
from trueserve.transforms.verdict.compare import Policy, compare
from trueserve.transforms.verdict.findings import season
from trueserve.transforms.verdict.model import ComparisonResult, Finding, FindingKind, Severity, Space

AUGUST, DAYS = 24 * 212, 24 * 31


@functools.cache
def spring() -> Seasons:
    """January to June, and what comes after."""
    return Seasons(907, days=365, trained=181)


@functools.cache
def august() -> Window:
    return detection_seasons.window(spring(), AUGUST, DAYS)


def compared(window: Window) -> ComparisonResult:
    batch, forms = in_memory.read(window.columns, spring().reference)
    statistics = in_memory.statistics(batch, spring().reference)
    return compare(spring().reference, statistics, Policy(), Counter(forms), window.span, start=window.start)


def of_season(result: ComparisonResult) -> Finding:
    [finding] = [finding for finding in result.findings if finding.metric == season.METRIC]
    return finding


def errors(result: ComparisonResult) -> set[str]:
    return {finding.feature for finding in result.findings if finding.severity is Severity.ERROR}


def test_a_summer_after_a_spring_is_one_finding() -> None:
    result = compared(august())
    finding = of_season(result)
    assert errors(result) == set()
    assert "training has no days like 16 August: it has those of 2021-01-01 to 2021-06-30" in finding.message
    assert (finding.feature, finding.space) == ("", Space.SET)
    assert (finding.severity is Severity.WARNING) == bool(finding.raw_features)


def test_what_lies_as_far_out_as_seasons_go_is_in_that_finding_and_no_error() -> None:
    warm = detection_seasons.with_temperature(august(), lambda values: values + 0.15)
    result = compared(warm)
    assert "temperature" not in errors(result)


@pytest.mark.parametrize("factor", [0.0, 3.0, 100.0])
def test_a_constant_and_another_unit_are_errors_in_any_season(factor: float) -> None:
    changed = detection_seasons.with_temperature(
        august(), lambda values: np.full_like(values, 0.5) if not factor else values * factor
    )
    assert "temperature" in errors(compared(changed))


def test_a_window_that_training_has_a_season_for_says_nothing_of_it() -> None:
    july = detection_seasons.window(spring(), 24 * 182, 24 * 7)
    assert season.METRIC not in {finding.metric for finding in compared(july).findings}
    without_time = Window(AUGUST, DAYS, august().columns)
    batch, forms = in_memory.read(without_time.columns, spring().reference)
    statistics = in_memory.statistics(batch, spring().reference)
    result = compare(spring().reference, statistics, Policy(), forms, without_time.span)
    assert season.METRIC not in {finding.metric for finding in result.findings}


def finding(feature: str, *names: str) -> Finding:
    level = Severity.WARNING if names else Severity.INFO
    message = f"training has no days like 16 August; {feature}"
    return Finding("", Space.SET, FindingKind.DISTRIBUTION, level, season.METRIC, message, raw_features=names)


def test_all_spaces_say_it_once() -> None:
    other = dataclasses.replace(finding("x"), feature="x", metric="total_variation")
    spaces = [
        ComparisonResult((other, finding("", "a", "b")), ()),
        ComparisonResult((finding("", "b", "c"),), (), space=Space.TRANSFORMED),
    ]
    first, second = season.merged(spaces)
    assert first.findings[0] == other
    combined = first.findings[1]
    assert combined.raw_features == ("a", "b", "c")
    assert combined.severity is Severity.WARNING
    assert "'a', 'b', 'c'" in combined.message
    assert second.findings == ()
    assert season.merged(spaces[:1]) == spaces[:1]
