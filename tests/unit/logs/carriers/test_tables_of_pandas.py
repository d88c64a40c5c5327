"""Tables of pandas: whole numbers among floats, row numbers, and times as floats of seconds."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import math

import pyarrow as pa
import pyarrow.parquet as pq
from support.logs import rows_of, settings

from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.logs.carriers.csv_header import csv_header
from trueserve.transforms.logs.carriers.csv_tables import csv_types
from trueserve.transforms.logs.carriers.csv_tables import decode_csv as decoded_csv
from trueserve.transforms.logs.carriers.parquet.tables import decode_parquet
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.rows.rows import RecordPosition

INT, FLOAT = FeatureType.INT, FeatureType.FLOAT
POSITION = RecordPosition("table", 0)


def types_of(text: bytes) -> dict[str, FeatureType]:
    return csv_types(io.BytesIO(text), csv_header(io.BytesIO(text)))


def decode_csv(text: bytes, given: Settings | None = None) -> list[Decoded]:
    used = given or Settings(seen=types_of(text))
    return list(decoded_csv(io.BytesIO(text), csv_header(io.BytesIO(text)), used, POSITION))


def decoded_parquet(table: pa.Table, given: Settings | None = None) -> list[Decoded]:
    stream = io.BytesIO()
    pq.write_table(table, stream)
    stream.seek(0)
    return list(decode_parquet(stream, given or Settings(), POSITION))


def test_a_value_that_does_not_fit_costs_its_own_row() -> None:
    values = [float(number) for number in range(2000)]
    values[7] = 3.5
    lists_of = [[1.0, 2.0], [1.0, 2.5], None, []]
    large = [2.0**53, 2.0**63, math.nan, -(2.0**63)]
    expected = Expected({"n": INT, "l": INT, "big": INT})
    [part] = decoded_parquet(pa.table({"n": values}), Settings(expected=expected))
    assert [row.get("n") for row in rows_of([part])] == [
        None if number == 7 else [number] for number in range(2000)
    ]
    [part] = decoded_parquet(pa.table({"l": lists_of, "big": large}), Settings(expected=expected))
    assert rows_of([part]) == [{"l": [1, 2], "big": [2**53]}, {}, {}, {"big": [-(2**63)]}]
    assert part.accounting.forms == {
        ("l", "point_zero"): 1,
        ("l", "float_for_int"): 1,
        ("big", "point_zero"): 2,
        ("big", "nan"): 1,
        ("big", "long_int_for_int"): 1,
    }


def test_whole_numbers_with_a_point_are_ints_where_those_are_wanted() -> None:
    used = Settings(expected=Expected({"n": INT, "y": FLOAT}))
    parts = decode_csv(b"n,y\n3.0,1.0\n 4. ,2\n5,3.5\n,\n3.5,1\n\xff.0,1\n-2.00,1\n", used)
    assert [row.get("n") for row in rows_of(parts)] == [[3], [4], [5], None, None, None, [-2]]
    forms = total(part.accounting for part in parts).forms
    assert forms == {("n", "point_zero"): 3, ("n", "bytes_for_int"): 1, ("n", "float_for_int"): 1}
    assert types_of(b"n\n3.0\n4.0\n") == {"n": FLOAT}


def test_row_numbers_of_pandas_are_left_out() -> None:
    text = b",age\n7,1\n3,2\n"
    assert types_of(text) == {"age": INT}
    assert rows_of(decode_csv(text)) == rows_of(decode_csv(text, settings())) == [{"age": [1]}, {"age": [2]}]
    table = pa.table({"age": [1, 2], "__index_level_0__": [7, 3]})
    for parts in (decoded_parquet(table), decoded_parquet(table, settings())):
        assert rows_of(parts) == [{"age": [1]}, {"age": [2]}]
        assert not total(part.accounting for part in parts).forms
    wanted = Settings(expected=Expected({"__index_level_0__": INT}))
    assert rows_of(decoded_parquet(table, wanted)) == [{"__index_level_0__": [7]}, {"__index_level_0__": [3]}]


TIME = 1_720_933_200.123456


def test_times_are_read_to_the_microsecond_in_every_table() -> None:
    used = dataclasses.replace(settings(), time_feature="t")
    as_text = decode_csv(f"age,t\n1,{TIME:.6f}\n2,\n3,{TIME * 1000:.3f}\n".encode(), used)
    table = pa.table({"age": [1, 2, 3], "t": [TIME, None, TIME * 1000]})
    for parts in (as_text, decoded_parquet(table, used)):
        assert sum(part.accounting.no_time for part in parts) == 0
        times = [time for part in parts if part.batch for time in part.batch.metadata["time"].to_pylist()]
        expected = dt.datetime(2024, 7, 14, 5, 0, 0, 123456, dt.UTC)
        assert times == [expected, None, expected]
        assert [*rows_of(parts)[0]] == ["age"]
