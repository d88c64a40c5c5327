"""Values of another type beside training's: the same, or what else was done to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.verdict import frame, reference

from trueserve.transforms.summaries.dataset import DatasetSummary
from trueserve.transforms.summaries.protos import SIZES, dataset_statistics
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.verdict import histograms
from trueserve.transforms.verdict.compare import Policy, Reference, compare
from trueserve.transforms.verdict.diagnosis import other_types
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.model import Finding, FindingKind

ROWS = 4000
Columns = Mapping[str, Sequence[Any]]


def statistics(columns: Columns) -> Statistics:
    """As `validate` computes them, of a value a row; None is missing."""
    kinds = {float: pa.float32(), int: pa.int64(), bytes: pa.large_binary()}
    arrays = [
        pa.array(
            [None if v is None else [v] for v in values],
            pa.large_list(kinds[type(next(v for v in values if v is not None))]),
        )
        for values in columns.values()
    ]
    summary = DatasetSummary({})
    summary.add(pa.RecordBatch.from_arrays(arrays, list(columns)), Scratch())
    return Statistics(datasets=[dataset_statistics(summary, SIZES)])


@pytest.fixture
def rides(baseline: Reference) -> dict[str, list[Any]]:
    data = frame(ROWS, 3)
    return {
        "distance": data["distance"].tolist(),
        "stops": data["stops"].tolist(),
        "carrier": [name.encode() for name in data["carrier"]],
    }


def type_finding(
    baseline: Reference, form: str, feature: str, values: Sequence[Any], served: Columns | None = None
) -> Finding:
    served = served or {"other": [1.0] * len(values)}
    comparison = compare(
        baseline,
        statistics(served),
        Policy(),
        Counter({(feature, form): len(values)}),
        other_types=statistics({f"{form}:{feature}": values}),
    )
    [finding] = [f for f in comparison.findings if f.feature == feature and f.kind is FindingKind.TYPE]
    return finding


@pytest.mark.parametrize(
    ("form", "factor", "cause", "evidence"),
    [
        (
            "int_for_float",
            255,
            "scale or unit",
            "integers, and serving is training x 255: 0..255 where training",
        ),
        ("int_for_float", 1, "type changed", "integers, with training's values"),
        (
            "bytes_for_float",
            1000,
            "scale or unit",
            "strings of numbers, and serving is training x 1000: thou",
        ),
    ],
)
def test_numbers(
    baseline: Reference, rides: Any, form: str, factor: float, cause: str, evidence: str
) -> None:
    values = [float(round(value * factor)) for value in rides["distance"]]
    finding = type_finding(baseline, form, "distance", values)
    assert finding.metric == form
    assert finding.diagnosis is not None
    assert finding.diagnosis.cause == cause
    assert finding.diagnosis.evidence.startswith(evidence)
    assert finding.diagnosis.confidence > 0.9
    assert finding.message.startswith(f"{finding.diagnosis.evidence}; ")
    assert (
        " came where the schema has floats in 100.0 % of rows (4,000), left out as missing; "
        in finding.message
    )
    assert "; median " in finding.message


def test_the_reverse(baseline: Reference, rides: Any) -> None:
    finding = type_finding(baseline, "float_for_int", "stops", [value / 1000 for value in rides["stops"]])
    assert finding.diagnosis is not None
    assert finding.diagnosis.cause == "scale or unit"
    assert finding.diagnosis.evidence.startswith("floats, and serving is training x 0.001")


def test_texts(baseline: Reference) -> None:
    names = {"AA": 10, "B6": 11, "DL": 12, "UA": 13}
    renamed = frame(20_000, 1)
    # A category of digits: identifiers that are text in training.
    renamed["carrier"] = [str(names[name]) for name in renamed["carrier"]]
    digits = reference(renamed)
    same = [str(names[name]).encode() for name in frame(ROWS, 3)["carrier"]]
    finding = type_finding(digits, "int_for_bytes", "carrier", same)
    assert finding.diagnosis is not None
    assert (finding.diagnosis.cause, finding.diagnosis.evidence) == (
        "type changed",
        "integers, with training's values",
    )
    moved = [b"13" if text == b"10" else text for text in same]
    finding = type_finding(digits, "int_for_bytes", "carrier", moved)
    assert finding.diagnosis is not None
    assert finding.diagnosis.cause == "one value moved to another"
    new = [b"9%d" % (number % 500) for number in range(ROWS)]
    finding = type_finding(digits, "int_for_bytes", "carrier", new)
    assert finding.diagnosis is not None
    assert finding.diagnosis.cause == "new categories"
    # Values of few rows may be a person's.
    assert "'9" not in finding.message


def test_what_has_no_known_cause_is_another_type_with_other_values(baseline: Reference) -> None:
    rng = np.random.default_rng(1)
    odd = np.where(rng.random(ROWS) < 0.5, rng.normal(0, 1, ROWS), rng.normal(9e5, 3, ROWS)).tolist()
    finding = type_finding(baseline, "int_for_float", "distance", odd)
    assert finding.diagnosis is not None
    assert finding.diagnosis.cause == "type changed"
    assert finding.diagnosis.evidence == "integers, and other values than training's"
    assert "Kolmogorov-Smirnov distance" in finding.message


def test_without_statistics_of_them_the_type_is_all_that_is_known(baseline: Reference, rides: Any) -> None:
    forms = Counter({("distance", "bytes_for_float"): ROWS})
    comparison = compare(baseline, statistics({"stops": rides["stops"]}), Policy(), forms)
    [finding] = [f for f in comparison.findings if f.feature == "distance"]
    assert (
        finding.message
        == "strings came where the schema has floats in 100.0 % of rows (4,000), left out as missing"
    )
    assert finding.diagnosis is not None
    assert finding.diagnosis.cause == "type changed"


def test_what_is_unknown_of_the_values_kept_is_known_of_those_left_out(
    baseline: Reference, rides: Any
) -> None:
    """Some of these floats are whole numbers, and were taken for the ints that training has."""
    rows = [value / 4 for value in rides["stops"]]
    kept = {"stops": [int(value) if value.is_integer() else None for value in rows]}
    forms = Counter({("stops", "float_for_int"): sum(v is None for v in kept["stops"])})
    of_others = statistics({"float_for_int:stops": [value / 250 for value in rows]})
    served = statistics(kept)
    comparison = compare(baseline, served, Policy(), forms, other_types=of_others)
    causes = {f.kind: f.diagnosis.cause for f in comparison.findings if f.feature == "stops" and f.diagnosis}
    assert causes[FindingKind.TYPE] == "scale or unit"


def test_the_form_of_most_values_is_looked_at() -> None:
    both = statistics(
        {
            "int_for_float:x": [1.0, 2.0, None],
            "bytes_for_float:x": [None, None, 3.0],
            "float_for_int:y:z": [1.0] * 3,
        }
    )
    answer = other_types.commonest_forms(both)
    assert {name: (form, view.present) for name, (form, view) in answer.items()} == {
        "x": ("int_for_float", 2),
        "y:z": ("float_for_int", 3),
    }


def test_the_page_draws_them_where_there_is_nothing_else(baseline: Reference, rides: Any) -> None:
    of_others = statistics({"int_for_float:distance": rides["distance"], "float_for_int:stops": [7.5] * ROWS})
    served = statistics({"distance": [None] * (ROWS - 1) + [1.0], "carrier": rides["carrier"]})
    pictures = {p.feature: p for p in histograms.pictures(baseline, served, of_others)}
    assert pictures["stops"].serving[-1] == 1
    assert pictures["distance"].serving_missing > 0.9
    assert not any(sum(p.serving) for p in histograms.pictures(baseline, served) if p.feature == "stops")
