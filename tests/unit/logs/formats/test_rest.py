from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from support import bodies as support
from support.bodies import b64, example, reason_of

from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.rest import RestParser
from trueserve.transforms.logs.request import BadRecordError

AT = 1_591_203_604_000_000  # 2020-06-03 17:00:04 UTC
BODY: dict[str, Any] = {"signature_name": "by_tensors", "instances": [{"age": 3}, {"age": 4}]}
PARSER = RestParser(support.settings())


def test_a_line_may_be_the_body_itself() -> None:
    request = support.parsed(PARSER, BODY)
    assert request.instances == BODY["instances"]
    assert (request.signature, request.time, request.model, request.version) == (
        "by_tensors",
        None,
        None,
        None,
    )
    assert (request.request_id, request.sampling_rate, request.responses) == (None, None, None)


@pytest.mark.parametrize("field", ["request", "body"])
@pytest.mark.parametrize("body", [BODY, json.dumps(BODY), json.dumps(BODY).encode()])
def test_an_envelope_has_the_body_as_object_or_text(field: str, body: object) -> None:
    request = support.parsed(
        PARSER, {field: body, "signature_name": "other", "time": "2020-06-03 17:00:04 UTC"}
    )
    assert (request.instances, request.signature, request.time) == (BODY["instances"], "by_tensors", AT)


def test_a_field_that_is_null_is_none() -> None:
    record = {"instances": None, "request": None, "body": BODY}
    assert support.parsed(PARSER, record).instances == BODY["instances"]


def test_what_is_known_of_the_request_in_either_name() -> None:
    short_names = {
        "body": BODY,
        "time": AT // 1000,
        "model": "m",
        "version": 7,
        "request_id": "r",
        "sampling_rate": 0.1,
    }
    long_names = {
        "timestamp": AT // 10**6,
        "model_name": "m",
        "model_version": "7",
        "id": "r",
        "sampling_rate": "0.1",
    }
    for record in (short_names, BODY | long_names):
        request = support.parsed(PARSER, record)
        assert (request.time, request.model, request.version, request.request_id) == (AT, "m", "7", "r")
        assert request.sampling_rate == 0.1


def test_the_envelope_names_the_signature_where_the_body_does_not() -> None:
    record = {"request": {"instances": [{"age": 3}]}, "signature_name": "by_tensors"}
    assert support.parsed(PARSER, record).signature == "by_tensors"


def test_responses_are_read_where_they_are_wanted() -> None:
    wanting = RestParser(support.settings(responses=True))
    answered = {"request": BODY, "response": {"predictions": [0.5, 0.75]}}
    assert support.parsed(wanting, answered).responses == [0.5, 0.75]
    assert support.parsed(PARSER, answered).responses is None
    failed = support.parsed(wanting, {"request": BODY, "response": '{"error": "no such model"}'})
    assert (failed.instances, failed.responses) == (BODY["instances"], None)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({}, "not_a_request"),
        ({"time": AT, "predictions": ["secret"]}, "not_a_request"),
        ({"request": None, "body": None}, "not_a_request"),
        ({"request": "[1, 2]"}, "no_names"),
        ({"instances": [{"secret": 1}]}, "no_features"),
        ({"request": 5}, "not_a_request"),
        ({"request": {"name": "secret"}}, "not_a_request"),
        ({"request": "secret"}, "not_json"),
        ({"request": ""}, "not_json"),
        ({"request": "[" * 100_000}, "nested_too_deeply"),
        ({"request": '{"instances": ' + "[" * 100_000 + "NaN" + "]" * 100_000 + "}"}, "nested_too_deeply"),
        ({"body": '{"instances": ' + "[" * 100_000 + "]" * 100_000 + "}"}, "nested_too_deeply"),
        ({"instances": []}, "no_instances"),
    ],
)
def test_what_is_no_request_is_a_reject(record: dict[str, Any], why: str) -> None:
    assert reason_of(PARSER, record) == why


@given(support.JSON)
@hypothesis_settings(max_examples=300)
def test_any_record_is_a_request_or_a_reject(value: Any) -> None:
    parser = RestParser(support.settings(responses=True))
    record = (
        value if isinstance(value, dict) else {"request": value, "response": value, "sampling_rate": value}
    )
    for candidate in (record, {"body": json.dumps(record)}):
        with contextlib.suppress(BadRecordError):
            request = support.parsed(parser, candidate)
            assert len(request.instances) > 0


LINES = b"".join(
    [
        b"\xef\xbb\xbf",
        json.dumps({"request": BODY, "time": "2020-06-03T17:00:04Z", "version": 1}).encode() + b"\r\n",
        b'{"instances": [{"fare": NaN, "word": "caf\xe9"}, {"fare": -Infinity}], "response": "secret"}\n',
        b'{"inputs": {"age": [1, 2], "fare": [0.5]}}\n',
        b'{"status": "AVAILABLE"}\n',
        b"secret\n",
        b"[1]\n",
        json.dumps({"instances": [b64(example(age=[9], word=[b"\xff"]))]}).encode(),
    ]
)


def test_a_file_of_lines_of_all_kinds(tmp_path: Path) -> None:
    rows, decoded = support.decoded_file(
        tmp_path / "log.jsonl", LINES, Format.REST, support.settings(responses=True)
    )
    account = decoded.accounting
    assert (account.read, account.decoded, account.rows, account.balance()) == (7, 3, 5, 0)
    reasons = [(reject.record, reject.reason) for reject in decoded.rejects]
    assert reasons == [(2, "rows_differ"), (3, "not_a_request"), (4, "not_json"), (5, "not_an_object")]
    assert not any("secret" in reject.detail for reject in decoded.rejects)
    kept = [{name: row[name] for name in ("age", "fare", "word")} for row in rows]
    assert kept == [
        {"age": [3], "fare": None, "word": None},
        {"age": [4], "fare": None, "word": None},
        {"age": None, "fare": None, "word": [b"caf\xe9"]},
        {"age": None, "fare": [-math.inf], "word": None},
        {"age": [9], "fare": None, "word": [b"\xff"]},
    ]
    at = dt.datetime(2020, 6, 3, 17, 0, 4, tzinfo=dt.UTC)
    assert [row["meta:time"] for row in rows] == [at, at, None, None, None]
    assert [row["meta:record"] for row in rows] == [0, 0, 1, 1, 6]
    assert account.forms["word", "invalid_utf8"] == 1
    assert account.forms["fare", "nan"] == 1


def test_responses_that_json_cannot_hold_do_not_fail_the_request(tmp_path: Path) -> None:
    answers = ["[" * 150 + "]" * 150, "1" * 30, '"\\ud800"', "NaN", '{"a": 0.5}']
    lines = [b'{"instances": [{"age": 1}], "response": {"predictions": [%s]}}' % a.encode() for a in answers]
    rows, decoded = support.decoded_file(
        tmp_path / "log.jsonl", b"\n".join(lines), Format.REST, support.settings(responses=True)
    )
    assert decoded.accounting.decoded == len(lines)
    assert rows[-1]["meta:response"] == '{"a":0.5}'


def test_the_documented_request_of_the_half_plus_three_model(tmp_path: Path) -> None:
    """Two calls of https://www.tensorflow.org/tfx/serving/api_rest, and the answers to them."""
    settings = Settings(Expected({"x": FeatureType.FLOAT}, single=frozenset("x")), responses=True)
    lines = (
        b'{"body": {"instances": [1.0,2.0,5.0]}, "response": {"predictions": [3.5, 4.0, 5.5]}}\n'
        b'{"body": {"signature_name": "tensorflow/serving/regress", "examples": [{"x": 1.0}, {"x": 2.0}]},'
        b' "response": {"results": [3.5, 4.0]}}\n'
    )
    rows, decoded = support.decoded_file(tmp_path / "log.jsonl", lines, Format.REST, settings)
    assert not decoded.rejects
    assert [row["x"] for row in rows] == [[1.0], [2.0], [5.0], [1.0], [2.0]]
    assert [row["meta:response"] for row in rows] == ["3.5", "4.0", "5.5", "3.5", "4.0"]
    assert [row["meta:signature"] for row in rows] == [None] * 3 + ["tensorflow/serving/regress"] * 2
