"""Random columns and schemas, and the comparison of two statistics of them."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf import text_format
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

TYPES = {"float": pa.float32(), "int": pa.int64(), "bytes": pa.large_binary()}

_floats = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 2.5, -1.0]),
    st.floats(width=32),
    st.sampled_from([math.nan, math.inf, -math.inf]),
)
_ints = st.one_of(st.integers(-3, 20), st.integers(-(1 << 63), (1 << 63) - 1))
_long = st.sampled_from([b"x" * 1023, b"x" * 1024, b"y" * 1025, b"\xff" * 1025, b"z" * 3000])
_bytes = st.one_of(
    st.sampled_from([b"a", b"b", b"cc", b"", b"\xff", b"\xc3\x28", "zwölf".encode()]),
    st.binary(max_size=12),
    st.text(max_size=12).map(lambda t: t.encode()),
    _long,
)
VALUES = {"float": _floats, "int": _ints, "bytes": _bytes}

_DOMAINS = {
    "float": ["", "float_domain {min: 0 max: 1}"],
    "int": ["", "int_domain {is_categorical: true}", "int_domain {min: 0}", "bool_domain {}"],
    "bytes": [
        "",
        "image_domain {}",
        "string_domain {value: 'a'}",
        "string_domain {is_categorical: CATEGORICAL_NO}",
        "string_domain {is_categorical: CATEGORICAL_YES}",
        "domain: 'words'",
        "domain: 'free'",
    ],
}


@st.composite
def columns(draw: st.DrawFn, max_rows: int = 30) -> tuple[schema_pb2.Schema, pa.RecordBatch]:
    """A few features with their schema, and rows of them: missing, empty, ragged."""
    schema = schema_pb2.Schema()
    schema.string_domain.add(name="words", value=["a", "b"])
    schema.string_domain.add(name="free", is_categorical=schema_pb2.StringDomain.CATEGORICAL_NO)
    num_rows = draw(st.integers(1, max_rows))
    arrays = {}
    for i in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(sorted(TYPES)))
        name = f"{kind}{i}"
        text_format.Merge(draw(st.sampled_from(_DOMAINS[kind])), schema.feature.add(name=name))
        schema.feature[-1].type = schema_pb2.FeatureType.Value(kind.upper())
        lists = st.lists(VALUES[kind], max_size=3)
        cell = st.one_of(st.none(), lists, lists, VALUES[kind].map(lambda v: [v]))
        rows = draw(st.lists(cell, min_size=num_rows, max_size=num_rows))
        arrays[name] = pa.array(rows, pa.large_list(TYPES[kind]))
    return schema, pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))


# With numpy 2 TFDV divides the range of float32 numbers in single precision: an edge may lie on the other
# side of a value. Ours are doubles with any numpy.
EDGES_ARE_FLOAT32 = int(np.__version__.split(".")[0]) >= 2


def assert_same(
    ours: statistics_pb2.DatasetFeatureStatistics, theirs: statistics_pb2.DatasetFeatureStatistics
) -> None:
    """Every field is the same, numbers to 1e-9; the buckets of histograms too."""
    assert ours.num_examples == theirs.num_examples
    mine = {feature.path.step[0]: feature for feature in ours.features}
    its = {feature.path.step[0]: feature for feature in theirs.features}
    assert mine.keys() == its.keys()
    for name, feature in its.items():
        compare(mine[name], feature, name)


def compare(actual: Any, other: Any, where: str) -> None:
    """Raises AssertionError where a field of two messages differs; -0.0 is set where 0.0 is not."""
    for field in {f.name: f for f, _ in [*actual.ListFields(), *other.ListFields()]}.values():
        mine, its, path = getattr(actual, field.name), getattr(other, field.name), f"{where}.{field.name}"
        if field.name == "histograms" and EDGES_ARE_FLOAT32:
            mine, its = ([_coarse(histogram) for histogram in side] for side in (mine, its))
        if field.label == field.LABEL_REPEATED:
            assert len(mine) == len(its), (path, actual, other)
            for i, (a, b) in enumerate(zip(mine, its, strict=True)):
                _compare_value(field, a, b, f"{path}[{i}]")
        elif field.message_type is not None:
            assert actual.HasField(field.name) == other.HasField(field.name), (path, actual, other)
            compare(mine, its, path)
        else:
            # A mean is no more precise than the numbers it is the mean of, which may cancel.
            scale = other.std_dev if field.name == "mean" else 0.0
            _compare_value(field, mine, its, path, scale)


def _coarse(histogram: Any) -> Any:
    """What edges in single precision leave of a standard histogram: how many buckets, and its ends."""
    result = type(histogram)()
    result.CopyFrom(histogram)
    if histogram.type != histogram.STANDARD or not histogram.buckets:
        return result
    for before, after in itertools.pairwise(result.buckets):
        before.high_value = after.low_value = 0.0
    for bucket in result.buckets:
        bucket.sample_count = 0.0  # even all together: TFDV's lose a part in 10**5 between the edges
    return result


def _compare_value(field: Any, actual: Any, other: Any, where: str, scale: float = 0.0) -> None:
    if field.message_type is not None:
        compare(actual, other, where)
    elif field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        scale = max(abs(other), scale, 1e-12) if np.isfinite(other) else 1.0
        close = (
            actual == other
            or (math.isnan(actual) and math.isnan(other))
            or abs(actual - other) <= 1e-9 * scale
        )
        assert close, (where, actual, other)
    else:
        assert actual == other, (where, actual, other)


RANK_ERROR = 0.01  # of TFDV's quantile sketches, and more than that of ours


def exact_counts(feature: Any) -> dict[str, Any]:
    """All that formats must not change at all: counts, extremes, the values and how often each came."""
    numeric = feature.HasField("num_stats")
    common = (feature.num_stats if numeric else feature.string_stats).common_stats
    result = {
        name: getattr(common, name)
        for name in (
            "num_non_missing",
            "num_missing",
            "min_num_values",
            "max_num_values",
            "avg_num_values",
            "tot_num_values",
        )
    }
    if numeric:
        numbers = feature.num_stats
        return result | {name: getattr(numbers, name) for name in ("min", "max", "num_zeros")}
    strings = feature.string_stats
    top = [(value.value, value.frequency) for value in strings.top_values]
    ranks = [(bucket.label, bucket.sample_count) for bucket in strings.rank_histogram.buckets]
    return result | {"unique": strings.unique, "top": top, "ranks": ranks, "avg_length": strings.avg_length}


def check_numbers(ours: Any, theirs: Any, values: Any) -> None:
    assert ours.mean == pytest.approx(theirs.mean, rel=1e-9)
    assert ours.std_dev == pytest.approx(theirs.std_dev, rel=1e-9)
    check_rank(ours.median, 0.5, values)
    quantiles = [histogram for histogram in ours.histograms if histogram.type == histogram.QUANTILES]
    [histogram] = quantiles
    for number, bucket in enumerate(histogram.buckets, 1):
        check_rank(bucket.high_value, number / len(histogram.buckets), values)
    for histogram in ours.histograms:
        assert sum(b.sample_count for b in histogram.buckets) == pytest.approx(len(values), rel=1e-9)


def check_rank(value: float, share: float, values: Any) -> None:
    """That the value stands at this share of the sorted values, give or take what a sketch may err."""
    first, last = (np.searchsorted(values, value, side) / len(values) for side in ("left", "right"))
    assert first - RANK_ERROR <= share <= last + RANK_ERROR, (value, share, first, last)


def feature_values(batch: pa.RecordBatch, name: str) -> Any:
    return np.sort(np.asarray(batch.column(name).flatten()))
