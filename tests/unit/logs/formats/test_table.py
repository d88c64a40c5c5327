from __future__ import annotations

import bz2
import datetime as dt
import decimal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.carriers import TIMESTAMP, Rows, Types, avro_file, avro_of, csv_of, gzipped, json_of, parquet_of
from support.logs import as_float32, rows_of, settings

from trueserve.transforms.core.accounting import Accounting, total
from trueserve.transforms.core.batches import Decoded, Fault, Window
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.detect import detect_log
from trueserve.transforms.logs.features import Expected, FeatureType
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.table import TableParser
from trueserve.transforms.logs.request import Request

Write = Callable[[Rows, Types], bytes]

INT, FLOAT, BYTES = FeatureType.INT, FeatureType.FLOAT, FeatureType.BYTES
EXPECTED = Expected(
    {"age": INT, "fare": FLOAT, "word": BYTES},
    single=frozenset({"age", "fare", "word"}),
    elsewhere=frozenset(),
)
TYPES: Types = {
    "age": ("long", pa.int64()),
    "fare": ("double", pa.float64()),
    "word": ("string", pa.string()),
    "when": (TIMESTAMP, pa.timestamp("us", tz="UTC")),
    "served_by": ("long", pa.int64()),
    "more": ("string", pa.string()),
}
START = dt.datetime(2013, 7, 14, tzinfo=dt.UTC)
WINDOW = Window(START, START + dt.timedelta(hours=1))


def row(i: int) -> dict[str, Any]:
    """Rows with everything, and with something missing; every tenth is outside the window or has no time."""
    # Floats with a fraction, as JSON has no other way to tell them from whole numbers.
    full = {"age": i, "fare": i + 0.1, "word": f'wörd "{i % 7}",\n', "served_by": 3 + i % 2, "more": "?"}
    kept = {name: value for n, (name, value) in enumerate(full.items()) if (i + n) % 5 or name == "served_by"}
    time = START + dt.timedelta(seconds=i) if i % 10 else START - dt.timedelta(microseconds=1)
    return kept | ({} if i % 20 == 0 else {"when": time})


ROWS = [row(i) for i in range(3000)]
CARRIERS: dict[str, Write] = {
    "log.csv": csv_of,
    "log.json": json_of,
    "log.avro": avro_of,
    "log.parquet": parquet_of,
    "log.csv.gz": gzipped(csv_of),
    "log.json.gz": gzipped(json_of),
    "log.avro.gz": gzipped(avro_of),
    "log": lambda rows, types: bz2.compress(json_of(rows, types)),
}
TELLING = {"time_feature": "when", "version_feature": "served_by"}


def decoded(folder: Path, data: bytes, name: str = "log", **changes: Any) -> list[Decoded | Fault]:
    (folder / name).write_bytes(data)
    file = FileSize(str(folder / name), len(data))
    assert detect_log([file]) is Format.TABLE
    parts = list(decode_file(file, Format.TABLE, settings(**{"expected": EXPECTED, **changes})))
    assert counts(parts).balance() == 0
    return parts


def counts(parts: Sequence[Decoded | Fault]) -> Accounting:
    return total(part.accounting for part in parts if isinstance(part, Decoded))


def request_columns(parts: Sequence[Decoded | Fault]) -> list[dict[str, Any]]:
    """What is told of each row's request: its time, version and record."""
    batches = [part.batch.metadata for part in parts if isinstance(part, Decoded) and part.batch]
    return [
        {name: row[name] for name in ("time", "version", "record")}
        for batch in batches
        for row in batch.to_pylist()
    ]


def plain(rows: Rows) -> list[dict[str, Any]]:
    """The features of the rows in the window, worked out plainly."""
    return [
        ({"age": [row["age"]]} if "age" in row else {})
        | ({"fare": [as_float32(row["fare"])]} if "fare" in row else {})
        | ({"word": [row["word"].encode()]} if "word" in row else {})
        for row in rows
        if row.get("when", START - dt.timedelta(1)) >= START
    ]


@pytest.mark.parametrize("name", CARRIERS)
def test_rows_have_the_same_features_and_counts_whatever_carries_them(tmp_path: Path, name: str) -> None:
    parts = decoded(tmp_path, CARRIERS[name](ROWS, TYPES), name, window=WINDOW, **TELLING)
    assert rows_of(parts) == plain(ROWS)
    inside = [i for i in range(3000) if i % 10]
    assert request_columns(parts) == [
        {"time": START + dt.timedelta(seconds=i), "version": str(3 + i % 2), "record": i} for i in inside
    ]
    sums = counts(parts)
    assert (sums.read, sums.decoded, sums.rows) == (3000, 2700, 2700)
    assert (sums.outside_window, sums.no_time, sums.rejected.total()) == (150, 150, 0)
    with_more = sum("more" in ROWS[i] for i in inside)
    assert sums.forms == {("more", "unknown_feature"): with_more, ("when", "absent_time"): 150}


@pytest.mark.parametrize("name", CARRIERS)
def test_time_and_version_stay_features_where_the_schema_has_them(tmp_path: Path, name: str) -> None:
    expected = Expected({"when": INT, "served_by": FLOAT}, single=frozenset({"when", "served_by"}))
    types = {name: TYPES[name] for name in ("when", "served_by")}
    rows = [{"when": START, "served_by": 3}, {}]
    if "csv" in name or "json" in name or name == "log":
        # There a time that is a number is written as one.
        rows[0]["when"] = 1373760000 * 10**6
    parts = decoded(tmp_path, CARRIERS[name](rows, types), name, expected=expected, **TELLING)
    assert rows_of(parts) == [{"when": [1373760000 * 10**6], "served_by": [3.0]}, {}]
    assert [(row["time"], row["version"]) for row in request_columns(parts)] == [(START, "3"), (None, None)]


def test_a_time_is_a_text_where_the_schema_has_texts(tmp_path: Path) -> None:
    expected = Expected({"when": BYTES}, single=frozenset({"when"}))
    parts = decoded(
        tmp_path, avro_of([{"when": START}], {"when": TYPES["when"]}), expected=expected, **TELLING
    )
    assert rows_of(parts) == [{"when": [b"2013-07-14 00:00:00 UTC"]}]
    assert request_columns(parts)[0]["time"] == START


@pytest.mark.parametrize(
    ("value", "avro", "arrow", "wanted"),
    [
        (3, "long", pa.int64(), "3"),
        (3.0, "double", pa.float64(), "3"),
        ("1.0.2", "string", pa.string(), "1.0.2"),
        ("0042", "string", pa.string(), "0042"),
        ("", "string", pa.string(), None),
    ],
)
def test_the_version_is_a_text(tmp_path: Path, value: Any, avro: Any, arrow: Any, wanted: str | None) -> None:
    types: Types = {"age": TYPES["age"], "served_by": (avro, arrow)}
    rows = [{"age": 1, "served_by": value}, {"age": 2}]
    for name, write in CARRIERS.items():
        parts = decoded(tmp_path, write(rows, types), name, version_feature="served_by")
        # In CSV a number is a text, too, and stays what it is.
        as_it_stands = "3.0" if value == 3.0 and isinstance(value, float) and "csv" in name else wanted
        assert [row["version"] for row in request_columns(parts)] == [as_it_stands, None]
        assert not counts(parts).forms


def test_lines_that_hold_no_row_are_rejects_and_lists_are_values(tmp_path: Path) -> None:
    data = b'{"age": 1}\n[2]\n{"age"\n{"age": [4], "fare": {"x": 1}}\n'
    parts = decoded(tmp_path, data)
    assert rows_of(parts) == [{"age": [1]}, {"age": [4]}]
    rejects = [reject for part in parts if isinstance(part, Decoded) for reject in part.rejects]
    assert [(reject.record, reject.reason) for reject in rejects] == [(1, "not_an_object"), (2, "not_json")]
    assert counts(parts).forms["fare", "object_for_float"] == 1


def test_a_log_that_ends_early_is_a_fault_after_its_rows(tmp_path: Path) -> None:
    for name in ("log.json.gz", "log.csv.gz", "log.avro"):
        data = CARRIERS[name](ROWS, TYPES)
        parts = decoded(tmp_path, data[: len(data) * 9 // 10], name, **TELLING)
        assert isinstance(parts[-1], Fault)
        assert parts[-1].reason == "truncated"


def test_decimals_and_lists_of_avro(tmp_path: Path) -> None:
    number = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 9}
    fields = [
        {"name": "fare", "type": number},
        {"name": "age", "type": {"type": "array", "items": TIMESTAMP}},
    ]
    data = avro_file(
        {"type": "record", "name": "Row", "fields": fields},
        [{"fare": decimal.Decimal("1.5"), "age": [START]}],
    )
    [row] = rows_of(decoded(tmp_path, data, expected=Expected({"fare": FLOAT, "age": INT})))
    assert row == {"fare": [1.5], "age": [1373760000 * 10**6]}


def test_without_a_version_feature_nothing_is_taken_for_one() -> None:
    assert TableParser(settings()).parse({"version": 1}) == Request([{"version": 1}], exact=True)
