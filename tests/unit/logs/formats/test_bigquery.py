"""Tables of BigQuery: their names, what is pushed down to them, and their values as records."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.bigquery import END, PUSHED, START, TABLE, WINDOW
from support.logs import settings

from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.formats import bigquery
from trueserve.transforms.logs.formats.bigquery import (
    BigQueryTable,
    parse_table,
    record_of,
    row_restriction,
    selected_fields,
)
from trueserve.transforms.logs.formats.format_names import Format


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("bq://my-project.logs.requests", TABLE),
        ("bq://my-project:logs.requests", TABLE),
        (
            "bq://example.com:my-project.logs.requests",
            BigQueryTable("example.com:my-project", "logs", "requests"),
        ),
        ("bq://my-project.logs.a-b c", BigQueryTable("my-project", "logs", "a-b c")),
        (
            "bq://my-project.logs.requests?model=my%20model&version=v1+a",
            BigQueryTable("my-project", "logs", "requests", "my model", "v1+a"),
        ),
        (
            "bq://my-project.logs.requests?time_type=none",
            BigQueryTable("my-project", "logs", "requests", time_type="none"),
        ),
    ],
)
def test_names_of_tables(text: str, table: BigQueryTable) -> None:
    assert bigquery.is_table(text)
    assert parse_table(text) == table


@pytest.mark.parametrize(
    "name",
    [
        "",
        "logs.requests",
        "my-project.logs",
        "my-project/logs/requests",
        "my-project.logs.requests.more!",
        "my-project.logs.requests_*",
        "my-project.logs.requests$20130714",
        "My-Project.logs.requests",
        "my-project.lo-gs.requests",
        "my-project.logs.",
        "my-project.logs.requests\n",
        "my-project.logs.requests`",
        "my-project.logs.requests?version",
        "my-project.logs.requests?version=",
        "my-project.logs.requests?where=1",
        "my-project.logs.requests?time_type=STRING",
    ],
)
def test_what_is_no_name_of_a_table(name: str) -> None:
    with pytest.raises(UsageError, match="--logs"):
        parse_table(f"bq://{name}")


def test_files_are_no_tables() -> None:
    assert not [name for name in ("logs/*", "gs://bq/x", "bq", "") if bigquery.is_table(name)]


@pytest.mark.parametrize("name", ["auto", "rest", "kserve", "tf_example"])
def test_the_format_of_a_table_must_be_said(name: str) -> None:
    with pytest.raises(UsageError, match="ai_platform, vertex, table"):
        bigquery.check_format(name)


def restriction(
    file_format: Format = Format.AI_PLATFORM, table: BigQueryTable = TABLE, **changes: Any
) -> str | None:
    return row_restriction(table, file_format, settings(**{"window": WINDOW, **changes}))


def test_the_window_is_pushed_down_half_open_in_utc() -> None:
    assert restriction() == PUSHED
    assert restriction(Format.VERTEX) == PUSHED.replace("`time`", "`logging_time`")
    assert restriction(Format.TABLE, time_feature="time") == PUSHED
    zone = dt.timezone(dt.timedelta(hours=2))
    assert restriction(window=Window(START.astimezone(zone), END.astimezone(zone))) == PUSHED


def test_windows_that_are_open_at_an_end() -> None:
    assert restriction(window=Window(start=START)) == (
        "(`time` >= TIMESTAMP '2013-07-14 05:00:00.000000+00:00' OR `time` IS NULL)"
    )
    assert restriction(window=Window(end=START)) == (
        "(`time` < TIMESTAMP '2013-07-14 05:00:00.000000+00:00' OR `time` IS NULL)"
    )
    assert restriction(window=Window()) is None


def test_a_time_that_is_in_no_column_is_not_pushed_down() -> None:
    assert restriction(time_feature="requested") is None
    assert restriction(Format.VERTEX, time_feature="requested") is None
    assert restriction(Format.TABLE) is None
    no_time = BigQueryTable("my-project", "logs", "requests", time_type="none")
    assert restriction(Format.TABLE, no_time, time_feature="requested") is None


def test_a_column_of_datetimes() -> None:
    table = BigQueryTable("my-project", "logs", "requests", time_type="DATETIME")
    assert restriction(Format.TABLE, table, time_feature="requested", window=Window(start=START)) == (
        "(`requested` >= DATETIME '2013-07-14 05:00:00.000000' OR `requested` IS NULL)"
    )


def test_model_and_version_are_pushed_down() -> None:
    table = BigQueryTable("my-project", "logs", "requests", "flights", "v1")
    assert restriction(table=table) == f"{PUSHED} AND `model` = 'flights' AND `model_version` = 'v1'"
    assert restriction(Format.VERTEX, table, window=Window()) == (
        "`endpoint` = 'flights' AND `deployed_model_id` = 'v1'"
    )
    versioned = BigQueryTable("my-project", "logs", "requests", version="3")
    assert restriction(Format.TABLE, versioned, version_feature="served by") == (
        "CAST(`served by` AS STRING) = '3'"
    )


def test_a_choice_without_a_column_is_refused() -> None:
    with pytest.raises(UsageError, match="version='3'"):
        restriction(Format.TABLE, BigQueryTable("my-project", "logs", "requests", version="3"))
    with pytest.raises(UsageError, match="model='m'"):
        restriction(Format.TABLE, BigQueryTable("my-project", "logs", "requests", "m"), version_feature="v")


@given(st.text(min_size=1, max_size=30) | st.text("a'\"\\\n`", min_size=1))
def test_no_value_ends_its_literal(value: str) -> None:
    table = BigQueryTable("my-project", "logs", "requests", value)
    text = restriction(table=table, window=Window())
    assert text is not None
    start, end = "`model` = '", "'"
    assert text.startswith(start)
    assert text.endswith(end)
    literal = text.removeprefix(start)[:-1]
    assert "'" not in literal
    assert literal.isascii()
    assert literal.isprintable()
    assert literal.encode().decode("unicode_escape") == value


@pytest.mark.parametrize("name", ["a`b", "a\\", "a.b", "", "a'"])
def test_names_that_no_column_has_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no name of a BigQuery column"):
        restriction(Format.TABLE, time_feature=name)


def test_columns_that_are_read() -> None:
    assert selected_fields(Format.AI_PLATFORM, Settings()) == ["time", "model", "model_version", "raw_data"]
    assert selected_fields(Format.VERTEX, Settings(responses=True)) == [
        "logging_time",
        "endpoint",
        "deployed_model_id",
        "request_id",
        "request_payload",
        "response_payload",
    ]
    assert selected_fields(Format.TABLE, Settings()) is None


def test_values_of_every_type_become_those_that_parsers_take() -> None:
    zone = dt.timezone(dt.timedelta(hours=1))
    row = {
        "timestamp": dt.datetime(2013, 7, 14, 6, 0, 0, 5, tzinfo=zone),
        "datetime": dt.datetime(2013, 7, 14, 5),
        "date": dt.date(2013, 7, 14),
        "time": dt.time(5),
        "numeric": decimal.Decimal("1.500000000"),
        "whole": decimal.Decimal("12345678901234567890.000000000"),
        "bytes": b"\xff",
        "repeated": [decimal.Decimal(1), decimal.Decimal("0.5")],
        "record": {"at": dt.date(2013, 7, 14), "none": None},
        "null": None,
        "float": 0.1,
        "text": "ü",
        "bool": True,
        "empty": [],
    }
    assert record_of(row) == {
        "timestamp": "2013-07-14 05:00:00.000005 UTC",
        "datetime": "2013-07-14T05:00:00",
        "date": "2013-07-14",
        "time": "05:00:00",
        "numeric": 1.5,
        "whole": 12345678901234567890,
        "bytes": b"\xff",
        "repeated": [1, 0.5],
        "record": {"at": "2013-07-14", "none": None},
        "float": 0.1,
        "text": "ü",
        "bool": True,
        "empty": [],
    }


def test_numbers_that_no_numeric_holds() -> None:
    assert record_of({"a": decimal.Decimal("1E+999999")}) == {"a": float("inf")}
    assert str(record_of({"a": decimal.Decimal("sNaN")})["a"]) == "nan"


def test_payloads_are_the_same_in_every_order() -> None:
    first = bigquery.carried({"a": 1, "b": b"\xff", "c": 1 << 80}, True)
    second = bigquery.carried({"c": decimal.Decimal(1 << 80), "b": b"\xff", "a": 1}, True)
    assert first.payload == second.payload != b""
    assert bigquery.carried({"a": 1}, False).payload == b""


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=9)
    | st.decimals()
    | st.datetimes()
    | st.dates()
    | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(max_size=9), VALUES, max_size=4))
def test_any_row_is_a_record(row: dict[str, Any]) -> None:
    record, payload, _ = bigquery.carried(row, True)
    assert not isinstance(record, Exception)
    assert record.keys() == {name for name, value in row.items() if value is not None}
    assert json.loads(payload).keys() == record.keys()
