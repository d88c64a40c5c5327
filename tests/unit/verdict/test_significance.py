"""Which differences count: both conditions at their limits, and what days change in them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.verdict.evidence import p_values, power
from trueserve.transforms.verdict.evidence.feature_difference import (
    MISSING,
    UNSEEN_SHARE,
    VARIATION,
    FeatureDifference,
)
from trueserve.transforms.verdict.model import SeasonalVariation, Space
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.significance import TestResults
from trueserve.transforms.verdict.thresholds import Override, Thresholds
from trueserve.transforms.verdict.variation import seasonal_p_value
from trueserve.transforms.verdict.variation.bins import CATEGORY, Bins
from trueserve.transforms.verdict.variation.store import FeaturePeriods

ROWS = 5000
DAY = dt.timedelta(days=1)


def category(a: int, b: int, z: int = 0, name: str = "w") -> Any:
    counts = {value: n for value, n in {"a": a, "b": b, "z": z}.items() if n}
    return hand_made.category(name, counts)


def periods() -> FeaturePeriods:
    """Twenty days of 1,000 rows, of which ever more are `a`."""
    counts = np.array([[400 + 10 * n, 600 - 10 * n, 0] for n in range(20)], float)
    rows = counts.sum(1)
    nothing = np.zeros((20, 0))
    return FeaturePeriods(
        Bins(CATEGORY, values=("a", "b")), np.arange(20), rows, rows, counts, nothing, nothing
    )


def results(
    *served: Any,
    policy: Policy | None = None,
    rows: int = ROWS,
    names: Sequence[str] = ("w",),
    present: Sequence[str] = (),
    between_windows: bool = False,
    training: Any = None,
    **reference: Any,
) -> TestResults:
    schema = hand_made.schema(
        schema_pb2.Feature(name="w", type=schema_pb2.BYTES),
        schema_pb2.Feature(name="v", type=schema_pb2.BYTES),
    )
    trained = training or hand_made.statistics(ROWS, category(2500, 2500), category(2500, 2500, name="v"))
    pair = hand_made.pair(schema, trained, hand_made.statistics(rows, *served), policy, **reference)
    pair = dataclasses.replace(pair, span=DAY, between_windows=between_windows)
    return TestResults(pair, tuple(names), tuple(present))


def of(made: TestResults, metric: str, name: str = "w") -> FeatureDifference:
    [difference] = [difference for difference in made.differences[name] if difference.metric == metric]
    return difference


def test_all_metrics_of_a_feature_and_of_a_present_one_the_missing_rows() -> None:
    made = results(category(2500, 2500), present=["v"])
    assert {name: [d.metric for d in of_feature] for name, of_feature in made.differences.items()} == {
        "w": [MISSING, VARIATION, UNSEEN_SHARE],
        "v": [MISSING],
    }
    assert of(made, MISSING, "v").effect == 1.0
    assert made.measured("w", UNSEEN_SHARE)
    assert made.measured("w", "other", UNSEEN_SHARE)
    assert not made.measured("v", UNSEEN_SHARE)
    assert not made.measured("u", MISSING)


def test_a_difference_counts_if_it_is_beyond_chance_and_large_enough() -> None:
    made = results(category(2000, 3000))
    difference = of(made, VARIATION)
    assert made.counts("w", difference)
    assert made.of("w", VARIATION) == [difference]
    assert made.of("w", MISSING, UNSEEN_SHARE) == []
    at_limit = dataclasses.replace(difference, effect=0.025, p_value=made.greatest_p)
    assert made.counts("w", at_limit)
    assert not made.counts("w", dataclasses.replace(at_limit, effect=0.0249))
    assert not made.counts("w", dataclasses.replace(at_limit, p_value=made.greatest_p * 1.01))
    assert not made.is_beyond_chance(dataclasses.replace(difference, p_value=made.greatest_p * 1.01))
    assert made.is_beyond_chance(at_limit)


@pytest.mark.parametrize(
    ("metric", "least"), [(MISSING, 0.01), (UNSEEN_SHARE, 0.01), (VARIATION, 0.025), ("list_length", 0.025)]
)
def test_the_least_effects_and_the_users(metric: str, least: float) -> None:
    assert results(category(1, 1)).least_effect("w", metric) == least
    key = {MISSING: "missing", UNSEEN_SHARE: "unseen", VARIATION: "distribution"}.get(metric, metric)
    limits = Thresholds(features={(Space.RAW, "w"): Override({key: 0.3})})
    assert results(category(1, 1), policy=Policy(thresholds=limits)).least_effect("w", metric) == 0.3


def test_the_evidence_has_the_figures_of_the_decision() -> None:
    made = results(category(2000, 3000))
    difference = of(made, VARIATION)
    evidence = made.evidence("w", difference)
    assert (evidence.beyond_chance, evidence.large_enough, evidence.metric) == (True, True, VARIATION)
    assert (evidence.effect, evidence.least_effect) == (difference.effect, 0.025)
    assert evidence.p_value == evidence.p_by_chance == difference.p_value
    assert evidence.p_limit == made.greatest_p
    assert evidence.effective_rows == 2500
    assert [part.label for part in evidence.parts] == ["'a'", "'b'"]
    assert evidence.seasonal is None
    at_limit = dataclasses.replace(difference, effect=0.025, p_value=made.greatest_p)
    assert made.evidence("w", at_limit).large_enough
    assert made.evidence("w", at_limit).beyond_chance
    other = dataclasses.replace(difference, effect=0.024, p_value=made.greatest_p * 1.01)
    assert not made.evidence("w", other).large_enough
    assert not made.evidence("w", other).beyond_chance
    assert made.evidence("w", of(made, MISSING)).metric == "missing_share_difference"


def test_what_can_be_seen_hangs_on_the_rows_of_both_sides() -> None:
    made = results(category(50, 50), rows=100)
    size = p_values.effective_size(5000, 100)
    assert made.least_visible == power.least_visible(size, made.first_p)
    assert 0 < made.first_p < 0.005
    empty = results(training=hand_made.statistics(0), names=(), rows=100)
    assert empty.least_visible == 1.0


def test_features_of_too_few_values_are_blind() -> None:
    few = results(category(10, 10), category(2500, 2500, name="v"), names=("w", "v"))
    assert few.blind() == ["w"]
    assert results(category(2500, 2500), hand_made.category("v", {}), names=("w", "v")).blind() == []


def test_chance_is_asked_first_and_days_of_what_it_does_not_explain() -> None:
    variation = {"day": {"w": periods()}}
    calm = results(category(2510, 2490), variation=variation)
    assert calm.seasonal == {}
    made = results(category(2100, 2900), variation=variation)
    assert list(made.seasonal) == [("w", VARIATION)]
    seasonal = made.seasonal["w", VARIATION]
    by_chance = next(d.p_value for d in made.by_chance["w"] if d.metric == VARIATION)
    assert by_chance < 1e-6 < seasonal.p_value
    # What counts of nature's may be 1 % of alarms where chance's are 0.5 %.
    assert of(made, VARIATION).p_value == pytest.approx(seasonal.p_value / 2)
    assert made.evidence("w", of(made, VARIATION)).seasonal == seasonal
    assert made.evidence("w", of(made, VARIATION)).p_by_chance == by_chance
    assert made.is_remarkable("w", of(made, VARIATION))
    assert not made.is_remarkable("w", of(made, MISSING))
    assert made.greatest_by_chance == by_chance
    assert made.greatest_p < made.greatest_by_chance
    assert results(category(2100, 2900)).seasonal == {}


def with_season(monkeypatch: pytest.MonkeyPatch, p_value: float, **policy: Any) -> float:
    seasonal = SeasonalVariation("day", 1, 0.1, 0.1, 0.1, p_value)
    monkeypatch.setattr(seasonal_p_value, "of_difference", lambda *_, **__: seasonal)
    made = results(category(2100, 2900), policy=Policy(**policy), variation={"day": {"w": periods()}})
    return of(made, VARIATION).p_value


def test_the_greater_of_both_probabilities_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    by_chance = of(results(category(2100, 2900)), VARIATION).p_value
    assert with_season(monkeypatch, 0.0) == by_chance
    assert with_season(monkeypatch, 0.4) == pytest.approx(0.2)
    assert with_season(monkeypatch, 0.4, natural_alarms=0.001) == 1.0
    assert with_season(monkeypatch, 0.4, false_alarms=0.001, natural_alarms=0.1) == pytest.approx(0.004)


def test_a_grown_share_is_held_against_days_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seasonal_p_value, "of_share", lambda *_: 0.4)
    timed = results(category(2100, 2900), variation={"day": {"w": periods()}})
    assert timed.seasonal_p("w", 0.1, 1e-9) == pytest.approx(0.2)
    assert timed.seasonal_p("w", 0.1, 0.005) == pytest.approx(0.2)
    assert timed.seasonal_p("w", 0.1, 0.0051) == 0.0051
    assert results(category(2100, 2900)).seasonal_p("w", 0.1, 1e-9) == 1e-9


def test_what_yesterday_lacked_is_no_news_where_days_differ() -> None:
    def metrics(**changes: Any) -> list[str]:
        return [d.metric for d in results(category(2400, 2400, 200), **changes).by_chance["w"]]

    variation = {"day": {"w": periods()}}
    assert metrics() == [MISSING, VARIATION, UNSEEN_SHARE]
    assert metrics(variation=variation) == [MISSING, VARIATION, UNSEEN_SHARE]
    assert metrics(between_windows=True) == [MISSING, VARIATION, UNSEEN_SHARE]
    assert metrics(between_windows=True, variation=variation) == [MISSING, VARIATION]


def test_two_windows_are_held_against_days_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []

    def of_difference(*arguments: Any, **more: Any) -> None:
        calls.append({"span": arguments[4], **more})

    monkeypatch.setattr(seasonal_p_value, "of_difference", of_difference)
    made = results(category(2100, 2900), variation={"day": {}}, between_windows=True)
    assert made.seasonal == {}
    assert calls == [{"span": DAY, "between_windows": True}]
