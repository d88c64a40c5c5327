"""A value that training does not know is named from ten rows on, however often it comes in one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.custom_stats import NAMED_FROM
from trueserve.transforms.summaries.folding import fold
from trueserve.transforms.summaries.protos import SIZES
from trueserve.transforms.summaries.quantiles import Scratch
from trueserve.transforms.summaries.weighted import WeightedSummary
from trueserve.transforms.verdict import feature_stats
from trueserve.transforms.verdict.compare import Policy, compare
from trueserve.transforms.verdict.diagnosis import explanations
from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.evidence import unseen_mass
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.histograms import pictures
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference

SECRET = b"secret"
Lists = Sequence[Sequence[bytes]]


def statistics(
    rows: Sequence[Sequence[object]], kind: pa.DataType, rates: Sequence[float] | None = None
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Those of serving: one feature `c`, rows of several values."""
    summary, column = WeightedSummary(), pa.array(rows, pa.large_list(kind))
    batch = pa.RecordBatch.from_arrays([column], names=["c"])
    summary.add(batch, None if rates is None else np.array(rates), Scratch())
    return statistics_pb2.DatasetFeatureStatisticsList(datasets=[fold(summary, SIZES)])


def view(rows: Lists, rates: Sequence[float] | None = None) -> View:
    return feature_stats.views_by_feature(statistics(rows, pa.large_binary(), rates))["c"]


_ROWS = st.lists(st.lists(st.sampled_from([b"a", b"b", SECRET]), max_size=12), min_size=1, max_size=40)
_RATES = st.one_of(st.none(), st.lists(st.sampled_from([1.0, 0.5, 0.01]), min_size=40, max_size=40))


@settings(deadline=None)
@given(rows=_ROWS, times=st.integers(1, 4), rates=_RATES)
def test_a_value_that_may_be_named_came_in_ten_rows(
    rows: Lists, times: int, rates: Sequence[float] | None
) -> None:
    rows = [[value for value in row for _ in range(times)] for row in rows]
    column = view(rows, None if rates is None else rates[: len(rows)])
    true = Counter(value.decode() for row in rows for value in set(row))
    for value, count in column.counts().items():
        if unseen_mass.may_be_named(value, (), column.rows_at_least(value, count)):
            assert true[value] >= NAMED_FROM


@settings(deadline=None)
@given(rows=st.lists(st.sampled_from([b"a", b"b", SECRET]), min_size=1, max_size=60))
def test_one_value_a_row_is_named_from_ten_on(rows: Sequence[bytes]) -> None:
    column = view([[value] for value in rows])
    for value, count in Counter(rows).items():
        text = value.decode()
        assert unseen_mass.may_be_named(text, (), column.rows_at_least(text, column.counts()[text])) == (
            count >= 10
        )


def test_a_heavy_row_does_not_name_what_it_alone_has() -> None:
    """Its value weighs as much as 120 rows, and came twelve times in one."""
    column = view([*[[b"a"]] * 1000, [SECRET] * 12], [*[1.0] * 1000, 0.01])
    count = column.counts()["secret"]
    assert count >= NAMED_FROM * 12
    assert not unseen_mass.may_be_named("secret", (), column.rows_at_least("secret", count))


def training() -> Reference:
    rows = [[b"a"], [b"b", b"b"], [b"a", b"b"]] * 400
    schema = schema_pb2.Schema()
    feature = schema.feature.add(name="c", type=schema_pb2.BYTES)
    feature.string_domain.value[:] = ["a", "b"]
    return Reference(schema, statistics(rows, pa.large_binary()), Space.RAW, label=None)


def everything_said(rows: Lists) -> str:
    baseline, serving = training(), statistics(rows, pa.large_binary())
    comparison = compare(baseline, serving, Policy(), Counter())
    findings = [*comparison.findings, *comparison.distances]
    assert findings
    return repr((findings, pictures(baseline, serving)))


def test_ten_times_in_one_row_is_never_said() -> None:
    usual: Lists = [[b"a"], [b"b", b"b"]] * 20
    assert "secret" not in everything_said([*usual, [SECRET] * 10])
    assert "secret" not in everything_said([*usual, *[[SECRET] * 10] * 9])
    assert "secret" in everything_said([*usual, *[[SECRET] * 10] * 10])


@pytest.mark.parametrize("rates", [None, [1.0] * 3980 + [0.02]])
def test_a_number_of_one_row_is_no_step_that_is_named(rates: Sequence[float] | None) -> None:
    times = 40 if rates is None else 1
    rows = [[float(i % 100)] for i in range(3980)]
    kind = pa.float32()
    before = feature_stats.views_by_feature(statistics(rows, kind))["c"]
    after = feature_stats.views_by_feature(statistics([*rows, [5_550_123.0] * times], kind, rates))["c"]
    pair = (cdfs.of_view(before), cdfs.of_view(after))
    assert pair[0] is not None
    assert pair[1] is not None
    explained = explanations.of_number(pair[0], pair[1], after.rows_of_share(1.0))
    assert not [
        explanation
        for explanation in explained
        if "5.55012e+06" in explanation.description or 5_550_123.0 in explanation.points
    ]
    every = explanations.of_number(pair[0], pair[1], float(after.present) * 10)
    assert [explanation for explanation in every if 5_550_123.0 in explanation.points]
