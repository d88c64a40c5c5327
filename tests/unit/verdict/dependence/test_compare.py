"""Features whose values come from other rows are named; rows of the same distribution are silent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from support.dependence import compared, names_of

from benchmarks.ties_data import DRAWS, Rows, correlated, of_other_rows, trips

TRAINING, SERVED = 20_000, 5_000


@pytest.mark.parametrize("world", DRAWS)
def test_rows_of_the_same_distribution_are_silent(world: str) -> None:
    """At most one window in 200 is not; of 45 four or more would come once in 30,000 times."""
    false = 0
    for seed in range(45):
        rng = np.random.default_rng([71, seed])
        training = DRAWS[world](rng, 4_000)
        result = compared(training, DRAWS[world](rng, (500, 1_000, 4_000)[seed % 3]))
        assert result.reason == ""
        false += bool(result.weaker)
    assert false < 4


@pytest.mark.parametrize(
    ("world", "name"),
    [
        ("correlated", "x3"),
        ("trips", "length"),
        ("trips", "destination"),
        ("trips", "carrier"),
        ("heavy", "product"),
    ],
)
@pytest.mark.parametrize("share", [1.0, 0.2])
def test_a_feature_of_other_rows_is_named_with_the_part_of_them(world: str, name: str, share: float) -> None:
    rng = np.random.default_rng([72, len(name)])
    training, serving = DRAWS[world](rng, TRAINING), DRAWS[world](rng, SERVED)
    result = compared(training, of_other_rows(serving, rng, share, name))
    assert names_of(result) == {name}
    [weaker] = result.weaker
    assert weaker.part == pytest.approx(share, abs=0.1)
    assert weaker.either is None
    partner = weaker.partners[0]
    assert partner.training > partner.serving
    assert partner.name != name


def test_of_two_features_that_go_with_no_other_both_are_named() -> None:
    rng = np.random.default_rng(73)
    training, serving = trips(rng, TRAINING), trips(rng, SERVED)
    result = compared(training, of_other_rows(serving, rng, 1.0, "delay"))
    assert {weaker.name: weaker.either for weaker in result.weaker} == {"hour": "delay", "delay": "hour"}


@pytest.mark.parametrize("world", ["correlated", "trips"])
def test_where_all_features_are_of_other_rows_most_are_named(world: str) -> None:
    rng = np.random.default_rng(74)
    training, serving = DRAWS[world](rng, TRAINING), DRAWS[world](rng, SERVED)
    result = compared(training, of_other_rows(serving, rng, 1.0, *serving))
    assert len(names_of(result)) >= len(serving) - 2
    assert len(result.weaker) == len(names_of(result)), "none twice"


def test_two_features_of_the_same_other_row_are_both_named() -> None:
    rng = np.random.default_rng(75)
    training, serving = correlated(rng, TRAINING), correlated(rng, SERVED)
    order = rng.permutation(SERVED)
    joined = serving | {name: serving[name][order] for name in ("x1", "x2")}
    assert names_of(compared(training, joined)) == {"x1", "x2"}


def test_a_shift_that_keeps_the_order_is_none_and_one_that_moves_far_is_left_out() -> None:
    rng = np.random.default_rng(76)
    training, serving = correlated(rng, TRAINING), correlated(rng, SERVED)
    result = compared(training, serving | {"x0": serving["x0"] * 1.1 + 0.1})
    assert (names_of(result), result.moved) == (set(), ())
    far = compared(training, of_other_rows(serving, rng, 1.0, "x0") | {"x1": serving["x1"] + 3})
    assert (names_of(far), far.moved) == ({"x0"}, ("x1",))
    assert "x1" not in far.compared


def test_a_value_that_hardly_comes_in_serving_tells_nothing() -> None:
    """Two flags of 0.3 % of the rows that come together: a window may have none, or two."""
    for seed in range(12):
        rng = np.random.default_rng([176, seed])
        flag = (rng.random(TRAINING) < 0.003).astype(float)
        training = correlated(rng, TRAINING) | {"flag": flag, "same": flag}
        served = (rng.random(500) < 0.003).astype(float)
        result = compared(training, correlated(rng, 500) | {"flag": served, "same": served})
        assert not names_of(result) & {"flag", "same"}
        assert {"flag", "same"} <= {*result.moved}


def test_what_cannot_be_compared_is_named() -> None:
    rng = np.random.default_rng(77)
    training, serving = correlated(rng, TRAINING), correlated(rng, SERVED)
    alone = {"noise": rng.normal(size=TRAINING)}
    result = compared(training | alone, serving | {"noise": rng.normal(size=SERVED)})
    assert result.untied == ("noise",)
    assert set(result.compared) == set(training)
    assert compared(
        alone | {"b": alone["noise"][::-1]}, serving | {"noise": serving["x0"], "b": serving["x1"]}
    ).reason
    few = {name: values[:199] for name, values in serving.items()}
    assert compared(training, few).reason == "too few rows or requests"
    assert compared({name: values[:199] for name, values in training.items()}, serving).reason
    assert compared(training, {name: values + 9 for name, values in serving.items()}).reason == (
        "the values moved too far"
    )


def test_rows_of_one_request_count_as_few() -> None:
    """Users' features of 250 requests of 20 rows are no more certain than 250 rows are."""
    loud = []
    for seed in range(20):
        rng = np.random.default_rng([78, seed])
        users = {name: np.repeat(values, 20) for name, values in correlated(rng, 1_000).items()}
        served = {name: np.repeat(values, 20) for name, values in correlated(rng, 250).items()}
        shuffled = rng.permutation(20_000)
        training = {name: values[shuffled] for name, values in users.items()}
        alone, grouped = compared(training, served), compared(training, served, np.repeat(np.arange(250), 20))
        loud.append((bool(alone.weaker), bool(grouped.weaker)))
    assert sum(alone for alone, _ in loud) >= 5, "or else groups would not be needed"
    assert sum(grouped for _, grouped in loud) <= 1


def test_days_that_differ_make_no_alarm_and_times_are_what_tells_so() -> None:
    """Each day has a tie of its own strength: a day without one is no fault, the others' loss is."""
    rng = np.random.default_rng(79)

    def rows(count: int, strength: float) -> Rows:
        steady, wild = rng.normal(size=(2, count))
        return {
            "steady": steady,
            "follows": 0.6 * steady + rng.normal(size=count),
            "wild": wild,
            "sometimes": strength * wild + rng.normal(size=count),
        }

    days = [rows(400, strength) for strength in rng.uniform(0.0, 1.2, 60)]
    shuffled = rng.permutation(60 * 400)
    training = {name: np.concatenate([day[name] for day in days])[shuffled] for name in days[0]}
    times = np.repeat(np.arange(60) * 86_400, 400)[shuffled]
    calm = rows(4_000, 0.1)
    assert names_of(compared(training, calm)) == {"wild", "sometimes"}
    day: dict[str, Any] = {"times": times, "span": dt.timedelta(days=1)}
    assert names_of(compared(training, calm, **day)) == set()
    broken = of_other_rows(calm, rng, 1.0, "follows")
    assert names_of(compared(training, broken, **day)) == {"steady", "follows"}
