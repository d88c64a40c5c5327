from __future__ import annotations

import csv
import datetime as dt
import decimal
import io
import math
import pickle
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.logs import as_float32, rows_of, settings

from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.logs.carriers import csv_tables, tables
from trueserve.transforms.logs.carriers.csv_header import csv_header
from trueserve.transforms.logs.carriers.parquet import tables as parquet_tables
from trueserve.transforms.logs.carriers.parquet.tables import decode_parquet
from trueserve.transforms.logs.carriers.table_error import TableError
from trueserve.transforms.logs.carriers.text_types import widest
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.rows.rows import RecordPosition

INT, FLOAT, BYTES = FeatureType.INT, FeatureType.FLOAT, FeatureType.BYTES
POSITION = RecordPosition("table", 0)


def types_of(text: bytes) -> dict[str, FeatureType]:
    return csv_tables.csv_types(io.BytesIO(text), csv_header(io.BytesIO(text)))


def decode_csv(text: bytes, given: Settings | None = None) -> list[Decoded]:
    used = given or Settings(seen=types_of(text))
    parts = list(csv_tables.decode_csv(io.BytesIO(text), csv_header(io.BytesIO(text)), used, POSITION))
    assert total(part.accounting for part in parts).balance() == 0
    return parts


def decoded_parquet(table: pa.Table, given: Settings | None = None) -> list[Decoded]:
    stream = io.BytesIO()
    pq.write_table(table, stream)
    stream.seek(0)
    return list(decode_parquet(stream, given or Settings(), POSITION))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", " 3 ", "+4", ""], INT),
        (["0042", "9223372036854775807"], INT),
        (["1", "2.5", "1e3", ".5", "nan", "-inf", "+1."], FLOAT),
        (["1", "x"], BYTES),
        (["1_000"], BYTES),
        (["0x1F"], BYTES),
        (["9223372036854775808123"], BYTES),
        (["2013-07-14"], BYTES),
        (["", ""], None),
    ],
)
def test_a_column_has_the_narrowest_type_of_all_its_values(
    values: list[str], kind: FeatureType | None
) -> None:
    text = "c,other\n" + "".join(f'"{value}",1\n' for value in values)
    assert types_of(text.encode()).get("c") is kind


def test_types_widen_over_files() -> None:
    parts = [{"a": INT, "b": FLOAT, "c": BYTES}, {"a": FLOAT, "b": INT}, {"d": INT}]
    assert widest(parts) == {"a": FLOAT, "b": FLOAT, "c": BYTES, "d": INT}


def test_a_late_value_decides_the_type() -> None:
    assert types_of(b"a\n" + b"1\n" * 1_500_000 + b"x\n") == {"a": BYTES}


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(width=32, allow_nan=False),
            CELLS,
        ),
        min_size=1,
        max_size=8,
    )
)
@hypothesis_settings(max_examples=40, deadline=None)
def test_what_pythons_writer_wrote_is_read(rows: list[tuple[int | None, float | None, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([("age", "fare", "word"), *rows])
    wanted = [
        ({} if age is None else {"age": [age]})
        | ({} if fare is None else {"fare": [as_float32(fare)]})
        | ({"word": [word.encode()]} if word else {})
        for age, fare, word in rows
    ]
    parts = decode_csv(text.getvalue().encode(), settings())
    assert rows_of(parts) == wanted
    assert not total(part.accounting for part in parts).forms


def test_csv_as_it_comes_from_elsewhere() -> None:
    text = b'\xef\xbb\xbfage,word\r\n1,"a ""b"", c\nd"\r\n,\xff\r\n3,""'
    assert rows_of(decode_csv(text)) == [
        {"age": [1], "word": [b'a "b", c\nd']},
        {"word": [b"\xff"]},
        {"age": [3]},
    ]


def test_values_that_do_not_parse_are_counted_and_null() -> None:
    text = b"age,fare,more\n1,1,x\ntwo,2,\n3.5,,y\n"
    parts = decode_csv(text, settings())
    assert rows_of(parts) == [{"age": [1], "fare": [1.0]}, {"fare": [2.0]}, {}]
    counted = {("age", "bytes_for_int"): 1, ("age", "float_for_int"): 1, ("more", "unknown_feature"): 2}
    assert total(part.accounting for part in parts).forms == counted


def test_a_row_of_another_length_is_a_reject_with_its_number() -> None:
    parts = decode_csv(b"age,fare\n1,1\n2\n3,3\n4,4,4\n5,5\n")
    rejects = [reject for part in parts for reject in part.rejects]
    assert [(r.record, r.reason) for r in rejects] == [(1, "bad_csv_row"), (3, "bad_csv_row")]
    assert rejects[0].detail == "expected 2 values, as the header has, and got 1"
    numbers = [n for part in parts if part.batch for n in part.batch.metadata["record"].to_pylist()]
    assert numbers == [0, 2, 4]


@pytest.mark.parametrize("text", [b"a,a\n1,2\n", b"a,\n1,2\n"])
def test_a_header_that_names_no_columns_is_an_error(text: bytes) -> None:
    with pytest.raises(TableError) as caught:
        csv_header(io.BytesIO(text))
    assert caught.value.reason == "bad_header"


def test_a_header_alone_has_no_rows() -> None:
    assert decode_csv(b"age,fare\n") == []
    assert csv_header(io.BytesIO(b"")) == []


def test_batches_carry_no_more_than_their_rows() -> None:
    parts = decode_csv(b"word\n" + b"abcdefgh\n" * 100_000)
    assert len(parts) > 10
    assert all(len(pickle.dumps(part.batch)) < 1_500_000 for part in parts)
    table = pa.table({"word": ["abcdefgh"] * 100_000, "age": range(100_000)})
    parts = decoded_parquet(table)
    assert len(parts) == math.ceil(100_000 / tables.MAX_ROWS)
    assert all(len(pickle.dumps(part.batch)) < 1_500_000 for part in parts)


NOON = dt.datetime(2013, 7, 14, 12)
MICROS = 1373803200 * 10**6


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (pa.array([1, None, 3], pa.int8()), [[1], None, [3]]),
        (pa.array([2**63 - 1], pa.uint64()), [[2**63 - 1]]),
        (pa.array([True, False, None]), [[1], [0], None]),
        (pa.array([0.1, math.inf, None]), [[as_float32(0.1)], [math.inf], None]),
        (pa.array([decimal.Decimal("1.5")]), [[1.5]]),
        (pa.array(["a", "", None]), [[b"a"], [b""], None]),
        (pa.array([b"a"], pa.binary(1)), [[b"a"]]),
        (pa.array(["x", "y", None, "x"]).dictionary_encode(), [[b"x"], [b"y"], None, [b"x"]]),
        (pa.array([[1, None, 2], [], None], pa.list_(pa.int32())), [[1, 2], None, None]),
        (pa.array([["a"], None], pa.large_list(pa.string())), [[b"a"], None]),
        (pa.array([NOON], pa.timestamp("ns")), [[MICROS]]),
        (pa.array([NOON], pa.timestamp("ms", tz="UTC")), [[MICROS]]),
        (pa.array([NOON.date()]), [[MICROS - 12 * 3600 * 10**6]]),
    ],
)
def test_parquet_types(column: pa.Array, wanted: list[Any]) -> None:
    [part] = decoded_parquet(pa.table({"c": column}))
    assert part.batch is not None
    assert part.batch.features["c"].to_pylist() == wanted
    assert part.batch.metadata["record"].to_pylist() == list(range(len(wanted)))


def test_whole_numbers_are_fitted_both_ways() -> None:
    expected = Expected({"age": INT, "fare": FLOAT, "odd": INT})
    table = pa.table({"age": [1.0, None], "fare": [2, 3], "odd": [1.5, 2.0]})
    [part] = decoded_parquet(table, Settings(expected=expected))
    assert rows_of([part]) == [{"age": [1], "fare": [2.0]}, {"fare": [3.0], "odd": [2]}]
    assert part.accounting.forms == {
        ("age", "point_zero"): 1,
        ("fare", "whole_number"): 2,
        ("odd", "point_zero"): 1,
        ("odd", "float_for_int"): 1,
    }


def test_whole_numbers_of_both_spellings_are_counted() -> None:
    parts = decode_csv(b"age\n1e3\n3.0\n4\n", Settings(expected=Expected({"age": INT})))
    assert rows_of(parts) == [{"age": [1000]}, {"age": [3]}, {"age": [4]}]
    assert total(part.accounting for part in parts).forms == {("age", "point_zero"): 2}


@pytest.mark.parametrize("big", ["9223372036854775808", " 12345678901234567890", "-9999999999999999999 "])
def test_whole_numbers_beyond_int64_are_identifiers(big: str) -> None:
    types = csv_tables.csv_types(io.BytesIO(f"id,n\n{big},1\n2,{2**63 - 1}\n".encode()), ["id", "n"])
    assert types == {"id": BYTES, "n": INT}


def test_nan_for_an_int_costs_no_other_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(parquet_tables, "_by_row")
    values = [[1.0], [math.nan], None, [2.5], [3.0, math.nan], [], [1.5, math.nan]]
    for column, counted in (
        (values, {"point_zero": 2, "nan": 3, "float_for_int": 2}),
        (pa.array([1.0, math.nan, None, 2.5]), {"point_zero": 1, "nan": 1, "float_for_int": 1}),
    ):
        [part] = decoded_parquet(pa.table({"age": column}), Settings(expected=Expected({"age": INT})))
        assert rows_of([part]) == [{"age": [1]}, {}, {}, {}, {"age": [3]}, {}, {}][: len(column)]
        assert {form: count for (_, form), count in part.accounting.forms.items()} == counted


def test_a_list_of_structs_is_an_error_only_where_it_is_asked_for() -> None:
    table = pa.table({"age": [1], "s": [[{"x": 1}]]})
    with pytest.raises(TableError, match=r"column 's' is list<(item|element): struct<x: int64>>"):
        decoded_parquet(table)
    [part] = decoded_parquet(table, settings())
    assert rows_of([part]) == [{"age": [1]}]
    assert part.accounting.forms == {("s", "unknown_feature"): 1}


@given(st.binary(max_size=200))
@hypothesis_settings(deadline=None)
def test_any_bytes_are_csv_rows_rejects_or_a_table_error(data: bytes) -> None:
    try:
        parts = decode_csv(data, settings())
    except TableError as error:
        assert error.reason in ("bad_header", "bad_csv", "bad_encoding")  # noqa: PT017
        return
    counts = total(part.accounting for part in parts)
    assert counts.decoded == counts.rows


def test_a_number_that_no_feature_can_hold_is_not_said() -> None:
    stream = io.BytesIO()
    secret = 2**64 - 12345
    pq.write_table(pa.table({"age": pa.array([1, secret], pa.uint64())}), stream)
    stream.seek(0)
    with pytest.raises(TableError, match="column 'age' is uint64, and has a value that is no int") as raised:
        list(decode_parquet(stream, settings(), POSITION))
    assert raised.value.reason == "bad_parquet"
    assert str(secret) not in str(raised.value)


@given(st.data())
@hypothesis_settings(deadline=None)
def test_a_changed_byte_in_parquet_never_crashes(data: st.DataObject) -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"age": [1, 2, 3], "word": ["a", "b", None]}), stream)
    broken = bytearray(stream.getvalue())
    broken[data.draw(st.integers(0, len(broken) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        parts = list(decode_parquet(io.BytesIO(bytes(broken)), settings(), POSITION))
    except TableError as error:
        assert error.reason in ("bad_parquet", "unsupported_type")  # noqa: PT017
        return
    assert total(part.accounting for part in parts).balance() == 0


def test_blank_lines_of_a_one_column_file_are_rows_without_a_value() -> None:
    for used in (None, settings()):
        parts = decode_csv(b"age\n1\n\n3\n\n", used)
        assert rows_of(parts) == [{"age": [1]}, {}, {"age": [3]}, {}]
        assert total(part.accounting for part in parts).rows == 4
    assert rows_of(decode_csv(b"age,word\r\n1,a\r\n\r\n2,b\r\n")) == [
        {"age": [1], "word": [b"a"]},
        {"age": [2], "word": [b"b"]},
    ]


def test_a_file_that_begins_with_an_empty_line_is_not_passed_over() -> None:
    with pytest.raises(TableError, match="the first line is empty; expected the names of the columns"):
        decode_csv(b"\nage\n1\n")


@pytest.mark.parametrize("decode", [csv_tables.decode_csv, decode_parquet])
def test_what_a_file_system_raises_is_left_to_the_runner(decode: Any) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError(104, "reset")

    names = (["age"],) if decode is csv_tables.decode_csv else ()
    with pytest.raises(ConnectionResetError):
        list(decode(Failing(b"x" * 100), *names, settings(), POSITION))
