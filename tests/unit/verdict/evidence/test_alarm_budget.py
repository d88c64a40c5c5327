"""Rates of one comparison that keep to a budget of false alarms over time."""

from __future__ import annotations

import datetime as dt

import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.verdict.evidence.rates import alarm_budget
from trueserve.transforms.verdict.feature_stats import Statistics
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.thresholds import BUDGET, Thresholds, parse

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


def references(*spaces: Space) -> list[Reference]:
    return [Reference(schema_pb2.Schema(), Statistics(), space) for space in spaces]


@pytest.mark.parametrize(
    ("spaces", "slices", "families"),
    [
        ((Space.RAW,), False, 2),
        ((Space.RAW, Space.TRANSFORMED), False, 4),
        ((Space.TRANSFORMED,), False, 2),
        ((Space.RAW, Space.TRANSFORMED, Space.PREDICTION), True, 9),
        ((), False, 0),
    ],
)
def test_each_family_of_tests_is_counted(spaces: tuple[Space, ...], slices: bool, families: int) -> None:
    assert alarm_budget.comparisons(references(*spaces), slices=slices) == families


@pytest.mark.parametrize("length", [HOUR, 6 * HOUR, DAY])
@pytest.mark.parametrize("families", [1, 4, 9])
def test_all_windows_of_the_budgets_time_raise_one_false_alarm(length: dt.timedelta, families: int) -> None:
    policy = alarm_budget.for_window(Policy(), length, families)
    expected = policy.false_alarms * families * (BUDGET / length)
    assert expected <= 1 + 1e-9
    if policy.false_alarms < Policy().false_alarms:
        assert expected == pytest.approx(1)
    assert policy.natural_alarms / policy.false_alarms == pytest.approx(
        Policy().natural_alarms / Policy().false_alarms
    )


@pytest.mark.parametrize("length", [None, dt.timedelta(0), -DAY, 30 * DAY, 4 * BUDGET])
def test_a_window_of_no_known_length_and_a_long_one_keep_the_rate(length: dt.timedelta | None) -> None:
    assert alarm_budget.for_window(Policy(), length, 3) == Policy()


def test_the_users_budget_goes_before_ours() -> None:
    year = parse(b'format = 1\n[alarms]\nbudget = "P52W"', "t")
    assert year.budget == dt.timedelta(weeks=52)
    policy = alarm_budget.for_window(Policy(thresholds=year), DAY, 4)
    assert policy.false_alarms == pytest.approx(1 / 364 / 4)
    assert Thresholds().budget == parse(b"format = 1", "t").budget == BUDGET


@pytest.mark.parametrize("value", ['"P0D"', '"90"', "90", '""', "[]", "true", '"P99999999999D"'])
def test_what_is_no_time_is_refused_in_one_line(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(f"format = 1\n[alarms]\nbudget = {value}".encode(), "t.toml")
    assert str(caught.value).startswith("t.toml: [alarms] budget: expected the time in which one false alarm")
    assert "\n" not in str(caught.value)


def test_another_key_is_refused() -> None:
    with pytest.raises(UsageError, match=r"\[alarms\] budgets is no key here"):
        parse(b'format = 1\n[alarms]\nbudgets = "P90D"', "t")
