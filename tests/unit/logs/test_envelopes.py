"""Lines of log services: what they carry is read as if it stood alone, with the time that they tell."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.events import DecodedLog, carried, decode, outcome_of
from support.logs import settings

from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs import envelopes
from trueserve.transforms.logs.bodies.row_checks import MAX_INSTANCES
from trueserve.transforms.logs.carriers import json_lines
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.detect import detect_log
from trueserve.transforms.logs.envelopes import OTHER_LINE
from trueserve.transforms.logs.formats.format_names import Format

BODY = {"instances": [{"age": 3}]}
TEXT = json.dumps(BODY)
TIME = dt.datetime(2023, 5, 31, 9, 13, 48, 803_000, tzinfo=dt.UTC)
MILLIS = 1_685_524_428_803
ISO = "2023-05-31T09:13:48.803Z"


def subscription(*messages: str) -> dict[str, Any]:
    events = [{"id": f"e{n}", "timestamp": MILLIS, "message": text} for n, text in enumerate(messages)]
    named = {"owner": "123456789123", "logGroup": "g", "logStream": "s", "subscriptionFilters": ["f"]}
    return {"messageType": "DATA_MESSAGE", **named, "logEvents": events}


ENTRY = {"insertId": "e0", "logName": "projects/p/logs/l", "timestamp": ISO, "resource": {"type": "x"}}
LINES: dict[str, bytes] = {
    "subscription": json.dumps(subscription(TEXT)).encode(),
    "message": json.dumps({"timestamp": MILLIS, "message": TEXT, "eventId": "e0"}).encode(),
    "query": json.dumps({"@timestamp": "2023-05-31 09:13:48.803", "@message": TEXT, "@ptr": "e0"}).encode(),
    "events": json.dumps({"events": [{"timestamp": MILLIS, "message": TEXT, "eventId": "e0"}]}).encode(),
    "jsonPayload": json.dumps({**ENTRY, "jsonPayload": BODY}).encode(),
    "textPayload": json.dumps({**ENTRY, "textPayload": TEXT + "\n"}).encode(),
    "a logger's message": json.dumps({**ENTRY, "jsonPayload": {"message": TEXT, "level": "x"}}).encode(),
    "container": json.dumps({"log": TEXT + "\n", "stream": "stdout", "time": ISO, "id": "e0"}).encode(),
    "container in a message": json.dumps(
        subscription(json.dumps({"log": TEXT, "stream": "stdout", "time": ISO}))
    ).encode(),
    "array": json.dumps([{**ENTRY, "jsonPayload": BODY}]).encode(),
}


def read(path: Path, data: bytes, log_format: Format | None = None, **changes: Any) -> DecodedLog:
    """What is decoded of a file, in the format that is detected unless it is named."""
    path.write_bytes(data)
    file = FileSize(str(path), len(data))
    parts = list(decode_file(file, log_format or detect_log([file]), settings(**changes)))
    return outcome_of([part for part in parts if isinstance(part, Decoded)])


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_what_a_service_carries_is_read_with_its_time_and_id(tmp_path: Path, line: bytes) -> None:
    outcome = read(tmp_path / "log.json", line)
    assert outcome.rows == [{"age": [3]}]
    assert (outcome.column("time"), outcome.column("request_id")) == ([TIME], ["e0"])


def test_lines_of_an_export_have_their_time_before_them(tmp_path: Path) -> None:
    text = f"{ISO} {TEXT}\n2023-05-31T09:13:49.000Z START RequestId\n{ISO} {TEXT[:-2]}\n".encode()
    outcome = read(tmp_path / "000000", text)
    assert (outcome.rows, outcome.column("time")) == ([{"age": [3]}], [TIME])
    assert outcome.counts.excluded == {OTHER_LINE: 1}
    assert [(reject.record, reject.reason) for reject in outcome.rejects] == [(2, "not_json")]


def test_every_event_is_a_record(tmp_path: Path) -> None:
    events = subscription(TEXT, "loaded the model", TEXT, '{"level": "info"}', '{"instances": [')
    outcome = read(tmp_path / "log.json", json.dumps(events).encode() + b"\n" + LINES["message"])
    assert (outcome.counts.read, outcome.counts.decoded) == (6, 3)
    assert outcome.counts.excluded == {OTHER_LINE: 1}
    assert [(r.record, r.reason) for r in outcome.rejects] == [(3, "not_a_request"), (4, "not_json")]
    assert outcome.column("record") == [0, 2, 5]
    assert outcome.column("request_id") == ["e0", "e2", "e0"]


def test_objects_of_a_subscription_may_stand_on_one_line(tmp_path: Path) -> None:
    line = json.dumps(subscription(TEXT, TEXT)).encode()
    assert read(tmp_path / "log", line * 3).counts.decoded == 6
    broken = read(tmp_path / "log", line * 2 + line[:-9], Format.REST)
    assert [reject.reason for reject in broken.rejects] == ["not_json"]


def test_a_control_message_carries_nothing() -> None:
    control = {"messageType": "CONTROL_MESSAGE", "logGroup": "", "logEvents": []}
    counts = decode(Format.REST, [control]).counts
    assert (counts.read, counts.excluded) == (1, {OTHER_LINE: 1})


def test_an_entry_of_something_else_carries_nothing() -> None:
    counts = decode(Format.REST, [{**ENTRY, "protoPayload": {"instances": [{"age": 1}]}}]).counts
    assert (counts.read, counts.excluded) == (1, {OTHER_LINE: 1})


def test_the_records_own_time_and_id_come_first() -> None:
    inner = {"time": "2020-06-03T17:00:04Z", "request_id": "own", "request": BODY}
    outcome = decode(Format.REST, [{**ENTRY, "jsonPayload": inner}])
    assert outcome.column("time") == [dt.datetime(2020, 6, 3, 17, 0, 4, tzinfo=dt.UTC)]
    assert outcome.column("request_id") == ["own"]


def test_a_row_of_a_table_and_an_event_of_kserve_may_be_carried(tmp_path: Path) -> None:
    row = read(tmp_path / "log.json", json.dumps(subscription('{"age": 3}')).encode())
    assert (row.rows, row.column("time")) == ([{"age": [3]}], [TIME])
    event = {"ce-type": "x.inference.request", "ce-id": "k", "data": BODY}
    line = json.dumps(subscription(json.dumps(event))).encode()
    for responses in (False, True):
        outcome = read(tmp_path / "log.json", line, responses=responses)
        assert (outcome.rows, outcome.column("time")) == ([{"age": [3]}], [TIME])
        assert outcome.column("request_id") == ["k"]


@pytest.mark.parametrize(
    "row",
    [
        {"message": "secret", "timestamp": MILLIS, "age": 3},
        {"log": 3, "timestamp": MILLIS},
        {"message": TEXT},
        {"events": [1], "timestamp": MILLIS},
        {"events": [], "timestamp": MILLIS},
        {"jsonPayload": 5, "timestamp": MILLIS},
    ],
)
def test_other_objects_are_no_envelopes(row: dict[str, Any]) -> None:
    counts = decode(Format.TABLE, [row]).counts
    assert (counts.decoded, counts.excluded) == (1, {})


def test_a_feature_is_no_field_of_an_envelope() -> None:
    from trueserve.transforms.logs.features import Expected, FeatureType

    expected = Expected({"message": FeatureType.BYTES})
    outcome = decode(Format.TABLE, [{"message": TEXT, "timestamp": MILLIS}], expected=expected)
    assert outcome.rows == [{"message": [TEXT.encode()]}]


ROWS: list[dict[str, Any]] = [
    {"age": 3, "word": "x", "events": [{"message": "clicked"}]},
    {"age": 3, "logEvents": [{"message": "clicked"}]},
    {"age": 3, "timestamp": ISO, "textPayload": "free text"},
    {"age": 3, "insertId": "i", "logName": "n"},
]


@pytest.mark.parametrize("row", ROWS)
def test_an_object_with_a_feature_is_a_row(row: dict[str, Any]) -> None:
    outcome = decode(Format.TABLE, [row])
    assert ([row["age"] for row in outcome.rows], outcome.counts.excluded) == ([[3]], {})


@pytest.mark.parametrize("name", ["level", "severity", "logger", "stream", "logGroup"])
def test_a_feature_beside_a_message_makes_it_a_row(name: str) -> None:
    from trueserve.transforms.logs.features import Expected, FeatureType

    expected = Expected({name: FeatureType.INT})
    row = {"timestamp": MILLIS, name: 3, "message": "free text"}
    outcome = decode(Format.TABLE, [row], expected=expected)
    assert (outcome.rows, outcome.counts.excluded) == ([{name: [3]}], {})


@pytest.mark.parametrize("name", ["owner", "timestamp", "id", "severity"])
def test_a_feature_may_have_a_name_that_an_envelope_has_of_itself(name: str) -> None:
    from trueserve.transforms.logs.features import Expected, FeatureType

    expected = Expected({name: FeatureType.BYTES})
    text = json.dumps({name: "x"})
    entry = {**ENTRY, "severity": "INFO", "jsonPayload": {name: "x"}}
    outcome = decode(Format.TABLE, [entry], expected=expected)
    assert outcome.rows == [{name: [b"x"]}]
    outcome = decode(Format.TABLE, [subscription(text)], expected=expected)
    assert outcome.rows == [{name: [b"x"]}]


def test_very_many_objects_on_a_line_or_events_in_one_are_a_reject(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envelopes, "MAX_INSTANCES", 3)
    line = json.dumps(subscription(TEXT)).encode()
    assert read(tmp_path / "log", line * 3, Format.REST).counts.decoded == 3
    for data in (line * 4, json.dumps(subscription(*[TEXT] * 4)).encode()):
        outcome = read(tmp_path / "log", data, Format.REST)
        assert [reject.reason for reject in outcome.rejects] == ["record_too_large"]


def test_what_an_envelope_carries_is_decoded_in_pieces_and_numbered(tmp_path: Path) -> None:
    texts = ["GET /health 200"] * 5000 + [TEXT]
    path = tmp_path / "log"
    path.write_bytes(json.dumps(subscription(*texts)).encode() + b"\n" + LINES["message"])
    parts = list(decode_file(FileSize(str(path), path.stat().st_size), Format.REST, settings()))
    decoded = [part for part in parts if isinstance(part, Decoded)]
    assert [part.accounting.read for part in decoded if part.accounting.read] == [4096, 906]
    outcome = outcome_of(decoded)
    assert (outcome.counts.read, outcome.counts.excluded) == (5002, {OTHER_LINE: 5000})
    assert outcome.column("record") == [5000, 5001]


def test_other_lines_take_no_memory_of_their_own() -> None:
    events = subscription(*["GET /health 200"] * 9)
    assert len({id(record) for record in envelopes.opened([carried(events)])}) == 1


def test_an_array_of_other_values_is_a_reject_and_a_great_one_too(tmp_path: Path) -> None:
    for data in (b"[1]", b"[]", b"[{}, 1]", b"[" + b"{}," * MAX_INSTANCES + b"{}]"):
        outcome = read(tmp_path / "log.json", data, Format.REST)
        assert [r.reason for r in outcome.rejects] in (["not_an_object"], ["record_too_large"])


def test_no_message_holds_a_value(tmp_path: Path) -> None:
    secret = ["secret", '{"secret', '{"secret": 1}', '{"instances": "secret"}']
    outcome = read(tmp_path / "log.json", json.dumps(subscription(*secret)).encode(), Format.REST)
    assert len(outcome.rejects) == 3
    assert not [reject for reject in outcome.rejects if "secret" in reject.detail]


MESSAGES = (
    st.text(max_size=9) | st.sampled_from([TEXT, "{", "[1]", '{"message": "{}", "time": 1}']) | st.none()
)
RECORDS = st.dictionaries(
    st.sampled_from(["message", "timestamp", "log", "time", "jsonPayload", "textPayload", "insertId", "id"])
    | st.sampled_from(["logName", "logEvents", "events", "@message", "@timestamp"]),
    MESSAGES
    | st.integers()
    | st.lists(
        st.dictionaries(st.sampled_from(["message", "id", "timestamp"]), MESSAGES, max_size=3), max_size=3
    )
    | st.dictionaries(st.sampled_from(["message", "instances", "time"]), MESSAGES, max_size=3),
    max_size=5,
)


@hypothesis_settings(max_examples=100, deadline=None)
@given(
    st.lists(RECORDS | st.lists(RECORDS, max_size=3), max_size=4),
    st.sampled_from([Format.REST, Format.TABLE]),
)
def test_any_line_is_counted(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Any], name: Format
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    data = b"\n".join(json.dumps(line).encode() for line in lines)
    counts = read(path, data, name).counts
    assert counts.read >= len([line for line in lines if line])
    assert len(list(json_lines.records(path.open("rb")))) == len(lines)
