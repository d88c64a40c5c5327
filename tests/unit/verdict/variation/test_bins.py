"""The cells of a feature: their number, what falls into them, and the units of their moments."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from support import hand_made

from trueserve.transforms.verdict.buckets import Counted
from trueserve.transforms.verdict.evidence import cdf
from trueserve.transforms.verdict.feature_stats import Statistics, View
from trueserve.transforms.verdict.variation import bins
from trueserve.transforms.verdict.variation.bins import CATEGORY, NUMBER, Bins


def of(statistics: Statistics, *names: str) -> dict[str, Bins]:
    return bins.of_statistics(statistics, names)


def even(low: float, high: float, count: int = 1000) -> View:
    feature = hand_made.number(
        "x", count, buckets=[(low, high, count)], quantiles=[(low, high, count)], median=(low + high) / 2
    )
    feature.num_stats.min, feature.num_stats.max = low, high
    return View(feature, count)


def test_a_number_has_cells_between_twenty_quantiles_and_at_each() -> None:
    cells = of(hand_made.statistics(1000, even(0.0, 20.0).proto), "x", "y")["x"]
    assert cells.kind == NUMBER
    assert cells.edges.tolist() == pytest.approx(list(range(21)), abs=1e-6)
    assert (cells.size, cells.length_size, cells.has_moments) == (43, 0, True)
    assert list(of(hand_made.statistics(1000, even(0.0, 20.0).proto), "y")) == []


def test_a_category_has_its_thirty_most_frequent_values_and_one_cell_for_others() -> None:
    counts = {f"v{n:02}": 100 - n for n in range(31)}
    cells = of(hand_made.statistics(5000, hand_made.category("c", counts)), "c")["c"]
    assert cells.kind == CATEGORY
    assert cells.values == tuple(counts)[:30]
    assert dict(cells.known) == counts
    assert (cells.size, cells.has_moments) == (31, False)
    cut = hand_made.category("c", counts, unique=32)
    assert dict(of(hand_made.statistics(5000, cut), "c")["c"].known) == {}
    assert of(hand_made.statistics(5000, hand_made.category("c", {})), "c") == {}


def test_lengths_have_cells_where_a_row_has_several() -> None:
    lists = Bins(CATEGORY, values=("a",), lengths=np.array([1.0, 2.0, 5.0]))
    assert (lists.size, lists.length_size) == (2, 7)
    assert Bins(NUMBER, edges=np.array([0.0])).size == 3


def test_a_value_is_in_the_cell_before_at_or_behind_an_edge() -> None:
    edges = np.array([1.0, 2.0])
    values = np.array([0.5, 1.0, 1.5, 2.0, 2.5])
    assert bins.cell_indices(edges, values).tolist() == [0, 1, 2, 3, 4]


def test_moments_are_in_units_of_the_middle_nine_tenths() -> None:
    # From the first inner edge to the last inner one, 10 to 90; the middle edge is 50.
    cells = Bins(NUMBER, edges=np.array([0.0, 10.0, 50.0, 90.0, 1000.0]))
    assert cells.standard(np.array([50.0, 90.0, -30.0])).tolist() == [0.0, 0.5, -1.0]
    assert cells.standard(np.array([1e9, -1e9])).tolist() == [1e6, -1e6]
    assert cells.standard(np.array([8e7 + 50])).tolist() == [1e6]
    assert cells.standard(np.array([-4e7 + 50])).tolist() == [-5e5]


def test_a_constant_is_measured_by_its_size_or_by_one() -> None:
    assert Bins(NUMBER, edges=np.array([4.0])).standard(np.array([8.0, 2.0])).tolist() == [1.0, -0.5]
    assert Bins(NUMBER, edges=np.array([-4.0])).standard(np.array([0.0])).tolist() == [1.0]
    assert Bins(NUMBER, edges=np.array([0.5])).standard(np.array([2.5])).tolist() == [2.0]
    # Two edges have a width, the distance from the second to the first: it is none.
    assert Bins(NUMBER, edges=np.array([1.0, 3.0])).standard(np.array([9.0])).tolist() == [2.0]


def test_shares_of_a_distribution_fill_all_cells() -> None:
    function = cdf.of_view(even(0.0, 10.0))
    assert function is not None
    shares = bins.shares_of_cdf(function, np.array([2.0, 5.0]))
    assert shares.tolist() == pytest.approx([0.2, 0.0, 0.3, 0.0, 0.5], abs=1e-6)


def test_shares_of_values_leave_the_rest_to_the_others() -> None:
    counted = Counted(Counter({"a": 50, "b": 30, "c": 5}), 100.0, 0.0)
    assert bins.shares_of_values(counted, ("b", "z", "a")).tolist() == pytest.approx([0.3, 0.0, 0.5, 0.2])
    more = Counted(Counter({"a": 60, "b": 60}), 100.0, 0.0)
    assert bins.shares_of_values(more, ("a", "b")).tolist() == [0.6, 0.6, 0.0]
