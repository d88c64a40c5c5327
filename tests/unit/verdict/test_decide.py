"""What counts: beyond chance and large enough; the user's own thresholds decide alone."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from support import faults
from support.verdict import LABEL, compared, reference, served, statistics, worst

from benchmarks import in_memory
from trueserve.transforms.verdict import thresholds
from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.evidence import p_values, wording
from trueserve.transforms.verdict.evidence.feature_difference import KOLMOGOROV, MISSING
from trueserve.transforms.verdict.evidence.rates import false_discovery
from trueserve.transforms.verdict.model import FindingKind, SeasonalVariation, Severity, Space
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.significance import LEAST_EFFECT, TestResults


def results_of(against: Reference, data: pd.DataFrame, policy: Policy | None = None) -> TestResults:
    compared_pair = ComparedPair(against, policy or Policy(), statistics(data), Counter())
    return TestResults(compared_pair, tuple(name for name in compared_pair.training if name != LABEL))


def test_nothing_counts_without_a_difference(baseline: Reference) -> None:
    judged = results_of(baseline, served(5000))
    assert judged.differences
    assert not [
        difference
        for name, differences in judged.differences.items()
        for difference in differences
        if judged.counts(name, difference)
    ]


def test_what_is_beyond_chance_counts_only_if_it_is_large_enough(baseline: Reference) -> None:
    data = served(20_000)
    data.loc[:99, "distance"] = np.nan  # half a percent
    judged = results_of(baseline, data)
    [missing] = [difference for difference in judged.differences["distance"] if difference.metric == MISSING]
    assert missing.p_value <= judged.greatest_p
    assert missing.effect < LEAST_EFFECT[MISSING]
    assert not judged.counts("distance", missing)
    data.loc[:399, "distance"] = np.nan  # two
    assert results_of(baseline, data).of("distance", MISSING)


def test_what_is_large_counts_only_if_it_is_beyond_chance(baseline: Reference) -> None:
    few = served(12)
    judged = results_of(baseline, few)
    every = [
        (name, difference) for name, differences in judged.differences.items() for difference in differences
    ]
    large = [
        (name, difference)
        for name, difference in every
        if difference.effect >= LEAST_EFFECT[difference.metric]
    ]
    assert large
    assert not [difference for name, difference in large if judged.counts(name, difference)]


def test_a_higher_rate_of_false_alarms_counts_more(baseline: Reference) -> None:
    data = served(300)
    data["distance"] += 90  # three tenths of its deviation
    greatest = [
        results_of(baseline, data, Policy(false_alarms=rate)).greatest_p for rate in (1e-12, 0.002, 0.5)
    ]
    assert greatest == sorted(greatest)
    assert greatest[0] < greatest[-1]


def test_a_finding_says_how_far_how_likely_and_what_moved(baseline: Reference) -> None:
    data = served(5000)
    data["distance"] += 75
    finding = worst(compared(baseline, data).findings, "distance")
    assert (finding.kind, finding.severity, finding.metric) == (
        FindingKind.DISTRIBUTION,
        Severity.ERROR,
        KOLMOGOROV,
    )
    assert finding.threshold == LEAST_EFFECT[KOLMOGOROV]
    assert finding.p_value is not None
    assert finding.p_value < 1e-9
    assert finding.distance == pytest.approx(0.1, abs=0.03)  # 0.25 deviations, whose density is 0.4
    assert "beyond chance (p below 1e-12)" in finding.message
    assert "of training" in finding.message


def snow(rows: int, seed: int) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(seed)
    fallen = np.where(random.random(rows) < 0.95, 0.0, random.lognormal(0, 1, rows))
    return fallen.astype("float32")


def test_another_unit_of_what_is_mostly_zero_is_an_error() -> None:
    def snow(rows: int, seed: int) -> dict[str, np.ndarray[Any, Any]]:
        random = np.random.default_rng(seed)
        fallen = np.where(random.random(rows) < 0.95, 0.0, random.lognormal(0, 1, rows))
        return {"snow": fallen.astype("float32")}

    training = faults.statistics(in_memory.batch(snow(20_000, 3)))
    against = Reference(tfdv.infer_schema(training, infer_feature_shape=False), training, Space.RAW)
    served = snow(5000, 4)
    assert not in_memory.compared(served, against).findings
    served["snow"] *= np.float32(2.54)  # of all values that moves 1.8 points past one another
    finding = worst(in_memory.compared(served, against).findings, "snow")
    assert finding.severity is Severity.ERROR
    assert finding.distance is not None
    assert 0.1 < finding.distance < 0.37
    assert "of the values that are not 0 is over 0.025 and beyond chance (p below 1e-12)" in finding.message
    assert "; of those not 0, 3.82 to 20.66: 10.0 % of training, 31.6 % of serving" in finding.message
    assert finding.noise_floor is not None
    assert 0.02 < finding.noise_floor < finding.distance


def test_a_distance_of_tfdvs_that_counts_says_what_decided(baseline: Reference) -> None:
    data = served(5000)
    data["distance"] += 300
    finding = worst(compared(baseline, data).findings, "distance")
    assert (finding.metric, finding.severity) == ("jensen_shannon_divergence", Severity.ERROR)
    evidence = finding.evidence
    assert evidence is not None
    assert evidence.metric == KOLMOGOROV
    assert evidence.effect >= evidence.least_effect == LEAST_EFFECT[KOLMOGOROV]
    assert (
        f"Kolmogorov-Smirnov distance {evidence.effect:.4g} is over 0.025 and beyond chance"
        in finding.message
    )


def test_a_distance_under_the_users_limit_is_not_laid_to_nature(baseline: Reference) -> None:
    policy = Policy(thresholds=thresholds.parse(b"format = 1\n[defaults]\ndistribution = 0.9\n", "t.toml"))
    data = served(5000)
    data["distance"] += 300
    judged = results_of(baseline, data, policy)
    [difference] = [
        difference for difference in judged.differences["distance"] if difference.metric == KOLMOGOROV
    ]
    nature = SeasonalVariation("day", 1, difference.effect, 0.01, 0.02, 1e-9)
    evidence = dataclasses.replace(judged.evidence("distance", difference), seasonal=nature)
    assert not evidence.large_enough
    assert wording.only_seasonal(evidence) == ""
    beyond = dataclasses.replace(evidence, large_enough=True, beyond_chance=False)
    assert wording.only_seasonal(beyond) == "no more than training's days differ"
    assert wording.why_not(beyond) == "which is no more than training's days differ"
    assert wording.why_not(evidence) == "too few to be an error"


def test_seasonal_variation_is_natural_in_the_published_document(baseline: Reference) -> None:
    results = results_of(baseline, served(5000))
    [difference, *_] = results.differences["distance"]
    nature = SeasonalVariation("day", 1, difference.effect, 0.01, 0.02, 1e-9)
    evidence = dataclasses.replace(results.evidence("distance", difference), seasonal=nature)
    assert [*evidence.to_json()][-2:] == ["parts", "natural"]
    assert evidence.to_json()["natural"] == dataclasses.asdict(nature)
    assert dataclasses.replace(evidence, seasonal=None).to_json()["natural"] is None
    assert "seasonal" not in evidence.to_json()


def test_lengths_and_missing_rows_of_a_category_are_called_what_they_are() -> None:
    def tags(rows: int, seed: int, most: int) -> in_memory.Lists:
        random = np.random.default_rng(seed)
        lengths = random.integers(1, most + 1, rows)
        lengths[random.random(rows) < most / 40] = -1
        tokens = random.choice(np.array([b"a", b"b"], object), int(lengths[lengths > 0].sum()))
        return in_memory.Lists(tokens, lengths)

    training = faults.statistics(in_memory.batch({"tags": tags(5000, 1, 4)}))
    against = Reference(tfdv.infer_schema(training, infer_feature_shape=False), training, Space.RAW)
    findings = {
        finding.metric: finding
        for finding in in_memory.compared({"tags": tags(3000, 2, 12)}, against).findings
    }
    for metric, label in (("list_length", "above 4"), ("missing_share_difference", "missing")):
        evidence = findings[metric].evidence
        assert evidence is not None
        assert evidence.parts[0].label == label
    assert not [finding for finding in findings.values() if "a rare value" in finding.message]


def test_a_threshold_of_ones_own_decides_alone_for_its_feature(baseline: Reference) -> None:
    data = served(5000)
    data["distance"] += 75
    data["rain"] = data["rain"] * np.float32(1.5)
    schema = type(baseline.schema)()
    schema.CopyFrom(baseline.schema)
    [own] = [feature for feature in schema.feature if feature.name == "distance"]
    own.skew_comparator.jensen_shannon_divergence.threshold = 0.5
    against = Reference(schema, baseline.statistics, Space.RAW, label=LABEL)
    findings = compare(against, statistics(data), Policy(), Counter()).findings
    assert worst(findings, "distance").severity is Severity.INFO
    assert worst(findings, "rain").severity is Severity.ERROR


def test_a_flag_decides_for_all_features_of_its_kind(baseline: Reference) -> None:
    data = served(5000)
    data["distance"] += 75
    data["carrier"] = data["carrier"].where(np.arange(5000) % 5 != 0, "AA")
    findings = compared(baseline, data, Policy(jsd=0.9)).findings
    assert worst(findings, "distance").severity is Severity.INFO
    assert worst(findings, "carrier").severity is Severity.ERROR


def test_the_usual_limit_is_the_users_where_the_user_has_given_it(baseline: Reference) -> None:
    """A move of ranks that is beyond chance, and not as far as the limit."""
    data = served(5000)
    data["distance"] += 15
    assert worst(compared(baseline, data, Policy()).findings, "distance").severity is Severity.ERROR
    given = compared(baseline, data, Policy(jsd=0.1)).findings
    assert worst(given, "distance").severity is Severity.INFO


def test_new_values_are_an_error_only_beyond_what_training_predicts() -> None:
    vocabulary = np.array([f"w{n}" for n in range(4000)])
    random = np.random.default_rng(5)
    rare = 1 / np.arange(1, 4001) ** 1.2
    training = pd.DataFrame({"word": random.choice(vocabulary, 3000, p=rare / rare.sum())})
    against = reference(training, label=None)
    fresh = pd.DataFrame({"word": random.choice(vocabulary, 2000, p=rare / rare.sum())})
    assert "error" not in {finding.severity.value for finding in compared(against, fresh).findings}
    fresh["word"] = fresh["word"].where(np.arange(2000) % 4 != 0, "-1")
    assert worst(compared(against, fresh).findings, "word").severity is Severity.ERROR


def test_one_fault_among_many_features_is_found_and_the_others_are_quiet() -> None:
    random = np.random.default_rng(6)

    def rows(count: int) -> pd.DataFrame:
        return pd.DataFrame({f"f{n}": random.normal(size=count).astype("float32") for n in range(100)})

    against, data = reference(rows(4000), label=None), rows(1000)
    assert not compared(against, data).findings
    data["f7"] += np.float32(0.4)
    assert {finding.feature for finding in compared(against, data).findings} == {"f7"}


def test_the_finding_that_the_docs_follow_by_hand() -> None:
    # docs/verdict.md: 100 of 100,000 rows lack a feature in training, 14 of 1,000 in serving.
    p_value = p_values.of_rates(100, 100_000, 14, 1000)
    assert p_value == pytest.approx(1.99e-11, rel=0.01)
    others = [0.01 * k for k in range(1, 20)]
    assert false_discovery.beyond([p_value, *others], Policy().false_alarms) == p_value
    assert LEAST_EFFECT[MISSING] <= 0.014 - 0.001


def test_missing_values_of_a_few_flights_are_named() -> None:
    flights = faults.world(2013)
    fault = {"feature": "wind_speed", "fault": "missing", "parameters": {}}
    findings = flights.compared(faults.planted(fault, flights.served(1), 0.03, 2)).findings
    [finding] = [finding for finding in findings if finding.severity is Severity.ERROR]
    assert finding.metric == "missing_share_difference"
    assert finding.diagnosis is not None
    assert finding.diagnosis.cause == "missing more"
