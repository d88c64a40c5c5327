"""Times in all forms that logs have, as microseconds."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueserve.transforms.logs.rows.parse_time import micros_of
from trueserve.transforms.logs.rows.times import epoch_times

AT = 1_591_203_604_000_000  # 2020-06-03 17:00:04 UTC


@pytest.mark.parametrize(
    "value",
    [
        "2020-06-03 17:00:04 UTC",
        "2020-06-03T17:00:04Z",
        "2020-06-03T19:00:04+02:00",
        "2020-06-03 17:00:04",
        "2020-06-03 17:00:04.000000 UTC",
        b"2020-06-03T17:00:04.000000000Z",
        "2020-06-03 17:00:04 GMT",
        "2020-06-03T19:00:04+0200",
        "2020-06-03 19:00:04 +0200",
        "2020-06-03 12:00:04 -05:00",
        "20200603T170004Z",
        "2020/06/03 17:00:04",
        "2020/06/03 17:00:04 UTC",
        "Wed, 03 Jun 2020 17:00:04 GMT",
        "3 Jun 2020 19:00:04 +0200",
        "Wed, 03-Jun-2020 17:00:04 GMT",
        "03/Jun/2020:19:00:04 +0200",
        "[03/Jun/2020:17:00:04 +0000]",
        "1591203604",
        "1591203604.0",
        "1.591203604E9",
        AT // 1_000_000,
        AT // 1_000,
        AT,
        AT * 1_000,
        float(AT) / 1e6,
        dt.datetime(2020, 6, 3, 17, 0, 4),
        dt.datetime(2020, 6, 3, 17, 0, 4, tzinfo=dt.UTC),
        dt.datetime(2020, 6, 3, 12, 0, 4, tzinfo=dt.timezone(dt.timedelta(hours=-5))),
    ],
)
def test_times_in_all_their_forms(value: object) -> None:
    assert micros_of(value) == AT


def test_dates_and_fractions_of_seconds_are_times() -> None:
    assert (
        micros_of(dt.date(2020, 6, 3))
        == micros_of("2020-06-03")
        == micros_of("20200603")
        == micros_of(20200603)
        == micros_of("2020/06/03")
        == AT - 61_204_000_000
    )
    assert micros_of(1591203604.25) == micros_of("2020-06-03 17:00:04.25 UTC") == AT + 250_000


AMBIGUOUS = [
    "06/03/2020",
    "06/03/2020 17:00:04",
    "03.06.2020 17:00",
    "06-03-2020",
    "2020-06-03 17:00:04 Europe/Berlin",
    "2020-06-03 17:00:04 CST",
    "Wed, 31 Feb 2020 17:00:04 GMT",
    "2020/06-03 17:00:04",
    "17:00:04",
]
NO_TIMES = [
    None,
    True,
    0,
    -1,
    0.0,
    math.nan,
    math.inf,
    1 << 63,
    1e300,
    10**400,
    "",
    "now",
    *AMBIGUOUS,
    "\ud800",
    b"\xff",
]


@pytest.mark.parametrize("value", [*NO_TIMES, "9" * 100, [AT], {}, dt.datetime(1, 1, 1), dt.date(1970, 1, 1)])
def test_what_is_no_time_is_none(value: object) -> None:
    assert micros_of(value) is None


@given(st.datetimes(min_value=dt.datetime(1970, 1, 2), timezones=st.timezones()))
def test_a_time_is_the_same_as_text(time: dt.datetime) -> None:
    assert micros_of(time) == micros_of(time.isoformat()) or time.utcoffset() is None


@given(st.lists(st.integers(-5, 2**63 - 1) | st.integers(19_000_000, 21_001_300) | st.integers(0, 2 * 10**9)))
def test_columns_of_numbers_are_the_times_of_their_numbers(numbers: list[int]) -> None:
    column = epoch_times(np.array(numbers, np.int64)).cast(pa.int64())
    assert column.to_pylist() == [micros_of(number) for number in numbers]


def test_eight_digits_that_are_no_date_are_no_time() -> None:
    assert micros_of(20201303) is micros_of("20201303") is None
