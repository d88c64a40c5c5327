"""Values that training did not have: how many, what is said of them, and their clean twins."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from support.verdict import LABEL, compared, finding_triples, frame, reference, served, statistics, worst
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.summaries.protos import SIZES
from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.evidence import unseen_mass
from trueserve.transforms.verdict.evidence.category_distance import largest_difference
from trueserve.transforms.verdict.feature_stats import Statistics, View, views_by_feature
from trueserve.transforms.verdict.findings.range import OUTSIDE_RANGE
from trueserve.transforms.verdict.histograms import OTHER, pictures
from trueserve.transforms.verdict.model import ComparisonResult, Finding, FindingKind, Severity

KEPT = 1000
NAMES = np.array([f"v{i:05}" for i in range(5000)])


def category(values: pd.Series, kept: int = KEPT, weight: float | None = None) -> Statistics:
    """TFDV's statistics of one string feature `c`, exact as those of its Beam job, cut after `kept`."""
    counts = values.value_counts()
    proto = statistics_pb2.FeatureNameStatistics(type=statistics_pb2.FeatureNameStatistics.STRING)
    proto.path.step.append("c")
    strings = proto.string_stats
    strings.unique = len(counts)
    common = strings.common_stats
    common.num_non_missing = common.tot_num_values = len(values)
    common.min_num_values = common.max_num_values = 1
    common.avg_num_values = 1.0
    common.presence_and_valency_stats.add(num_non_missing=len(values), tot_num_values=len(values))
    _keep(strings, counts[:kept], 1)
    if weight is not None:
        common.weighted_common_stats.tot_num_values = weight * len(values)
        _keep(strings.weighted_string_stats, counts[:kept], weight)
    dataset = statistics_pb2.DatasetFeatureStatistics(num_examples=len(values), features=[proto])
    return statistics_pb2.DatasetFeatureStatisticsList(datasets=[dataset])


def _keep(target: object, counts: pd.Series, weight: float) -> None:
    for rank, (label, count) in enumerate(counts.items()):
        target.rank_histogram.buckets.add(  # type: ignore[attr-defined]
            low_rank=rank, high_rank=rank, label=label, sample_count=count * weight
        )


def with_domain(training: pd.Series, known: list[str]) -> Reference:
    plain = reference(pd.DataFrame({"c": training}), label=None)
    schema = schema_pb2.Schema()
    schema.CopyFrom(plain.schema)
    schema.feature[0].string_domain.value[:] = known
    schema.feature[0].string_domain.name = "c"
    schema.feature[0].ClearField("value_count")
    return Reference(schema, category(training), plain.space, label=None)


def against(baseline: Reference, serving: Statistics, policy: Policy | None = None) -> ComparisonResult:
    return compare(baseline, serving, policy or Policy(), Counter())


def of_kind(comparison: ComparisonResult, kind: FindingKind) -> list[Finding]:
    return [finding for finding in comparison.findings if finding.kind is kind]


def half_unknown(rows: int) -> pd.Series:
    known = np.random.default_rng(3).choice(["AA", "B6", "UA"], rows)
    return pd.Series(np.where(np.arange(rows) % 2 == 0, known, [f"person {i}" for i in range(rows)]))


def test_unique_unknown_values_beyond_those_kept_are_counted_and_not_named() -> None:
    training = pd.Series(np.random.default_rng(1).choice(["AA", "B6", "UA"], 20000))
    findings = of_kind(
        against(with_domain(training, ["AA", "B6", "UA"]), category(half_unknown(120_000))),
        FindingKind.VALUES,
    )
    assert finding_triples(findings) == [("c", "values", "error")]
    assert "values outside the schema's domain are 50.0 % of those served" in findings[0].message
    assert "997 not named here" in findings[0].message
    assert "person" not in findings[0].message


def test_values_that_training_had_and_the_schema_leaves_out_are_the_schemas_to_judge() -> None:
    rng = np.random.default_rng(1)
    carriers = [pd.Series(rng.choice(["AA", "B6", "UA"], rows)) for rows in (20_000, 3000)]
    baseline = with_domain(carriers[0], ["AA", "B6"])
    [finding] = of_kind(against(baseline, category(carriers[1])), FindingKind.VALUES)
    assert finding.severity is Severity.ERROR
    assert "values outside the schema's domain are 3" in finding.message
    rare = carriers[1].where(carriers[1] != "UA", "AA")
    rare[:12] = "UA"
    [finding] = of_kind(against(baseline, category(rare)), FindingKind.VALUES)
    assert finding.severity is Severity.WARNING


def test_unknown_values_that_tfdv_kept_none_of_are_found_all_the_same() -> None:
    rng = np.random.default_rng(1)
    training = pd.Series(rng.choice(NAMES[:1200], 50_000))
    unknown = pd.Series([f"u{i}" for i in range(20_000)])
    serving = category(pd.concat([pd.Series(rng.choice(NAMES[:1200], 80_000)), unknown]))
    kept = set(views_by_feature(serving)["c"].counts())
    assert kept <= set(NAMES)
    baseline = with_domain(training, list(NAMES[:1200]))
    assert tfdv.validate_statistics(serving, baseline.schema).anomaly_info == {}
    [finding] = of_kind(against(baseline, serving), FindingKind.VALUES)
    assert finding.severity is Severity.ERROR
    assert "19.4 % to 30.9 % of those served" in finding.message  # it is 20 %
    assert finding_triples(of_kind(against(baseline, category(training)), FindingKind.VALUES)) == []


@pytest.mark.parametrize("kept", [20, 300, 1000])
def test_known_values_beyond_those_kept_are_not_taken_for_unseen(kept: int) -> None:
    rng = np.random.default_rng(1)
    training, serving = (pd.Series(rng.choice(NAMES, 60_000)) for _ in range(2))
    baseline = with_domain(training, list(NAMES))
    assert against(baseline, category(serving, kept)).findings == ()


def test_what_is_not_certain_is_said_as_a_span_and_only_what_is_certain_is_an_error() -> None:
    rng = np.random.default_rng(1)
    known = pd.Series(rng.choice(NAMES, 60_000))
    unknown = pd.Series(np.repeat("new one", 30))
    serving = category(pd.concat([known, unknown]), kept=500)
    [finding] = of_kind(against(with_domain(known, list(NAMES)), serving), FindingKind.VALUES)
    assert finding.severity is Severity.WARNING
    assert "under 0.1 % to " in finding.message
    view = views_by_feature(serving)["c"]
    feature = with_domain(known, list(NAMES)).schema.feature[0]
    mass = unseen_mass.of_category(schema_pb2.Schema(), feature, view)
    assert mass is not None
    assert mass.least <= 30 / 60_030 <= (mass.most or 0)


def test_weighted_counts_are_shares_of_the_weight() -> None:
    view = views_by_feature(category(half_unknown(10_000), weight=0.25))["c"]
    assert view.total == 2500
    assert sum(view.shares().values()) == pytest.approx((5000 + 997) / 10_000)
    feature = with_domain(half_unknown(100), ["AA", "B6", "UA"]).schema.feature[0]
    mass = unseen_mass.of_category(schema_pb2.Schema(), feature, view)
    assert mass is not None
    assert mass.least == pytest.approx(0.5)


def test_a_value_is_named_if_training_knows_it_or_it_came_in_ten_rows() -> None:
    baseline = reference(frame(20000, 1))
    data = served()
    data.loc[:8, "carrier"] = "nine times"
    data.loc[20:29, "carrier"] = "ten times"
    message = worst(compared(baseline, data).findings, "carrier").message
    assert "'ten times' and 1 not named here" in message
    assert "nine times" not in message
    [picture] = [p for p in pictures(baseline, statistics(data)) if p.feature == "carrier"]
    assert "ten times" in picture.labels
    assert "nine times" not in picture.labels
    assert picture.serving[picture.labels.index(OTHER)] == pytest.approx(9 / 3000)


def test_a_rare_value_that_differs_most_is_not_named_in_a_distance() -> None:
    baseline = reference(pd.DataFrame({"c": ["a", "b"] * 500}), label=None)
    comparison = compared(baseline, pd.DataFrame({"c": ["a", "b"] * 2 + ["secret"] * 9}))
    messages = [finding.message for finding in (*comparison.findings, *comparison.distances)]
    assert any("a value that training did not have is 0.0 % of training" in message for message in messages)
    assert not any("secret" in message for message in messages)


def test_numbers_beyond_the_schemas_bounds_are_not_quoted() -> None:
    training = frame(2000, 1)
    baseline = reference(training)
    stops = next(feature for feature in baseline.schema.feature if feature.name == "stops")
    stops.int_domain.max = 4
    data = served()
    data.loc[:1, "stops"] = 5_550_123
    findings = of_kind(compared(baseline, data), FindingKind.VALUES)
    assert finding_triples(findings) == [("stops", "values", "warning")]
    assert "5550123" not in findings[0].message.replace(",", "")


def exact_difference(training: pd.Series, serving: pd.Series) -> float:
    before, after = (side.value_counts(normalize=True) for side in (training, serving))
    return float(before.sub(after, fill_value=0).abs().max())


def view_of(values: pd.Series, kept: int) -> View:
    return views_by_feature(category(values, kept))["c"]


@pytest.mark.parametrize("kept", [50, 1000, 5000])
def test_the_l_infinity_norm_of_cut_lists_is_that_of_all_values(kept: int) -> None:
    rng = np.random.default_rng(4)
    training = pd.Series(rng.choice(NAMES, 50_000))
    serving = pd.Series(np.where(rng.random(50_000) < 0.2, NAMES[7], rng.choice(NAMES, 50_000)))
    largest = largest_difference(view_of(training, kept), view_of(serving, kept))
    assert largest is not None
    exact = exact_difference(training, serving)
    assert largest.value == NAMES[7]
    assert exact - 0.001 <= largest.difference <= exact + 1e-9


def test_a_long_tail_does_not_raise_a_distance_and_the_measured_one_is_corrected() -> None:
    rng = np.random.default_rng(4)
    shares = np.where(rng.random(60_000) < 0.3, NAMES[7], rng.choice(NAMES, 60_000))
    training = pd.Series(np.where(np.arange(60_000) % 10 < 9, shares, "tail"))
    serving = pd.concat([pd.Series(shares[:30_000]), pd.Series([f"t{i}" for i in range(30_000)])])
    schema = schema_pb2.Schema()
    schema.feature.add(name="c", type=schema_pb2.BYTES)
    baseline = Reference(schema, category(training), reference(frame(50, 1)).space)
    result = against(baseline, category(serving))
    alone = tfdv.validate_statistics(
        baseline.statistics, baseline.prepared(Policy()), serving_statistics=category(serving)
    )
    of_tfdv = alone.drift_skew_info[0].skew_measurements[0].value
    exact = exact_difference(training, serving)
    assert of_tfdv > 0.17 > 0.13 > exact
    assert worst(result.distances, "c").distance == pytest.approx(exact, abs=0.001)


@pytest.mark.parametrize(
    ("share", "severity"), [(0.005, "warning"), (0.02, "error"), (0.04, "error"), (0.09, "error")]
)
def test_values_far_beyond_trainings_maximum_are_found(share: float, severity: str) -> None:
    data = served(20_000)
    data.loc[data.index < share * len(data), "distance"] = 1e6
    findings = [f for f in compared(reference(frame(20000, 1)), data).findings if f.metric == OUTSIDE_RANGE]
    assert finding_triples(findings) == [("distance", "values", severity)]


def test_values_moderately_beyond_the_range_are_a_warning_beside_the_distance() -> None:
    data = served(20_000)
    data["distance"] *= 1.609
    findings = compared(reference(frame(20000, 1)), data).findings
    assert finding_triples(findings) == [
        ("distance", "distribution", "error"),
        ("distance", "values", "warning"),
    ]


def test_values_far_below_trainings_minimum_are_found_but_not_within_the_schemas_own_bounds() -> None:
    training = frame(20_000, 1)
    baseline, data = reference(training), served(20_000)
    data.loc[:999, "stops"] = -1000
    assert OUTSIDE_RANGE in {finding.metric for finding in compared(baseline, data).findings}
    stops = next(feature for feature in baseline.schema.feature if feature.name == "stops")
    stops.int_domain.min = -2000
    assert OUTSIDE_RANGE not in {finding.metric for finding in compared(baseline, data).findings}


@pytest.mark.parametrize(("training", "serving"), [(20_000, 2000), (3000, 20_000), (500, 20_000), (50, 2000)])
def test_clean_twins_have_no_values_outside_the_range_whatever_their_tails(
    training: int, serving: int
) -> None:
    for seed in range(5):
        baseline, data = (tails(rows, seed + rows) for rows in (training, serving))
        findings = compared(reference(baseline, label=None), data).findings
        assert [finding for finding in findings if finding.metric == OUTSIDE_RANGE] == []


def tails(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "pareto": rng.pareto(1, rows),
            "wide": rng.lognormal(0, 3, rows),
            "flat": rng.random(rows),
            "clipped": np.minimum(rng.normal(0, 1, rows), 1),
            "zeros": np.where(rng.random(rows) < 0.95, 0, rng.lognormal(0, 2, rows)),
            "whole": rng.geometric(0.01, rows),
        }
    )


def test_options_of_a_run_keep_as_many_values_as_these_tests_say() -> None:
    assert SIZES.num_rank_histogram_buckets == KEPT
    assert LABEL not in served().columns
