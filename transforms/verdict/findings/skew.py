"""Distances between the two distributions of a feature, as TFDV measures them.

TFDV lays two histograms over one another and takes a bucket's values to be spread evenly over it. With its
standard histogram, ten buckets of equal width, one outlier stretches the buckets, and two samples of the
same heavy-tailed feature lie 0.5 apart and more; with its quantile histogram, ten buckets of equal mass, the
same happens to features of a few values. So a number whose comparator does not name a histogram is measured
with both, and the smaller distance counts. A third measurement, of quantile histograms whose outermost bounds
are made equal, tells what is left of the distance when the extremes are set aside.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from trueserve.transforms.verdict import severity
from trueserve.transforms.verdict.batched_validation import top, validate_statistics
from trueserve.transforms.verdict.evidence import category_distance, noise_floor, unseen_mass
from trueserve.transforms.verdict.feature_stats import Statistics, View, dataset, path_name
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.wording import number, percent, quoted

QUANTILES = statistics_pb2.Histogram.QUANTILES

_Measurement = anomalies_pb2.DriftSkewInfo.Measurement
JENSEN_SHANNON = "jensen_shannon_divergence"
L_INFINITY = "l_infinity_norm"
_METRICS = {
    _Measurement.L_INFTY: L_INFINITY,
    _Measurement.JENSEN_SHANNON_DIVERGENCE: JENSEN_SHANNON,
    _Measurement.NORMALIZED_ABSOLUTE_DIFFERENCE: "normalized_absolute_difference",
}
_NAMES = {
    L_INFINITY: "L-infinity norm",
    JENSEN_SHANNON: "Jensen-Shannon divergence",
    "normalized_absolute_difference": "normalized absolute difference",
}


@dataclasses.dataclass(frozen=True)
class Measured:
    """TFDV's measurements of one feature: its part of the Anomalies message of one call.

    `body` is the divergence with the extremes set aside, None where it explains nothing.
    """

    key: str
    info: anomalies_pb2.DriftSkewInfo
    anomaly: anomalies_pb2.AnomalyInfo | None
    body: float | None = None

    @property
    def divergence(self) -> float:
        values = [m.value for m in self.info.skew_measurements if _metric(m) == JENSEN_SHANNON]
        return max(values, default=0.0)

    @property
    def is_over(self) -> bool:
        """Whether any of its distances is over its threshold."""
        return any(measurement.value > measurement.threshold for measurement in self.info.skew_measurements)


def measure(pair: ComparedPair) -> dict[str, Measured]:
    """What TFDV measured, by feature; features that it drops without a word are absent."""
    both = (pair.reference.statistics, pair.served)
    standard = _call(pair.schema, *both)
    free = _free_to_choose(pair)
    schema = _with_quantiles(pair.schema, free)
    quantiles = _call(schema, *both, free) if free else {}
    for name in free & standard.keys() & quantiles.keys():
        standard[name] = min(standard[name], quantiles[name], key=lambda measured: measured.divergence)
    # What is within its threshold needs no other explanation.
    over = {name for name in free & standard.keys() if standard[name].is_over}
    bodies = _call(schema, *_with_equal_ends(*both, over), over) if over else {}
    for name in over & bodies.keys():
        standard[name] = dataclasses.replace(standard[name], body=bodies[name].divergence)
    return standard


def findings(pair: ComparedPair, name: str, measured: Measured) -> Iterator[Finding]:
    """A finding for each distance of one feature; those within their threshold are info."""
    for measurement in measured.info.skew_measurements:
        if not (_metric(measurement) == L_INFINITY and pair.serving[name].kind == "number"):
            yield _finding(pair, name, measurement, measured.body)


def is_over(finding: Finding) -> bool:
    """Whether a distance is over its threshold, and so a finding."""
    return (finding.distance or 0.0) > (finding.threshold or 0.0)


def merge_into(anomalies: anomalies_pb2.Anomalies, measured: Iterable[Measured]) -> None:
    """Adds the skew measurements, and the anomalies that are skew, to those against the schema."""
    for feature in measured:
        anomalies.drift_skew_info.add().CopyFrom(feature.info)
        if feature.anomaly is not None:
            _merge_anomaly(anomalies.anomaly_info, feature.key, feature.anomaly)


def _merge_anomaly(target: object, key: str, anomaly: anomalies_pb2.AnomalyInfo) -> None:
    merged = target[key]  # type: ignore[index]
    if not merged.reason:
        merged.CopyFrom(anomaly)
        return
    merged.reason.extend(anomaly.reason)
    merged.short_description = "Multiple errors"
    merged.description = " ".join(reason.description for reason in merged.reason)


def _finding(
    pair: ComparedPair, name: str, measurement: anomalies_pb2.DriftSkewInfo.Measurement, body: float | None
) -> Finding:
    metric, threshold = _metric(measurement), measurement.threshold
    training, serving = pair.training[name], pair.serving[name]
    value = _value(measurement, training, serving)
    floor = _noise_floor(metric, training, serving)
    is_own = name in pair.own_thresholds
    explained = severity.of_distance(value, threshold, floor, body, own_threshold=is_own)
    level = explained if value > threshold else Severity.INFO
    distance_text = _distance_text(metric, value, threshold, floor, level)
    return Finding(
        feature=name,
        space=pair.reference.space,
        kind=FindingKind.DISTRIBUTION,
        severity=level,
        metric=metric,
        message=f"{distance_text}; {_contrast(training, serving)}",
        distance=value,
        threshold=threshold,
        noise_floor=floor,
        raw_features=pair.raw_features(name),
    )


def _value(measurement: anomalies_pb2.DriftSkewInfo.Measurement, training: View, serving: View) -> float:
    """The distance as TFDV has it, but for categories whose tails it does not see."""
    if _metric(measurement) == L_INFINITY and category_distance.is_cut(training, serving):
        largest = category_distance.largest_difference(training, serving)
        return measurement.value if largest is None else largest.difference
    return float(measurement.value)


def _distance_text(metric: str, value: float, threshold: float, floor: float, level: Severity) -> str:
    message = f"{_NAMES.get(metric, metric)} {number(value)}"
    if value <= threshold:
        return f"{message} is within its threshold {number(threshold)}"
    message += f" is over its threshold {number(threshold)}"
    if level is Severity.ERROR:
        return message
    if value <= floor:
        return f"{message}, but samples of this size lie up to {number(floor)} apart by chance"
    return f"{message}, but only because of its lowest or highest values"


def _contrast(training: View, serving: View) -> str:
    """Both sides in a few words: the category that differs most, or the medians."""
    if serving.kind == "number":
        return f"median {number(training.median())} in training, {number(serving.median())} in serving"
    largest = category_distance.largest_difference(training, serving)
    if largest is None:
        return "no values to show"
    known = training.counts()
    rows = serving.rows_at_least(largest.value, serving.counts()[largest.value])
    may_be_named = unseen_mass.may_be_named(largest.value, known, rows)
    named = quoted(largest.value) if may_be_named else "a value that training did not have"
    before, after = (view.shares().get(largest.value, 0.0) for view in (training, serving))
    return f"{named} is {percent(before)} of training and {percent(after)} of serving"


def _noise_floor(metric: str, training: View, serving: View) -> float:
    if metric == L_INFINITY:
        shares = [*training.shares().values(), *serving.shares().values()]
        return noise_floor.l_infinity_floor(shares, training.independent, serving.independent)
    bins = (
        noise_floor.NUMERIC_BINS if serving.kind == "number" else len({*training.counts(), *serving.counts()})
    )
    return noise_floor.jensen_shannon_floor(training.independent, serving.independent, bins)


def _call(
    schema: schema_pb2.Schema, training: Statistics, serving: Statistics, names: set[str] | None = None
) -> dict[str, Measured]:
    """One call of TFDV for skew; of its anomalies, which are also those of training, only skew is kept.

    `names`: the features to ask for; all unless given.
    """
    columns = None if names is None else _columns(names)
    anomalies = validate_statistics(training, schema, serving_statistics=serving, columns=columns)
    skewed = {path_name(info.path): (key, _skew_only(info)) for key, info in anomalies.anomaly_info.items()}
    measured = {}
    for info in anomalies.drift_skew_info:
        name = path_name(info.path)
        key, anomaly = skewed.get(name, (name, None))
        measured[name] = Measured(key, info, anomaly)
    return measured


def _skew_only(info: anomalies_pb2.AnomalyInfo) -> anomalies_pb2.AnomalyInfo | None:
    reasons = [reason for reason in info.reason if severity.type_name(reason).startswith("COMPARATOR_")]
    if not reasons:
        return None
    kept = anomalies_pb2.AnomalyInfo(path=info.path, severity=info.severity, reason=reasons)
    kept.short_description = reasons[0].short_description if len(reasons) == 1 else "Multiple errors"
    kept.description = " ".join(reason.description for reason in reasons)
    return kept


def _free_to_choose(pair: ComparedPair) -> set[str]:
    """Numbers whose comparator leaves the histogram to us, and that have both histograms on both sides."""
    return {
        name
        for name, feature in pair.features.items()
        if feature.skew_comparator.HasField("jensen_shannon_divergence")
        and feature.skew_comparator.jensen_shannon_divergence.source.type
        == schema_pb2.HistogramSelection.DEFAULT
        and all(
            name in feature_views and feature_views[name].buckets(QUANTILES)
            for feature_views in (pair.training, pair.serving)
        )
    }


def _with_quantiles(schema: schema_pb2.Schema, names: set[str]) -> schema_pb2.Schema:
    result = schema_pb2.Schema()
    result.CopyFrom(schema)
    _set_quantiles(result.feature, "", names)
    return result


def _set_quantiles(features: Iterable[schema_pb2.Feature], prefix: str, names: set[str]) -> None:
    for feature in features:
        if prefix + feature.name in names:
            source = feature.skew_comparator.jensen_shannon_divergence.source
            source.type = schema_pb2.HistogramSelection.QUANTILES
        _set_quantiles(feature.struct_domain.feature, f"{prefix}{feature.name}.", names)


def _columns(names: Iterable[str]) -> set[str]:
    """The top-level features that these, or the structs they are fields of, are."""
    return {name.partition(".")[0] for name in names} | set(names)


def _with_equal_ends(
    training: Statistics, serving: Statistics, names: set[str]
) -> tuple[Statistics, Statistics]:
    """Copies of these features whose quantile histograms begin and end at the same values on both sides."""
    copies = (_copy(training, names), _copy(serving, names))
    before, after = (_quantile_buckets(copy) for copy in copies)
    for name in before.keys() & after.keys():
        low = min(before[name][0].low_value, after[name][0].low_value)
        high = max(before[name][-1].high_value, after[name][-1].high_value)
        for buckets in (before[name], after[name]):
            buckets[0].low_value, buckets[-1].high_value = low, high
    return copies


def _quantile_buckets(statistics: Statistics) -> dict[str, list[statistics_pb2.Histogram.Bucket]]:
    """The buckets themselves, to be changed in place, of every number that has some."""
    return {
        path_name(feature.path): list(histogram.buckets)
        for feature in dataset(statistics).features
        for histogram in feature.num_stats.histograms
        if histogram.type == QUANTILES and histogram.buckets
    }


def _copy(statistics: Statistics, names: set[str]) -> Statistics:
    """A copy without the features that are in none of the columns of these."""
    result, all_rows, columns = Statistics(), dataset(statistics), _columns(names)
    copy = result.datasets.add(name=all_rows.name, num_examples=all_rows.num_examples)
    copy.weighted_num_examples = all_rows.weighted_num_examples
    copy.features.extend(feature for feature in all_rows.features if top(feature) in columns)
    return result


def _metric(measurement: anomalies_pb2.DriftSkewInfo.Measurement) -> str:
    return _METRICS.get(measurement.type, f"measurement_{measurement.type}")
