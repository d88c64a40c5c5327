"""The pictures of both distributions, drawn from plain TFDV statistics."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import drift
from support.verdict import LABEL, frame, reference, served, statistics

from trueserve.transforms.verdict.compare import Reference
from trueserve.transforms.verdict.histograms import CATEGORIES, OTHER, FeaturePicture, pictures


@pytest.fixture(scope="module")
def baseline() -> Reference:
    return reference(frame(5000, 1))


def drawn(against: Reference, data: pd.DataFrame) -> dict[str, FeaturePicture]:
    return {picture.feature: picture for picture in pictures(against, statistics(data))}


def apart(picture: FeaturePicture) -> float:
    return sum(abs(a - b) for a, b in zip(picture.training, picture.serving, strict=True)) / 2


def test_equal_distributions_lie_over_one_another_and_the_label_is_not_drawn(baseline: Reference) -> None:
    pictures = drawn(baseline, served())
    assert list(pictures) == [name for name in frame(1, 1).columns if name != LABEL]
    for picture in pictures.values():
        assert apart(picture) < 0.12, picture
        assert sum(picture.training) == pytest.approx(1)
        assert sum(picture.serving) == pytest.approx(1)
        assert len(picture.labels) == len(picture.training) == len(picture.serving)
    assert pictures["rain"].serving_missing == pytest.approx(0.3, abs=0.03)
    assert (pictures["rain"].training_rows, pictures["rain"].serving_rows) == (5000, 3000)


def test_bins_are_common_and_hold_what_the_data_has(baseline: Reference) -> None:
    data = served()
    data["distance"] = data["distance"] + 2000
    picture = drawn(baseline, data)["distance"]
    assert len(picture.edges) == len(picture.labels) + 1
    assert all(low < high for low, high in itertools.pairwise(picture.edges))
    exact, _ = np.histogram(data["distance"], [-np.inf, *picture.edges[1:-1], np.inf])
    assert picture.serving == pytest.approx(exact / len(data), abs=0.06)
    assert apart(picture) > 0.95


def test_a_scaled_feature_is_drawn_on_an_axis_that_shows_both(baseline: Reference) -> None:
    data = served()
    data["distance"] *= 255
    picture = drawn(baseline, data)["distance"]
    assert picture.edges[-1] > 255 * 1000 > 2000 > picture.edges[0] > 0
    assert (picture.scale, apart(picture) > 0.95) == ("log", True)
    # Neither is a single bar.
    assert max(picture.training) < 0.7
    assert max(picture.serving) < 0.7


def test_one_far_value_does_not_flatten_the_picture(baseline: Reference) -> None:
    data = served()
    data.loc[0, "distance"] = 1e12
    picture = drawn(baseline, data)["distance"]
    assert picture.edges[-1] < 5000
    assert apart(picture) < 0.2
    assert picture.labels[-1].endswith("and above")


def test_categories_are_the_most_frequent_of_both_and_the_others_together() -> None:
    names = [f"c{i:02}" for i in range(30)]
    training = pd.DataFrame({"c": np.repeat(names, 10)})
    serving = pd.DataFrame({"c": ["new"] * 300 + names * 10})
    picture = drawn(reference(training, label=None), serving)["c"]
    assert picture.labels[0] == "new"
    assert (picture.training[0], picture.serving[0]) == (0, 0.5)
    assert len(picture.labels) == CATEGORIES + 1
    assert picture.labels[-1] == OTHER
    assert sum(picture.training) == pytest.approx(1)
    assert sum(picture.serving) == pytest.approx(1)


def test_labels_are_printable_and_bounded(baseline: Reference) -> None:
    data = served()
    data["carrier"] = "<script>\x00\u202e" + "a" * 900
    label = next(label for label in drawn(baseline, data)["carrier"].labels if "script" in label)
    assert label.isprintable()
    assert len(label) < 80


def test_a_feature_of_one_side_only_is_drawn_with_the_other_empty(baseline: Reference) -> None:
    pictures = drawn(baseline, served().drop(columns=["distance", "carrier"]).assign(extra=1.0))
    assert set(pictures["distance"].serving) == set(pictures["carrier"].serving) == {0.0}
    assert pictures["distance"].serving_missing == pictures["carrier"].serving_missing == 1
    assert sum(pictures["extra"].serving) == pytest.approx(1)
    assert pictures["extra"].training_rows == 0


def test_features_without_values_and_of_two_kinds_do_not_break_the_page(baseline: Reference) -> None:
    data = served()
    data["distance"] = np.float32("nan")
    data["carrier"] = 3
    data["rain"] = np.where(data.index % 2 == 0, np.inf, 1.0)
    pictures = drawn(baseline, data)
    assert sum(pictures["distance"].training) == pytest.approx(1)
    assert set(pictures["carrier"].serving) == {0.0}
    assert sum(pictures["rain"].serving) == pytest.approx(1)
    assert drawn(baseline, served().assign(none=np.float32("nan")))["none"].kind == "none"


def heavy(seed: int, rows: int, **more: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    draw = np.random.default_rng(seed)
    bell = draw.normal(100, 15, rows)
    amounts = np.exp(draw.normal(3, 2.5, rows))
    return {"amount": amounts, "bell": bell, "change": draw.standard_cauchy(rows), **more}


@pytest.fixture(scope="module")
def tails() -> dict[str, FeaturePicture]:
    """Pictures of statistics as trueserve computes them: with 200 quantiles."""
    values = [heavy(seed, 20_000) for seed in (1, 2)]
    values[1]["amount"] *= 3
    for side in values:
        side["often_zero"] = np.where(np.arange(20_000) % 5 < 2, 0.0, side["amount"])
    against = drift.reference(values[0])
    return {picture.feature: picture for picture in pictures(against, drift.statistics(values[1]))}


def test_a_heavy_tail_is_drawn_on_a_log_axis_and_truly(tails: dict[str, FeaturePicture]) -> None:
    picture = tails["amount"]
    assert picture.scale == "log"
    ratios = [high / low for low, high in itertools.pairwise(picture.edges)]
    assert ratios == pytest.approx([ratios[0]] * len(ratios))
    for shares, seed, factor in ((picture.training, 1, 1), (picture.serving, 2, 3)):
        exact, _ = np.histogram(
            heavy(seed, 20_000)["amount"] * factor, [-np.inf, *picture.edges[1:-1], np.inf]
        )
        assert shares == pytest.approx(exact / 20_000, abs=0.006)
    # No more ten bars of equal mass: the middle is high, the ends are low.
    assert max(picture.training) > 5 * picture.training[-1] > 0


def test_a_log_axis_keeps_zeros_in_its_first_bin_and_is_for_no_values_below(
    tails: dict[str, FeaturePicture],
) -> None:
    assert tails["often_zero"].scale == "log"
    assert tails["often_zero"].training[0] == pytest.approx(0.4, abs=0.02)
    assert tails["often_zero"].labels[0].startswith("below ")
    assert (tails["bell"].scale, tails["change"].scale) == ("linear", "linear")
    # Of those the far ends are in the outer bins, which say so.
    assert tails["change"].edges[-1] < 200
    assert tails["change"].labels[-1].endswith("and above")


def test_numbers_on_a_linear_axis_are_as_exact_as_two_hundred_quantiles(
    tails: dict[str, FeaturePicture],
) -> None:
    picture = tails["bell"]
    exact, _ = np.histogram(heavy(1, 20_000)["bell"], [-np.inf, *picture.edges[1:-1], np.inf])
    assert picture.training == pytest.approx(exact / 20_000, abs=0.006)
