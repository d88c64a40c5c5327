"""How training's days and hours are counted: which features, what is said of rows without a time."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from support import past_windows
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.pipelines.baseline import periods
from trueserve.pipelines.baseline.periods import PeriodInputs
from trueserve.pipelines.display.console import Console
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.rows.parse_time import FORMS
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.variation import bins, store
from trueserve.transforms.verdict.variation.period_counts import Layout, PeriodCounts

SCHEMA = text_format.Parse(
    """
    default_environment: "TRAINING" default_environment: "SERVING"
    feature { name: "carrier" type: BYTES }
    feature { name: "stops" type: INT }
    feature { name: "late" type: INT not_in_environment: "SERVING" }
    """,
    schema_pb2.Schema(),
)
INPUTS = PeriodInputs((FileSize("a", 3), FileSize("b", 4)), "when", SCHEMA, "graph", "late")
DAY = dt.timedelta(days=1)
TEMPLATE = past_windows.statistics(10, 5)


def from_stops(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {"x": inputs["stops"]}


def test_the_time_is_left_out_where_nothing_is_computed_from_it() -> None:
    names = [feature.name for feature in periods.without_time(SCHEMA, "carrier", from_stops).feature]
    assert names == ["stops", "late"]
    assert periods.without_time(SCHEMA, "stops", from_stops) == SCHEMA
    assert len(SCHEMA.feature) == 3
    with pytest.raises(UsageError) as caught:
        periods.without_time(SCHEMA, "when", from_stops)
    assert str(caught.value) == (
        "--time_feature: the examples have no feature 'when'; they have: carrier, stops, late"
    )


def cells(space: Space, **fields: Any) -> set[str]:
    return set(periods._cells(dataclasses.replace(INPUTS, **fields), space, TEMPLATE))


def test_features_that_requests_have_get_cells() -> None:
    """Of the raw ones neither the label nor the time; what the graph gives is counted as a whole."""
    assert cells(Space.RAW) == {"carrier", "stops"}
    assert cells(Space.RAW, time_feature="stops") == {"carrier"}
    assert cells(Space.RAW, label="carrier") == {"stops"}
    assert cells(Space.TRANSFORMED, time_feature="stops", label="carrier") == {"carrier", "stops"}
    without = text_format.Parse('feature { name: "stops" type: INT }', schema_pb2.Schema())
    assert cells(Space.RAW, schema=without) == {"stops"}


def counts(times: Sequence[dt.datetime | None], *names: str) -> PeriodCounts:
    """Of rows of the carrier AA that came at these times."""
    all_cells = bins.of_statistics(TEMPLATE, names or ("carrier",))
    result = PeriodCounts(Layout.of(all_cells))
    columns = {
        "carrier": pa.array([[b"AA"]] * len(times), pa.large_list(pa.large_binary())),
        "stops": pa.array([[1]] * len(times), pa.large_list(pa.int64())),
    }
    result.add(pa.RecordBatch.from_pydict(columns), pa.array(times, pa.timestamp("us", tz="UTC")))
    return result


def hours(*numbers: float) -> list[dt.datetime]:
    return [past_windows.START + dt.timedelta(hours=number) for number in numbers]


def test_the_feature_with_the_most_periods_counts() -> None:
    variation = {"raw": store.of_counts(counts(hours(0, 1, 2), "carrier", "stops"))}
    short = {
        "day": {
            "carrier": kept(variation["raw"]["day"]["carrier"], 0),
            "stops": variation["raw"]["day"]["stops"],
        }
    }
    assert periods._num_periods(variation, "hour") == 3
    assert periods._num_periods({"raw": short}, "day") == 1
    assert periods._num_periods({"raw": short}, "hour") == 0
    assert periods._num_periods({"transformed": variation["raw"]}, "hour") == 0


def kept(feature: store.FeaturePeriods, number: int) -> store.FeaturePeriods:
    return feature.kept(np.arange(len(feature.periods)) < number)


@dataclasses.dataclass
class CountedJob:
    """In place of a Beam job: it leaves what was counted, by space."""

    temp: str
    results: dict[Space, PeriodCounts]
    options: None = None
    heartbeats: None = None
    faults: tuple[str, ...] = ()
    ran: list[tuple[str, int]] = dataclasses.field(default_factory=list)

    def run(self, pipeline: Any, text: str, total_bytes: int) -> None:
        self.ran.append((text, total_bytes))
        Path(self.temp, "third-reading").write_text(json.dumps(self.faults))
        Path(self.temp, "third-times").write_bytes(np.array([7, 8]).tobytes())
        for space, counted in self.results.items():
            target = Path(self.temp, f"third-{space.value}")
            target.write_bytes(store.to_bytes({space.value: store.of_counts(counted)}))
            rows = {"rows": counted.num_rows, "without_time": counted.without_time}
            target.with_name(f"{target.name}.json").write_text(json.dumps(rows))


@pytest.fixture
def count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, str, CountedJob]]:
    monkeypatch.setattr(periods, "build", lambda *_: None)

    def count(times: Sequence[dt.datetime | None], *faults: str) -> tuple[Any, str, CountedJob]:
        results = {space: counts(times) for space in (Space.RAW, Space.TRANSFORMED)}
        job, out = CountedJob(str(tmp_path), results, faults=faults), io.StringIO()
        results_of_count = periods.count(INPUTS, (), job, Console(out, io.StringIO()))  # type: ignore[arg-type]
        return results_of_count, out.getvalue(), job

    return count


def test_the_days_and_hours_of_both_spaces_are_kept(count: Any) -> None:
    result, out, job = count([*hours(0, 0.5, 25, 26), None])
    assert result.periods == {"day": 2, "hour": 3, "rows_without_time": 1}
    assert out == "kept 2 days, 3 hours; 1 of 5 rows have no time\n"
    assert job.ran == [("counting days and hours", 7)]
    spaces = store.from_bytes(result.variation)
    assert set(spaces) == {"raw", "transformed"}
    assert spaces["raw"]["day"]["carrier"].rows.tolist() == [2, 2]
    assert spaces["transformed"]["hour"]["carrier"].present.tolist() == [2, 1, 1]


def test_one_of_each_is_said_as_one(count: Any) -> None:
    result, out, _ = count(hours(0, 0.5))
    assert result.periods == {"day": 1, "hour": 1, "rows_without_time": 0}
    assert out == "kept 1 day, 1 hour\n"


def test_a_time_is_needed_in_some_row(count: Any) -> None:
    with pytest.raises(InputError) as caught:
        count([None, None])
    assert str(caught.value) == (
        f"no row has a time in feature 'when', in a form that is read, such as {FORMS}"
    )


def test_files_that_were_not_counted_to_their_end_are_said(count: Any) -> None:
    with pytest.raises(InputError, match=r"^log: the file was cut; other: is gone$"):
        count(hours(0), "log: the file was cut", "other: is gone")


@pytest.mark.parametrize(
    ("name", "text"),
    [("train.csv", "x,when\n{}"), ("other.csv", "x;when\n{}")],
)
def test_times_are_looked_at_before_anything_is_run(tmp_path: Path, name: str, text: str) -> None:
    path, separator = tmp_path / name, text[1]
    for time, is_read in (("07/14/2024", False), ("2024-07-14", True), ("", True)):
        path.write_text(text.format(f"1{separator}{time}\n" * 5))
        files = [FileSize(str(path), path.stat().st_size)]
        with (
            contextlib.nullcontext()
            if is_read
            else pytest.raises(InputError, match="'when' holds no time in")
        ):
            periods.check_time(files, "when")
    periods.check_time([], "when")
