"""The demo's data: joined by the hour, split by the calendar, missing where the station was silent."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import tensorflow as tf

from examples.flights import data


@pytest.fixture(scope="module")
def flights() -> pa.Table:
    return data.read_flights()


@pytest.fixture(scope="module")
def parts(flights: pa.Table) -> data.Flights:
    return data.split(flights)


def test_first_flight_is_joined_with_the_weather_of_its_hour(flights: pa.Table) -> None:
    # From flights.csv line 2 (05:15 on 1 January, 11 minutes late) and weather.csv (EWR, hour 5).
    assert flights.slice(0, 1).to_pylist()[0] == {
        "carrier": "UA",
        "origin": "EWR",
        "dest": "IAH",
        "weekday": "Tue",
        "departure": 5 * 60 + 15,
        "distance": 1400.0,
        "temp": pytest.approx(39.02),
        "humid": pytest.approx(64.43),
        "wind_dir": 260.0,
        "wind_speed": pytest.approx(12.65858),
        "pressure": pytest.approx(1011.9),
        "visib": 10.0,
        "late": 0,
        "month": 1,
        "time_hour": dt.datetime(2013, 1, 1, 10, tzinfo=dt.UTC),
    }


def test_every_row_is_there_and_only_weather_and_label_can_be_missing(flights: pa.Table) -> None:
    assert flights.num_rows == 336_776
    missing = {name for name in flights.column_names if flights[name].null_count}
    assert missing == {*data.WEATHER, data.LABEL}
    assert flights[data.LABEL].null_count == 9_430


def test_label_is_what_the_timetable_says(flights: pa.Table) -> None:
    delays = _column_of_the_package("arr_delay").to_pylist()
    expected = [None if delay is None else int(delay > 15) for delay in delays]
    assert flights[data.LABEL].to_pylist() == expected


def test_weekday_is_new_yorks_on_late_evenings(flights: pa.Table) -> None:
    from zoneinfo import ZoneInfo

    evening = flights.filter(pc.greater_equal(flights["departure"], 21 * 60)).slice(0, 2000)
    local = [time.astimezone(ZoneInfo("America/New_York")) for time in evening[data.TIME].to_pylist()]
    assert evening["weekday"].to_pylist() == [time.strftime("%a") for time in local]


def test_parts_are_disjoint_and_make_up_the_seven_months(flights: pa.Table, parts: data.Flights) -> None:
    spring = pc.sum(pc.less_equal(flights["month"], 6)).as_py()
    assert parts.training.num_rows + parts.held_out.num_rows == spring
    assert parts.july.num_rows == pc.sum(pc.equal(flights["month"], 7)).as_py()
    assert "month" not in parts.training.column_names


def test_held_out_is_a_fifth_and_the_same_every_time(flights: pa.Table, parts: data.Flights) -> None:
    share = parts.held_out.num_rows / (parts.training.num_rows + parts.held_out.num_rows)
    assert share == pytest.approx(0.2, abs=0.01)
    assert data.split(flights).held_out.equals(parts.held_out)


def test_a_fraction_is_a_part_of_the_whole(flights: pa.Table, parts: data.Flights) -> None:
    small = data.split(flights, 0.1)
    assert small.july.num_rows == pytest.approx(0.1 * parts.july.num_rows, rel=0.05)


def test_examples_hold_the_rows_and_leave_missing_values_out(parts: data.Flights, tmp_path: Path) -> None:
    table = parts.training.filter(pc.is_null(parts.training["pressure"])).slice(0, 10)
    data.write_examples(table, tmp_path / "train", shards=3)
    files = sorted(str(path) for path in (tmp_path / "train").iterdir())
    records = [record.numpy() for record in tf.data.TFRecordDataset(files, "GZIP")]
    read = sorted(map(_row, records), key=str)
    kept = table.drop([data.TIME]).to_pylist()
    assert len(files) == 3
    assert read == sorted(({k: v for k, v in row.items() if v is not None} for row in kept), key=_by(read))


def _by(_: object) -> Callable[[dict[str, Any]], str]:
    return lambda row: str({name: row[name] for name in sorted(row)})


def _row(record: bytes) -> dict[str, Any]:
    features = tf.train.Example.FromString(record).features.feature
    return {name: _value(features[name]) for name in sorted(features)}


def _value(feature: tf.train.Feature) -> Any:
    kind = feature.WhichOneof("kind")
    (value,) = getattr(feature, kind).value
    return value.decode() if kind == "bytes_list" else value


def _column_of_the_package(name: str) -> pa.ChunkedArray:
    archive = zipfile.ZipFile(data._package_folder() / "data" / "flights.csv.zip")
    with archive.open("flights.csv") as file:
        return pa.csv.read_csv(file, convert_options=pa.csv.ConvertOptions(null_values=["NA"]))[name]
