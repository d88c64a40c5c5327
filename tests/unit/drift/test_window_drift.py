"""What moved since an earlier window: by the same evidence, named in both windows, and nothing twice."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from support import vectors
from support.drift import Columns, day, reference, rides, statistics

from benchmarks import detection_vectors
from trueserve.transforms.core.batches import Window
from trueserve.transforms.drift import window_drift
from trueserve.transforms.drift.window_drift import Windows, span
from trueserve.transforms.verdict.evidence.feature_difference import VARIATION, FeatureDifference
from trueserve.transforms.verdict.evidence.wording import parts_of
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.significance import TestResults

ROWS = 2000


@pytest.fixture(scope="module")
def training() -> Reference:
    return reference(rides(6000, 1))


def drift_findings(
    against: Reference, before: Columns, now: Columns, policy: Policy | None = None
) -> list[Finding]:
    spans = ("2013-06-01", "2013-06-02")
    windows = Windows(against, statistics(before), statistics(now), spans, policy or Policy())
    return window_drift.findings(windows)


def test_windows_of_one_distribution_do_not_differ(training: Reference) -> None:
    assert not [
        finding
        for seed in range(2, 12)
        for finding in drift_findings(training, rides(ROWS, seed), rides(ROWS, 199))
    ]


def test_a_number_that_moved_is_told_with_both_windows(training: Reference) -> None:
    [finding] = drift_findings(training, rides(ROWS, 2), rides(ROWS, 3, shift=0.5))
    assert (finding.feature, finding.kind, finding.severity) == ("speed", FindingKind.DRIFT, Severity.WARNING)
    assert (finding.metric, finding.threshold) == ("kolmogorov_smirnov", 0.025)
    assert finding.distance == pytest.approx(0.19, abs=0.03)  # half a deviation, whose density is 0.4
    assert finding.p_value is not None
    assert finding.p_value < 1e-9
    assert finding.message.startswith("since 2013-06-01: median 50")
    assert ", now 55" in finding.message or ", now 54" in finding.message
    assert "(2013-06-02)" in finding.message
    assert "(p below 1e-12)" in finding.message


def test_a_share_that_moved_is_told_by_its_value(training: Reference) -> None:
    [finding] = drift_findings(training, rides(ROWS, 2), rides(ROWS, 3, points=0.15))
    assert (finding.feature, finding.metric) == ("carrier", "total_variation")
    assert re.search(r"'AA': (39|40|41)\.\d % then, (53|54|55|56)\.\d % now", finding.message)
    assert finding.diagnosis is None or finding.diagnosis.cause != "unknown"


def test_missing_rows_are_told_in_both_directions(training: Reference) -> None:
    more, fewer = rides(ROWS, 2, lost=0.1), rides(ROWS, 3)
    for before, now, level in ((fewer, more, Severity.WARNING), (more, fewer, Severity.INFO)):
        [finding] = drift_findings(training, before, now)
        assert (finding.feature, finding.metric, finding.severity) == (
            "fuel",
            "missing_share_difference",
            level,
        )
        assert finding.message.startswith("since 2013-06-01: missing in ")


def test_what_comes_back_to_training_is_info(training: Reference) -> None:
    [finding] = drift_findings(training, rides(ROWS, 2, shift=0.5), rides(ROWS, 3))
    assert finding.severity is Severity.INFO
    assert finding.message.endswith("it is back to what training has")


def test_whether_a_window_was_off_is_asked_of_all_features_together() -> None:
    """What a feature alone would count, among many is by chance: then nothing came back."""
    random = np.random.default_rng(5)

    def eighty_features(rows: int, moved: float) -> Columns:
        columns = {f"x{n}": random.normal(0, 1, rows) for n in range(80)}
        return columns | {"x0": columns["x0"] - columns["x0"].mean() + moved}

    against, before, now = (
        reference(eighty_features(20_000, 0)),
        eighty_features(ROWS, 0.08),
        eighty_features(ROWS, 0),
    )
    windows = Windows(against, statistics(before), statistics(now), ("a", "b"), Policy())
    [first, _] = windows._of_training
    [difference] = [
        difference for difference in first.differences["x0"] if difference.metric == "kolmogorov_smirnov"
    ]
    alone = TestResults(first.pair, ("x0",))
    assert first.greatest_p < difference.p_value <= alone.greatest_p, "the case that is meant"
    assert not windows.is_back("x0", difference.metric)


def test_what_was_off_and_stays_so_is_told_only_as_far_as_it_moved(training: Reference) -> None:
    off = rides(ROWS, 2, shift=0.5)
    assert not drift_findings(training, off, rides(ROWS, 3, shift=0.5))
    [finding] = drift_findings(training, off, rides(ROWS, 3, shift=-0.5))
    assert finding.severity is Severity.WARNING


def test_ignored_features_are_info(training: Reference) -> None:
    policy = Policy(ignore=frozenset({"speed"}))
    [finding] = drift_findings(training, rides(ROWS, 2), rides(ROWS, 3, shift=0.5), policy)
    assert (finding.severity, finding.message.endswith("(ignored)")) == (Severity.INFO, True)


def test_another_unit_is_named(training: Reference) -> None:
    now = dict(rides(ROWS, 3))
    now["speed"] = np.asarray(now["speed"]) * 1.609
    [finding] = drift_findings(training, rides(ROWS, 2), now)
    assert finding.diagnosis is not None
    assert finding.diagnosis.cause == "scale or unit"
    assert finding.diagnosis.evidence.startswith("with 2013-06-01 for training: ")


def test_new_values_are_told_and_rare_ones_not_named(training: Reference) -> None:
    now = dict(rides(ROWS, 3))
    now["carrier"] = np.where(
        np.arange(ROWS) % 25 == 0, [f"secret{n % 70}" for n in range(ROWS)], now["carrier"]
    )
    findings = drift_findings(training, rides(ROWS, 2), now)
    assert "unseen_share" in {finding.metric for finding in findings}
    assert not [finding for finding in findings if "secret" in finding.message]


def test_a_rare_value_of_the_earlier_window_is_not_named(training: Reference) -> None:
    difference = moved("private")
    before, now = dict(rides(ROWS, 2)), rides(ROWS, 3)
    before["carrier"] = np.where(np.arange(ROWS) % 250 == 0, "private", before["carrier"])
    spans = ("a", "b")
    windows = Windows(training, statistics(before), statistics(now), spans, Policy())
    assert window_drift._label(windows, "carrier", difference) == "a rare value"
    assert [part.label for part in parts_of(windows.pair, "carrier", difference)] == ["a rare value"]
    before["carrier"] = np.where(np.arange(ROWS) % 50 == 0, "private", before["carrier"])
    windows = Windows(training, statistics(before), statistics(now), spans, Policy())
    assert window_drift._label(windows, "carrier", difference) == "'private'"


def moved(label: str) -> FeatureDifference:
    return FeatureDifference(VARIATION, 0.1, 1e-9, 100, lambda: ((label, 0.004, 0.0),))


def test_columns_that_came_and_went_are_missing_rows(training: Reference) -> None:
    without = {name: column for name, column in rides(ROWS, 2).items() if name != "speed"}
    [went] = drift_findings(training, rides(ROWS, 3), without)
    assert (went.feature, went.metric, went.distance) == ("speed", "missing_share_difference", 1.0)
    [came] = drift_findings(training, without, rides(ROWS, 3))
    assert (came.feature, came.severity) == ("speed", Severity.INFO)  # training has it in all rows
    assert "missing in 100.0 % of rows then, in 0.0 % now" in came.message


def test_what_the_schema_does_not_ask_of_serving_is_no_drift() -> None:
    labelled = reference({**rides(3000, 1), "late": rides(3000, 4)["speed"]}, label="late")
    others = {**rides(ROWS, 3), "late": rides(ROWS, 6, shift=2)["speed"], "extra": rides(ROWS, 7)["speed"]}
    assert not drift_findings(labelled, {**rides(ROWS, 2), "late": rides(ROWS, 5)["speed"]}, others)


def test_windows_without_rows_give_nothing(training: Reference) -> None:
    empty = type(statistics(rides(10, 1)))()
    spans = ("a", "b")
    some = statistics(rides(ROWS, 2))
    assert window_drift.findings(Windows(training, empty, some, spans, Policy())) == []
    assert window_drift.findings(Windows(training, some, empty, spans, Policy())) == []


def test_trifles_are_beyond_chance_and_do_not_matter(training: Reference) -> None:
    assert not drift_findings(training, rides(60_000, 2), rides(60_000, 3, shift=0.05))


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (day(0), "2013-06-01"),
        (day(0, 3), "2013-06-01 to 2013-06-04"),
        (day(0.5, 1 / 24), "2013-06-01T12"),
        (day(0.5, 1), "2013-06-01T12:00:00 to 2013-06-02T12:00:00"),
        (Window(None, day(1).start), "up to 2013-06-02"),
        (Window(day(1).start, None), "from 2013-06-02"),
        (Window(), "the last run"),
    ],
)
def test_windows_in_a_sentence(window: Window, expected: str) -> None:
    assert span(window, "the last run") == expected


def test_the_training_side_brings_along_what_it_knows(training: Reference) -> None:
    """What is to be known of training's days must reach the tests between windows."""
    known = dataclasses.replace(training, raw_features={"speed": ("a", "b")})
    [finding] = drift_findings(known, rides(ROWS, 2), rides(ROWS, 3, shift=0.5))
    assert finding.raw_features == ("a", "b")


def test_a_vector_whose_positions_were_permuted_overnight_is_one_warning() -> None:
    reference = detection_vectors.reference("embedding", 1)
    rows = detection_vectors.embedding(1)(1000, np.random.default_rng(4))
    before, now = (vectors.statistics(each, reference) for each in (rows, rows[:, ::-1].copy()))
    windows = Windows(reference, before, now, ("2024-05-01", "2024-05-02"), Policy())
    [finding] = window_drift.findings(windows)
    assert finding.severity is Severity.WARNING
    assert finding.metric == "positions"
    assert "since 2024-05-01: " in finding.message
    assert "of 32 positions differ" in finding.message
    assert finding.diagnosis is not None
    assert "from last to first" in finding.diagnosis.evidence
