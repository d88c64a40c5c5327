"""What becomes of TFDV's anomalies: severity, share and message of each, at every limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from support import hand_made
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from trueserve.transforms.core.custom_stats import NAMED_FROM
from trueserve.transforms.verdict.findings import schema as schema_findings
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.thresholds import Override, Thresholds

Type = anomalies_pb2.AnomalyInfo.Type
ROWS = 1000


def word_feature(*domain: str, **more: Any) -> schema_pb2.Feature:
    feature = schema_pb2.Feature(name="c", type=schema_pb2.BYTES, **more)
    if domain:
        feature.string_domain.value.extend(domain)
    return feature


def number_feature(**bounds: float) -> schema_pb2.Feature:
    return schema_pb2.Feature(name="c", type=schema_pb2.FLOAT, float_domain=bounds)


def pair(
    feature: schema_pb2.Feature | None = None, served: Any = None, rows: int = ROWS, **more: Any
) -> ComparedPair:
    feature = feature or word_feature("a", "b")
    training = more.pop("training", hand_made.statistics(ROWS, hand_made.category("c", {"a": 990})))
    statistics = hand_made.statistics(rows, *([] if served is None else [served]))
    return hand_made.pair(hand_made.schema(feature), training, statistics, **more)


def findings(
    of: ComparedPair, anomaly: int, name: str = "c", short: str = "short", long: str = "long"
) -> list[Finding]:
    anomalies = anomalies_pb2.Anomalies()
    info = anomalies.anomaly_info[name]
    info.path.step.extend(name.split("."))
    info.reason.add(type=anomaly, short_description=short, description=long)
    return list(schema_findings.findings(of, anomalies))


def the_finding(of: ComparedPair, anomaly: int, **more: Any) -> Finding:
    [finding] = findings(of, anomaly, **more)
    return finding


def test_a_finding_tells_what_tfdv_has_seen() -> None:
    of = pair(space=Space.TRANSFORMED, raw_features={"c": ("raw",)})
    assert the_finding(of, Type.INT_TYPE_NOT_STRING) == Finding(
        feature="c",
        space=Space.TRANSFORMED,
        kind=FindingKind.TYPE,
        severity=Severity.ERROR,
        metric="INT_TYPE_NOT_STRING",
        message="short",  # its long words may quote strangers' values
        raw_features=("raw",),
    )
    assert the_finding(of, Type.FLOAT_TYPE_NOT_FLOAT).message == "long"
    assert the_finding(of, Type.INVALID_SCHEMA_SPECIFICATION).severity is Severity.INFO


@pytest.mark.parametrize(
    ("description", "message"),
    [("", "short"), ("  ", "short"), ("x" * 300, "x" * 300), ("x" * 301, "x" * 300 + "...")],
)
def test_tfdvs_words_are_bounded(description: str, message: str) -> None:
    assert the_finding(pair(), Type.FLOAT_TYPE_NOT_FLOAT, long=description).message == message


def test_an_anomaly_without_words_has_ours() -> None:
    finding = the_finding(pair(), Type.FLOAT_TYPE_NOT_FLOAT, short="", long="")
    assert finding.message == "values that the schema does not allow"
    finding = the_finding(pair(number_feature(), hand_made.number("c", 5)), Type.FLOAT_TYPE_HAS_INF, short="")
    assert (finding.message, finding.severity) == ("values that the schema does not allow", Severity.WARNING)


def test_an_anomaly_of_the_whole_set_is_an_info() -> None:
    anomalies = anomalies_pb2.Anomalies()
    anomalies.dataset_anomaly_info.reason.add(type=Type.DATASET_LOW_NUM_EXAMPLES, description="few")
    assert list(schema_findings.findings(pair(), anomalies)) == [
        Finding("", Space.SET, FindingKind.SCHEMA, Severity.INFO, "DATASET_LOW_NUM_EXAMPLES", "few")
    ]


def test_a_feature_without_a_path_goes_by_its_key() -> None:
    anomalies = anomalies_pb2.Anomalies()
    anomalies.anomaly_info["key"].reason.add(type=Type.FLOAT_TYPE_NOT_FLOAT)
    assert [finding.feature for finding in schema_findings.findings(pair(), anomalies)] == ["key"]


MISSING = Type.FEATURE_TYPE_LOW_FRACTION_PRESENT


def missing(count: int, **more: Any) -> Finding:
    return the_finding(pair(None, hand_made.category("c", {"a": ROWS - count}), **more), MISSING)


def test_missing_rows_are_counted_beside_those_of_training() -> None:
    finding = missing(250)
    assert (finding.severity, finding.kind) == (Severity.ERROR, FindingKind.PRESENCE)
    assert finding.message == (
        "a required feature is missing in 250 of 1,000 rows (25.0 %); in training 1.0 % are missing"
    )
    unknown = missing(250, training=hand_made.statistics(10))
    assert unknown.message == "a required feature is missing in 250 of 1,000 rows (25.0 %)"
    none = the_finding(pair(rows=0), MISSING)
    assert none.message.startswith("a required feature is missing in 0 of 0 rows (0.0 %)")


def test_what_is_missing_in_all_rows_may_be_the_label() -> None:
    hint = "; if it is the label, name it with --label=c"
    assert missing(1000).message.endswith(hint)
    assert not missing(999).message.endswith(hint)
    assert not missing(1000, label="other").message.endswith(hint)


@pytest.mark.parametrize(("count", "severity"), [(99, Severity.WARNING), (100, Severity.ERROR)])
def test_the_users_limit_says_which_share_matters(count: int, severity: Severity) -> None:
    limits = Thresholds("mine.toml", features={(Space.RAW, "c"): Override({"missing": 0.1})})
    finding = missing(count, policy=Policy(thresholds=limits))
    assert finding.severity is severity
    assert finding.message.endswith("; an error from 10.0 % on, by mine.toml") is (
        severity is Severity.WARNING
    )


def test_what_the_reader_took_out_is_reported_once() -> None:
    served = hand_made.category("c", {"a": 900})
    forms = {("c", "int_for_bytes"): 100}

    def count(anomaly: int, forms: Mapping[tuple[str, str], int], fraction: float = 1.0) -> int:
        feature = word_feature("a", presence={"min_fraction": fraction})
        return len(findings(pair(feature, served, forms=forms), anomaly))

    assert count(Type.INT_TYPE_NOT_STRING, {}) == count(MISSING, {}) == 1
    assert count(Type.INT_TYPE_NOT_STRING, forms) == 0
    assert count(Type.ENUM_TYPE_UNEXPECTED_STRING_VALUES, forms) == 1
    # All that lack were sent in another type; of 99 one row was not.
    assert count(MISSING, forms) == 0
    assert count(MISSING, {("c", "int_for_bytes"): 99}) == 1
    # The schema lets a thousandth lack.
    assert count(MISSING, {("c", "int_for_bytes"): 99}, 0.999) == 0
    assert count(MISSING, {("c", "int_for_bytes"): 98}, 0.9985) == 1


def test_what_no_schema_requires_was_sent() -> None:
    forms = {("d", "int_for_bytes"): 1}
    assert findings(pair(None, hand_made.category("c", {"a": 9}), forms=forms), MISSING, "d") == []


def test_a_new_column_is_a_warning_with_its_share() -> None:
    served = hand_made.category("d", {"a": 123})
    finding = the_finding(pair(None, served), Type.SCHEMA_NEW_COLUMN, name="d")
    assert finding.message == "a column that training did not have, in 12.3 % of rows"
    assert (finding.severity, finding.kind) == (Severity.WARNING, FindingKind.VALUES)
    everywhere = the_finding(pair(), Type.SCHEMA_NEW_COLUMN, name="e")
    assert everywhere.message == "a column that training did not have, in 100.0 % of rows"
    label = the_finding(pair(None, served, label="d"), Type.SCHEMA_NEW_COLUMN, name="d")
    assert label.severity is Severity.INFO
    assert label.message == "the label is in 12.3 % of the rows served; it is not compared"
    assert schema_findings.new_column(pair(rows=0), "d", 5)[1].endswith("in 0.0 % of rows")
    assert schema_findings.new_column(pair(rows=4), "d", 5)[1].endswith("in 100.0 % of rows")


UNEXPECTED = Type.ENUM_TYPE_UNEXPECTED_STRING_VALUES


@pytest.mark.parametrize(("count", "severity"), [(9, Severity.WARNING), (10, Severity.ERROR)])
def test_values_outside_the_domain_are_an_error_from_a_hundredth_on(count: int, severity: Severity) -> None:
    served = hand_made.category("c", {"a": ROWS - count, "z": count})
    finding = the_finding(pair(None, served), UNEXPECTED)
    assert finding.severity is severity
    assert finding.message.startswith(
        f"values outside the schema's domain are {count / 10} % of those served"
    )


def test_values_of_few_rows_are_counted_and_not_named() -> None:
    def message(frequent: int) -> str:
        served = hand_made.category("c", {"a": 900, "z": frequent, "y": 1, "x": 1})
        return the_finding(pair(None, served), UNEXPECTED).message

    named_from = NAMED_FROM
    rare = f"not named here: each may be of fewer than {named_from} rows"
    assert message(named_from).endswith(f"of those served: 'z' and 2 {rare}")
    assert message(named_from - 1).endswith(f"of those served: 3 {rare}")
    named = hand_made.category("c", {"a": 900, "z": named_from, "y": named_from})
    assert the_finding(pair(None, named), UNEXPECTED).message.endswith("of those served: 'y', 'z'")


@pytest.mark.parametrize(("beyond", "share"), [(0, "5.0 %"), (1000, "5.0 % to 6.0 %")])
def test_a_share_that_is_not_known_is_said_with_both_its_bounds(beyond: int, share: str) -> None:
    counts = {"a": 94_000 + 1000 - beyond, "z": 5000}
    served = hand_made.category("c", counts, values=100_000, unique=2 + bool(beyond))
    finding = the_finding(pair(word_feature("a", "q"), served, rows=100_000), UNEXPECTED)
    assert f"are {share} of those served" in finding.message


def test_bounds_that_lie_together_are_one_share() -> None:
    def message(beyond: int) -> str:
        served = hand_made.category("c", {"a": 90_000, "z": 10_000 - beyond}, values=100_000, unique=3)
        return the_finding(pair(word_feature("a", "q"), served, rows=100_000), UNEXPECTED).message

    assert "are 10.0 % of those" in message(49)
    assert "are 9.9 % to 10.0 % of those" in message(60)


def test_numbers_beyond_a_bound_are_counted_at_least() -> None:
    served = hand_made.number("c", ROWS, buckets=[(0, 5, 900), (5.5, 8, 100)])
    feature = number_feature(max=5)
    finding = the_finding(pair(feature, served), Type.FLOAT_TYPE_BIG_FLOAT)
    assert finding.message == "values outside the schema's domain are at least 10.0 % of those served"
    assert the_finding(pair(feature, served), Type.FLOAT_TYPE_HAS_INF).message == "short"
    all_inside = hand_made.number("c", ROWS, buckets=[(0, 5, 1000)])
    for anomaly in (Type.FLOAT_TYPE_BIG_FLOAT, Type.FLOAT_TYPE_SMALL_FLOAT):
        finding = the_finding(pair(feature, all_inside), anomaly)
        assert "at least 0.1 % of those" in finding.message
        assert finding.severity is Severity.WARNING


def test_values_that_are_no_numbers_are_counted() -> None:
    finding = the_finding(pair(number_feature(), hand_made.number("c", 200, nans=3)), Type.FLOAT_TYPE_HAS_NAN)
    assert finding.message == "values outside the schema's domain are 1.5 % of those served"
    for without in (hand_made.number("c", 200), hand_made.number("c", 0, nans=3)):
        assert the_finding(pair(number_feature(), without), Type.FLOAT_TYPE_HAS_NAN).message == "short"
    assert the_finding(pair(number_feature()), Type.FLOAT_TYPE_HAS_NAN).message == "short"
    unknown = pair(number_feature(), hand_made.number("d", 200, nans=3))
    assert the_finding(unknown, Type.FLOAT_TYPE_HAS_NAN, name="d").message == "short"


def with_mass(mass: float, *domain: str) -> schema_pb2.Feature:
    return word_feature(*domain, distribution_constraints={"min_domain_mass": mass})


@pytest.mark.parametrize(("mass", "count"), [(1.0, 1), (0.76, 1), (0.75, 0), (0.5, 0)])
def test_values_beyond_those_kept_are_found_where_the_schema_allows_fewer(mass: float, count: int) -> None:
    # All that was not kept, a quarter, is outside of the domain.
    served = hand_made.category("c", {"a": 750}, values=1000, unique=100)
    of = pair(with_mass(mass, "a"), served)
    beyond = list(schema_findings.beyond_the_kept(of, ["c"]))
    assert len(beyond) == count
    assert schema_findings.share_outside_domain(of, "c") == 0.25 * count
    for finding in beyond:
        assert (finding.metric, finding.kind) == (
            "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
            FindingKind.VALUES,
        )
        assert finding.severity is Severity.ERROR
        assert finding.message == "values outside the schema's domain are 25.0 % of those served"


def test_what_has_no_listed_domain_has_nothing_beyond_it() -> None:
    served = hand_made.category("c", {"a": 750}, values=1000, unique=100)
    for of in (
        pair(word_feature(), served),
        pair(),
        pair(word_feature("a"), hand_made.number("c", ROWS)),
        pair(word_feature("a"), hand_made.category("c", {"a": 5})),
    ):
        assert list(schema_findings.beyond_the_kept(of, ["c"])) == []


def test_the_share_outside_the_domain() -> None:
    number = hand_made.number("c", ROWS, buckets=[(0, 5, 900), (5.5, 8, 100)])
    share = schema_findings.share_outside_domain
    assert share(pair(number_feature(max=5), number), "c") == 0.1
    assert share(pair(number_feature(max=5)), "c") == 0.0
    assert share(pair(number_feature(max=5), number), "d") == 0.0
    category = hand_made.category("c", {"a": 900, "z": 100})
    assert share(pair(word_feature("a"), category), "c") == 0.1
    assert share(pair(word_feature("a", "z"), category), "c") == 0.0
    of_bytes = hand_made.Feature(path={"step": ["c"]}, type=hand_made.Feature.BYTES)
    of_bytes.bytes_stats.common_stats.num_non_missing = 5
    assert share(pair(number_feature(max=5), of_bytes), "c") == 0.0


@pytest.mark.parametrize(("only", "beyond"), [((), ["c"]), (("c",), ["c"]), (("d",), [])])
def test_the_features_asked_for_are_validated(only: tuple[str, ...], beyond: list[str]) -> None:
    of = pair(None, hand_made.category("c", {"z": 9}), policy=Policy(only=frozenset(only)))
    assert [*schema_findings.validate(of).anomaly_info] == beyond
