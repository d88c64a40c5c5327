"""Readings of literal statistics: rows, kinds, counts, what was cut off, and how many rows tell as much."""

from __future__ import annotations

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.core.custom_stats import DESIGN_EFFECT, HEAVIEST_ROW, RARE_VALUES
from trueserve.transforms.verdict import feature_stats
from trueserve.transforms.verdict.buckets import Bucket, Counted
from trueserve.transforms.verdict.feature_stats import View, views_by_feature


def view(text: str, rows: int = 10) -> View:
    return View(text_format.Parse(text, statistics_pb2.FeatureNameStatistics()), rows)


def categorical(counts: dict[str, int], extra: str = "") -> View:
    buckets = " ".join(f"buckets {{ label: '{word}' sample_count: {n} }}" for word, n in counts.items())
    total = sum(counts.values())
    return view(
        f"""name: 'x' type: STRING string_stats {{ unique: {len(counts)} rank_histogram {{ {buckets} }}
        common_stats {{ num_non_missing: {total} tot_num_values: {total} max_num_values: 1 }} {extra} }}""",
        total,
    )


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("num_stats", "number"),
        ("string_stats", "category"),
        ("bytes_stats", "bytes"),
        ("struct_stats", "struct"),
    ],
)
def test_kind_and_rows(field: str, kind: str) -> None:
    feature = view(f"name: 'x' {field} {{ common_stats {{ num_non_missing: 7 tot_num_values: 9 }} }}")
    assert (feature.kind, feature.rows, feature.present, feature.missing) == (kind, 10, 7, 3)
    assert (feature.values, feature.missing_share) == (9.0, 0.3)


def test_a_feature_without_statistics_has_no_rows() -> None:
    feature = view("path { step: 'a' step: 'b' }")
    assert (feature.name, feature.kind, feature.present, feature.missing) == ("a.b", "none", 0, 10)
    assert view("name: 'x'", rows=0).missing_share == 0.0
    assert view("name: 'x' num_stats { common_stats { num_non_missing: 12 } }").missing == 0


def test_counts_are_the_rank_histograms_or_the_top_values() -> None:
    assert categorical({"a": 3, "b": 2}).counts() == {"a": 3, "b": 2}
    top = view("name: 'x' string_stats { top_values { value: 'a' frequency: 4 } }")
    assert top.counts() == {"a": 4}


def test_weighted_counts_go_first() -> None:
    feature = categorical(
        {"a": 3, "b": 2},
        "weighted_string_stats { rank_histogram { buckets { label: 'b' sample_count: 7 } } }",
    )
    feature.proto.string_stats.common_stats.weighted_common_stats.tot_num_values = 7.5
    assert feature.is_weighted
    assert feature.counts() == {"b": 7}
    assert View(feature.proto, 5).values == 7.5
    assert not categorical({"a": 3}).is_weighted
    top = categorical({"a": 3}, "weighted_string_stats { top_values { value: 'c' frequency: 4 } }")
    assert (top.is_weighted, top.counts()) == (True, {"c": 4})


def test_a_list_of_all_values_is_not_cut() -> None:
    feature = categorical({"a": 30, "b": 10})
    assert (feature.total, feature.most_unkept, feature.counted().edge) == (40, 0, 0)
    assert feature.shares() == {"a": 0.75, "b": 0.25}


def test_of_a_cut_list_the_rarest_is_the_most_that_is_not_kept() -> None:
    feature = categorical({"a": 30, "b": 9})
    feature.proto.string_stats.unique = 3
    feature.proto.string_stats.common_stats.tot_num_values = 100
    cut = View(feature.proto, 100)
    assert (cut.total, cut.most_unkept) == (100, 9)
    assert cut.counted().edge == pytest.approx((9 + 3 * 3) / 100)
    assert cut.shares() == {"a": 0.3, "b": 0.09}


def test_what_was_kept_may_be_counted_as_more_than_there_is() -> None:
    feature = categorical({"a": 30, "b": 10})
    feature.proto.string_stats.common_stats.tot_num_values = 39
    assert View(feature.proto, 40).total == 40


def test_no_values_have_no_shares() -> None:
    nothing = categorical({})
    assert (nothing.shares(), nothing.total, nothing.most_unkept) == ({}, 0, 0)
    assert Counted(nothing.counts(), 0.0, 4.0).edge == 0.0


def test_rows_with_a_value_of_lists_and_of_weights() -> None:
    feature = categorical({"a": 30, "b": 12})
    assert (feature.longest, feature.rows_of("a", 30), feature.rows_at_least("a", 30)) == (1, 30, 30)
    feature.proto.string_stats.common_stats.max_num_values = 4
    rare = feature.proto.custom_stats.add(name=RARE_VALUES).rank_histogram.buckets
    rare.add(label="b", sample_count=2)
    lists = View(feature.proto, 42)
    assert (lists.longest, lists.rows_of("b", 12), lists.rows_of("b", 1)) == (4, 2, 1)
    assert (lists.rows_at_least("a", 30), lists.rows_at_least("b", 12)) == (7.5, 0.5)


def test_rows_with_a_share_of_numbers() -> None:
    feature = view("name: 'x' num_stats { common_stats { tot_num_values: 40 max_num_values: 2 } }")
    assert feature.rows_of_share(0.5) == 10
    feature.proto.custom_stats.add(name=HEAVIEST_ROW, num=5)
    assert feature.rows_of_share(0.5) == 2
    feature.proto.custom_stats[0].num = 0.5
    assert feature.rows_of_share(0.5) == 10
    empty = view("name: 'x' num_stats { common_stats { tot_num_values: 40 max_num_values: 0 } }")
    assert empty.longest == 1


LENGTHS = """name: 'x' num_stats { common_stats { num_non_missing: 10 tot_num_values: 30 max_num_values: %s
  num_values_histogram { buckets { low_value: 1 high_value: 2 sample_count: 5 }
                         buckets { low_value: 2 high_value: %s sample_count: 5 } } } }"""


def test_values_of_one_row_count_as_one_row() -> None:
    # At most 5 rows have 2 values each, squares 20; of the other 25 values at most 5 x 10 come by tens: 250.
    assert view(LENGTHS % (10, 10)).worth == pytest.approx(900 / (5 * 4 + 25 * 10))
    # Five rows of 4 have 20 values, of the 25 that may be.
    assert view(LENGTHS % (4, 4)).worth == pytest.approx(900 / (5 * 4 + 20 * 4))
    # The first five rows take all ten: nothing is left for the others.
    twos = (LENGTHS % (10, 10)).replace("low_value: 1 high_value: 2", "low_value: 2 high_value: 2")
    assert view(twos.replace("tot_num_values: 30", "tot_num_values: 10")).worth == pytest.approx(100 / 20)
    assert view(twos).worth == pytest.approx(900 / (5 * 4 + 20 * 10))
    assert view((LENGTHS % (10, 10)).replace("tot_num_values: 30", "tot_num_values: 300")).worth == 10
    assert view((LENGTHS % (10, 10)).replace("tot_num_values: 30", "tot_num_values: 1")).worth == 1


def test_rows_of_one_value_are_worth_themselves() -> None:
    assert view(LENGTHS % (1, 1)).worth == 10
    assert view(LENGTHS % (10, 10) + " ").worth < 10
    assert view("name: 'x' num_stats { common_stats { num_non_missing: 3 max_num_values: 5 } }").worth == 3
    assert view((LENGTHS % (10, 10)).replace("tot_num_values: 30", "tot_num_values: 0")).worth == 10
    zeros = (LENGTHS % (10, 0)).replace("low_value: 1 high_value: 2", "low_value: 0 high_value: 0")
    assert view(zeros.replace("tot_num", "min_num_values: 1 tot_num")).worth == 10


def test_values_that_are_not_finite() -> None:
    feature = view(
        """name: 'x' num_stats { common_stats { num_non_missing: 10 tot_num_values: 10 max_num_values: 1 }
        histograms { type: STANDARD num_nan: 2
          buckets { low_value: -inf high_value: -inf sample_count: 1 }
          buckets { low_value: 0 high_value: 4 sample_count: 6 }
          buckets { low_value: inf high_value: inf sample_count: 1 } }
        histograms { type: QUANTILES num_nan: 1
          buckets { low_value: -inf high_value: -inf sample_count: 8 } } }"""
    )
    assert feature.not_finite == 4
    assert feature.worth_finite == pytest.approx(6.0)
    assert feature.buckets(statistics_pb2.Histogram.STANDARD) == [Bucket(0, 4, 6)]
    assert feature.buckets(statistics_pb2.Histogram.QUANTILES) == []
    feature.proto.num_stats.histograms[0].num_nan = 20
    assert View(feature.proto, 10).worth_finite == 0
    assert view("name: 'x' num_stats {}").worth_finite == 0
    assert view("name: 'x' num_stats { median: 2.5 }").median() == 2.5


def test_a_bucket_with_one_infinite_end_is_left_out_and_not_counted_as_infinite() -> None:
    feature = view(
        """name: 'x' num_stats { histograms { type: STANDARD
          buckets { low_value: -inf high_value: 1 sample_count: 3 }
          buckets { low_value: 1 high_value: inf sample_count: 4 }
          buckets { low_value: 2 high_value: 2 sample_count: 1 } } }"""
    )
    assert feature.buckets(statistics_pb2.Histogram.STANDARD) == [Bucket(2, 2, 1)]
    assert feature.not_finite == 0


def test_the_data_set_of_all_rows() -> None:
    both = statistics_pb2.DatasetFeatureStatisticsList()
    assert feature_stats.dataset(both).num_examples == 0
    both.datasets.add(name="country_DE", num_examples=3).features.add(name="x")
    assert feature_stats.dataset(both).num_examples == 3
    assert [(name, feature.rows) for name, feature in views_by_feature(both).items()] == [("x", 3)]
    both.datasets.add(name="All Examples", num_examples=8)
    assert feature_stats.dataset(both).num_examples == 8
    both.datasets[1].name = "country_FR"
    with pytest.raises(ValueError, match="none of which is 'All Examples'"):
        feature_stats.dataset(both)


@pytest.mark.parametrize(
    ("counts", "present"),
    [
        ("tot_num_values: 6 max_num_values: 1", 6),
        ("tot_num_values: 0", 0),
        ("tot_num_values: 12 max_num_values: 3", 7),
        ("tot_num_values: 8 min_num_values: 1 max_num_values: 1", 8),
    ],
)
def test_rows_with_an_empty_list_lack_the_feature_though_tfdv_counts_them(counts: str, present: int) -> None:
    """TFX's CsvExampleGen writes a missing value so. Of several values a row two quantiles tell one row."""
    buckets = "buckets { sample_count: 1 } buckets { high_value: 3 sample_count: 7 }"
    common = f"num_non_missing: 8 {counts} num_values_histogram {{ {buckets} }}"
    feature = view(f"name: 'x' num_stats {{ common_stats {{ {common} }} }}", rows=10)
    assert (feature.present, feature.missing) == (present, 10 - present)


def test_each_side_has_its_own_design_effects_where_they_are_known() -> None:
    def grouped(effect: float | None) -> View:
        proto = statistics_pb2.FeatureNameStatistics(type=statistics_pb2.FeatureNameStatistics.FLOAT)
        proto.num_stats.common_stats.num_non_missing = 100
        if effect is not None:
            proto.custom_stats.add(name=DESIGN_EFFECT, num=effect)
        return View(proto, 100)

    serving = grouped(20.0)
    effects = {effect: grouped(effect).as_grouped_as(serving).design_effect for effect in (None, 1.0, 3.0)}
    # None: nobody looked. 1: training's rows were looked at, and do not belong together.
    assert effects == {None: 20.0, 1.0: 1.0, 3.0: 3.0}
    assert grouped(None).as_grouped_as(None).design_effect == 1.0
