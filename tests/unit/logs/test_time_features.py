"""Times in features: read in every carrier, also where the schema's floats hold none, or called unread."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.carriers import Types, avro_of, csv_of, json_of, parquet_of
from support.logs import rows_of

from trueserve.transforms.core.accounting import Accounting, total
from trueserve.transforms.core.batches import Decoded, Window
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.carriers.text.text_form import TextForm
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.formats.format_names import Format

FLOAT = FeatureType.FLOAT
NO_TIME = Expected({"x": FLOAT}, single=frozenset("x"))
FLOAT_TIME = Expected({"x": FLOAT, "t": FLOAT}, single=frozenset("xt"))
AT = dt.datetime(2024, 7, 14, 5, 0, 1, 250_000, tzinfo=dt.UTC)
WINDOW = Window(AT.replace(second=0, microsecond=0), AT + dt.timedelta(hours=1))
WRITERS = {"csv": csv_of, "json": json_of, "avro": avro_of, "parquet": parquet_of}
NUMBER, TEXT = ("double", pa.float64()), ("string", pa.string())


def read(
    folder: Path, carrier: str, values: list[Any], kind: Any, expected: Expected, **changes: Any
) -> tuple[list[Any], Accounting]:
    """The times of the rows in the window, and the accounting."""
    rows = [{"x": 0.5} if value is None else {"x": 0.5, "t": value} for value in values]
    types: Types = {"x": NUMBER, "t": kind}
    path, data = folder / f"log.{carrier}", WRITERS[carrier](rows, types)
    path.write_bytes(data)
    given = Settings(expected=expected, **{"window": WINDOW, "time_feature": "t", **changes})
    parts = [*decode_file(FileSize(str(path), len(data)), Format.TABLE, given)]
    decoded = [part for part in parts if isinstance(part, Decoded)]
    assert len(decoded) == len(parts), parts
    accounting = total(part.accounting for part in decoded)
    assert accounting.balance() == 0
    batches = [part.batch for part in decoded if part.batch]
    return [time for batch in batches for time in batch.metadata["time"].to_pylist()], accounting


@pytest.mark.parametrize("carrier", WRITERS)
@pytest.mark.parametrize("expected", [NO_TIME, FLOAT_TIME])
def test_seconds_with_a_fraction_are_times(tmp_path: Path, carrier: str, expected: Expected) -> None:
    times, accounting = read(tmp_path, carrier, [AT.timestamp()], NUMBER, expected)
    assert times == [AT]
    assert not accounting.forms


@pytest.mark.parametrize("carrier", WRITERS)
def test_times_that_are_not_read_are_counted_as_that(tmp_path: Path, carrier: str) -> None:
    values = ["07/14/2024 05:00:00 AM", "Sun, 14 Jul 2024 05:00:01 GMT", None, "14.07.2024"]
    times, accounting = read(tmp_path, carrier, values, TEXT, NO_TIME)
    assert times == [AT.replace(microsecond=0)]
    assert accounting.no_time == 3
    assert accounting.forms == {("t", "unread_time"): 2, ("t", "absent_time"): 1}


@pytest.mark.parametrize("carrier", WRITERS)
def test_a_feature_that_nobody_named_for_this_log_fills_in(tmp_path: Path, carrier: str) -> None:
    times, accounting = read(tmp_path, carrier, [AT.isoformat(), None], TEXT, NO_TIME, log_time_first=True)
    assert times == [AT]
    assert (accounting.no_time, accounting.forms) == (1, {})


def test_the_time_of_the_log_comes_before_a_feature_that_nobody_named(tmp_path: Path) -> None:
    body = '{"time": "2024-07-14T05:00:02Z", "instances": [{"x": 0.5, "t": "2024-07-14T05:30:00Z"}]}\n'
    (tmp_path / "log.jsonl").write_text(body)
    file = FileSize(str(tmp_path / "log.jsonl"), len(body))
    for first, second in ((True, 2), (False, 1800)):
        given = Settings(NO_TIME, time_feature="t", log_time_first=first)
        [decoded, _] = decode_file(file, Format.REST, given)
        assert isinstance(decoded, Decoded)
        assert decoded.batch is not None
        [time] = decoded.batch.metadata["time"].to_pylist()
        assert time == AT.replace(second=0, microsecond=0) + dt.timedelta(seconds=second)


@pytest.mark.parametrize("carrier", ["json", "csv"])
def test_texts_that_mean_missing_are_no_numbers(tmp_path: Path, carrier: str) -> None:
    rows = [{"x": value, "w": "NA"} for value in ("NA", 1.5, "nA")]
    data = WRITERS[carrier](rows, {"x": NUMBER, "w": TEXT})
    (tmp_path / f"log.{carrier}").write_bytes(data)
    expected = Expected({"x": FLOAT, "w": FeatureType.BYTES}, single=frozenset({"x", "w"}))
    given = Settings(expected, text=TextForm(missing_values=frozenset({"NA"})))
    parts = [*decode_file(FileSize(str(tmp_path / f"log.{carrier}"), len(data)), Format.TABLE, given)]
    forms = total(part.accounting for part in parts if isinstance(part, Decoded)).forms
    of_text = {("w", "missing_text"): 3} if carrier == "csv" else {}
    assert forms == {("x", "missing_text"): 1, ("x", "bytes_for_float"): 1} | of_text


@pytest.mark.parametrize(
    ("value", "kept"), [(["NA"], None), (["NA", 1.5], [1.5]), ([["NA"], [2.5]], [2.5]), (["-9"], None)]
)
def test_texts_that_mean_missing_are_no_numbers_in_lists(tmp_path: Path, value: Any, kept: Any) -> None:
    data = WRITERS["json"]([{"x": value}, {"x": [1.5]}], {"x": NUMBER})
    (tmp_path / "log.json").write_bytes(data)
    given = Settings(Expected({"x": FLOAT}), text=TextForm(missing_values=frozenset({"NA", "-9"})))
    parts = [*decode_file(FileSize(str(tmp_path / "log.json"), len(data)), Format.TABLE, given)]
    assert rows_of(parts) == [{} if kept is None else {"x": kept}, {"x": [1.5]}]
    assert total(part.accounting for part in parts if isinstance(part, Decoded)).forms == {
        ("x", "missing_text"): 1
    }
