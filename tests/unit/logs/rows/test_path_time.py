"""Dates in paths of files."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueserve.transforms.logs.rows.path_time import micros_of_path


@pytest.mark.parametrize(
    ("path", "time"),
    [
        ("s3://bucket/logs/2023/05/31/09/id-request.json", (2023, 5, 31, 9)),
        ("s3://bucket/logs/2023/05/31/id-request.json", (2023, 5, 31)),
        ("gs://bucket/year=2023/month=05/day=31/hour=07/part-0", (2023, 5, 31, 7)),
        ("/logs/dt=2023-05-31/part-0.parquet", (2023, 5, 31)),
        ("/logs/2023-05-31/09/part-0", (2023, 5, 31, 9)),
        ("/logs/2023-05-31T09/part-0", (2023, 5, 31, 9)),
        ("/2020/01/01/again/2023/05/31/x", (2023, 5, 31)),
        ("/logs/requests-20230531T05.json", (2023, 5, 31, 5)),
        ("requests-2023-05-31.json", (2023, 5, 31)),
        ("/2023/05/31/requests-2020-01-01.json", (2023, 5, 31)),
        ("/logs/2023/05/31/0912.json", (2023, 5, 31)),
        ("/logs/2023/13/31/x", None),
        ("/logs/2023/05/31/25/x", (2023, 5, 31)),
        ("2023/05/31/42/x.json", (2023, 5, 31)),
        ("/logs/2023/05/31/24/x", (2023, 5, 31)),
        ("/logs/2023/05/31/23/x", (2023, 5, 31, 23)),
        ("/logs/year=2023/month=05/day=31/hour=42/x", (2023, 5, 31)),
        ("/logs/12023/05/31/x", None),
        ("/logs/0009174a-2024-4603-b098-09c8799950e9-request.json", None),
        ("/logs/x", None),
        ("", None),
    ],
)
def test_the_start_of_the_day_or_hour_in_a_path(path: str, time: tuple[int, ...] | None) -> None:
    wanted = None if time is None else dt.datetime(*time, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]
    assert micros_of_path(path) == (None if wanted is None else wanted.timestamp() * 1e6)


@given(st.text(alphabet="0123456789/-=T.年", max_size=40))
def test_any_path_has_a_time_or_none(path: str) -> None:
    micros = micros_of_path(path)
    assert micros is None or dt.datetime.fromtimestamp(micros / 1e6, dt.UTC).year >= 2000
