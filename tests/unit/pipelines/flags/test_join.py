"""What `join` may be asked, and what it refuses before anything is read."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

import pytest

from trueserve.pipelines.flags import join
from trueserve.pipelines.flags.join import JoinOptions
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.joining.key_parts import KeyPart


def options(**fields: Any) -> JoinOptions:
    values: dict[str, Any] = {
        "examples": "train/*",
        "logs": "logs/*",
        "key": (KeyPart("ride"),),
        "output": "out",
    }
    return JoinOptions(**values | fields)


def test_a_key_is_names_or_the_logs_own_id() -> None:
    assert join._parse_key("b, a=request_id") == (KeyPart("a", of_log=True), KeyPart("b"))
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        join._parse_key("a=b")
    assert str(caught.value) == "expected NAME, or NAME=request_id, got 'a=b'"
    with pytest.raises(argparse.ArgumentTypeError, match="expected feature names"):
        join._parse_key("")


@pytest.mark.parametrize(
    "fields",
    [
        {"samples": 0},
        {"samples": 1000},
        {"tolerance": 1.0},
        {"float_round_ndigits": 0},
        {"float_round_ndigits": 12},
        {"baseline": "b"},
        {"schema": "s"},
        {"max_rejects": 1.0},
    ],
)
def test_what_is_within_its_bounds_is_taken(fields: dict[str, Any]) -> None:
    assert options(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"samples": -1}, "--samples: "),
        ({"samples": 1001}, "--samples: "),
        ({"tolerance": -0.1}, "--tolerance: "),
        ({"tolerance": 1.1}, "--tolerance: "),
        ({"float_round_ndigits": -1}, "--float_round_ndigits: "),
        ({"float_round_ndigits": 13}, "--float_round_ndigits: "),
        ({"max_rejects": 1.1}, "--max_rejects: "),
        ({"float_round_ndigits": 0, "tolerance": 0.5}, "--float_round_ndigits cannot be"),
        ({"baseline": "b", "schema": "s"}, "--baseline cannot be combined with --schema"),
        ({"output": "logs"}, "--output: --logs=logs/* would read what is written to logs"),
        ({"output": "train"}, "--output: --examples=train/* would read what is written to train"),
        ({"output": "b", "baseline": "b"}, "--output: b is a baseline"),
        (
            {"logs": "bq://p.d.t"},
            "--logs: join reads files; export the BigQuery table to Parquet, and name that",
        ),
        ({"start": dt.datetime(2013, 7, 2), "end": dt.datetime(2013, 7, 1)}, "--start must be before --end"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        options(**fields)
    assert str(caught.value).startswith(message)
