from __future__ import annotations

import base64
import datetime as dt
import itertools
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.events import DecodedLog, carried, decode, outcome_of
from support.logs import as_float32, settings

from transforms.core.batches import Decoded, Window
from transforms.logs.decode_requests import RequestDecoder
from transforms.logs.formats.format_names import Format
from transforms.logs.formats.kserve import KServeParser
from transforms.logs.request import Request, RequestEvent, ResponseEvent
from transforms.logs.rows import request_response_join
from transforms.logs.rows.rows import RecordPosition

ROWS = [{"age": 30, "fare": 1.5, "word": "a"}, {"age": 31, "fare": 2.5, "word": "b"}]
WANTED = [{"age": [30], "fare": [1.5], "word": [b"a"]}, {"age": [31], "fare": [2.5], "word": [b"b"]}]
V1 = {"instances": ROWS}
V2 = {
    "inputs": [
        {"name": "age", "shape": [2, 1], "datatype": "INT64", "data": [30, 31]},
        {"name": "fare", "shape": [2], "datatype": "FP32", "data": [1.5, 2.5]},
        {"name": "word", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]},
    ]
}
ATTRIBUTES = {
    "specversion": "1.0",
    "source": "http://localhost:9081/",
    "time": "2021-04-10T00:23:26.0789529Z",
    "inferenceservicename": "flights",
    "namespace": "default",
    "component": "predictor",
    "endpoint": "",
}
TIME = dt.datetime(2021, 4, 10, 0, 23, 26, 78952, tzinfo=dt.UTC)
KIND = "org.kubeflow.serving.inference."


def structured(data: Any, kind: str = "request", key: str = "id-1", **more: Any) -> dict[str, Any]:
    event = {**ATTRIBUTES, "id": key, "type": KIND + kind, "data": data, **more}
    return {name: value for name, value in event.items() if value is not None}


def binary(data: Any, kind: str = "request", key: str = "id-1", **more: Any) -> dict[str, Any]:
    event = {**ATTRIBUTES, "id": key, "type": KIND + kind, **more}
    headers = {f"ce-{name}": value for name, value in event.items() if value is not None}
    return {**headers, "content-type": "application/x-www-form-urlencoded", "data": data}


def upper(record: dict[str, Any]) -> dict[str, Any]:
    return {"-".join(map(str.capitalize, n.split("-"))): v for n, v in record.items() if n != "data"}


def run(*records: Any, **changes: Any) -> DecodedLog:
    return decode(Format.KSERVE, records, **changes)


REQUEST = binary(None)
EVENTS = {
    "structured": structured(V1),
    "structured, text": structured(json.dumps(V1)),
    "structured, base64": structured(None, data_base64=base64.b64encode(json.dumps(V1).encode()).decode()),
    "structured, v2": structured(V2),
    "binary": binary(V1),
    "binary, text": binary(json.dumps(V1)),
    "binary, v2": binary(V2),
    "binary, body": {**binary(None), "body": json.dumps(V1)},
    "canonical headers": {**upper(REQUEST), "data": V1},
    "headers apart": {"headers": upper(REQUEST), "body": V1},
    "headers in lists": {"headers": {n: [v] for n, v in upper(REQUEST).items()}, "data": json.dumps(V1)},
    "kafka headers": {**{n.replace("ce-", "ce_"): v for n, v in REQUEST.items()}, "data": V1},
}


@pytest.mark.parametrize("responses", [False, True])
@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS.keys())
def test_events_of_every_kind_give_the_same_rows(event: dict[str, Any], responses: bool) -> None:
    outcome = run(event, responses=responses)
    assert outcome.rows == WANTED
    first = outcome.metadata[0]
    assert first["time"] == TIME
    assert (first["model"], first["request_id"]) == ("flights", "id-1")
    assert (first["origin"], first["version"], first["signature"]) == ("http://localhost:9081/", None, None)


def test_the_sample_of_the_documentation() -> None:
    """What KServe's page "Inference Logger" shows of its message dumper, as the JSON of those CloudEvents."""
    ids = {"id": "0009174a-24a8-4603-b098-09c8799950e9", "source": "http://localhost:9081/"}
    more = {
        "datacontenttype": "application/json",
        "endpoint": "",
        "namespace": "default",
        "specversion": "1.0",
    }
    shared = {**ids, **more, "inferenceservicename": "sklearn-iris", "traceparent": "00-90-74-00"}
    request = {
        **shared,
        "type": "org.kubeflow.serving.inference.request",
        "time": "2021-04-10T00:23:26.0789529Z",
        "data": {"instances": [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]},
    }
    response = {
        **shared,
        "type": "org.kubeflow.serving.inference.response",
        "time": "2021-04-10T00:23:26.080736102Z",
        "data": {"predictions": [1, 1]},
    }
    outcome = run(request, response, columns=("age", "fare", "other", "late"), responses=True)
    assert [row["fare"] for row in outcome.rows] == [[as_float32(2.8)], [as_float32(3.4)]]
    assert outcome.column("response") == ["1", "1"]
    assert outcome.column("model") == ["sklearn-iris"] * 2
    assert outcome.column("record") == [0, 0]


def test_signature_and_version_of_the_body_are_taken() -> None:
    outcome = run(structured({**V1, "signature_name": "raw", "model_version": "3"}))
    assert set(outcome.column("signature")) == {"raw"}
    assert set(outcome.column("version")) == {"3"}


def test_answers_are_not_held_back_for_where_nobody_wants_them() -> None:
    parser = KServeParser(settings())
    assert isinstance(parser.parse(structured(V1)), Request)
    assert parser.parse(structured({"predictions": [1, 2]}, "response")) is None
    wanted = KServeParser(settings(responses=True))
    assert isinstance(wanted.parse(structured(V1)), RequestEvent)
    assert isinstance(wanted.parse(structured({"predictions": [1, 2]}, "response")), ResponseEvent)


def test_a_response_is_decoded_without_rows() -> None:
    counts = run(structured(V1), structured({"predictions": [1, 2]}, "response")).counts
    assert (counts.read, counts.decoded, counts.rows) == (2, 2, 2)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.parametrize("chunk", [1, 3])
def test_answers_find_their_requests_in_any_order(order: tuple[int, ...], chunk: int) -> None:
    events = [
        structured(V1, key="one"),
        binary({"predictions": [1, 2]}, "response", key="one"),
        binary({"instances": ROWS[:1]}, key="two"),
        structured({"predictions": [3]}, "response", key="two"),
    ]
    records = [events[at] for at in order]
    outcome = decode(Format.KSERVE, records, chunk=chunk, responses=True)
    got = {(row["request_id"], row["record"], row["response"]) for row in outcome.metadata}
    first, second = order.index(0), order.index(2)
    assert got == {("one", first, "1"), ("one", first, "2"), ("two", second, "3")}
    assert len(outcome.rows) == 3
    assert (outcome.counts.decoded, outcome.counts.rows) == (4, 3)


V2_ANSWERS = [
    ([{"name": "p", "shape": [2], "datatype": "FP32", "data": [0.5, 0.25]}], ['{"p":0.5}', '{"p":0.25}']),
    (
        [{"name": "p", "shape": [2, 2], "datatype": "FP32", "data": [1.0, 2.0, 3.0, 4.0]}],
        ['{"p":[1.0,2.0]}', '{"p":[3.0,4.0]}'],
    ),
    (
        [
            {"name": "p", "shape": [2], "datatype": "FP32", "data": [0.5, 0.25]},
            {"name": "q", "shape": [2, 1], "datatype": "INT64", "data": [[1], [2]]},
        ],
        ['{"p":0.5,"q":[1]}', '{"p":0.25,"q":[2]}'],
    ),
]


@pytest.mark.parametrize(("outputs", "texts"), V2_ANSWERS)
def test_answers_of_the_second_protocol_tell_the_version(outputs: list[Any], texts: list[str]) -> None:
    body = {"model_name": "flights", "model_version": "9", "outputs": outputs}
    outcome = run(structured(V2), structured(body, "response"), responses=True)
    assert outcome.rows == WANTED
    assert outcome.column("response") == texts
    assert outcome.column("version") == ["9", "9"]


@pytest.mark.parametrize(
    "answer",
    [
        {"predictions": [1]},
        {"predictions": "x"},
        {"outputs": [{"name": "p", "shape": [2], "datatype": "FP32", "data": []}]},
        {"outputs": [{"name": "p", "shape": [1 << 62], "datatype": "FP32", "data": [1]}]},
        {"outputs": [{"name": "p", "datatype": "FP32", "shape": None}, 5, 6]},
        {"error": "x"},
        "no json",
        None,
    ],
)
def test_a_request_does_not_fail_for_its_answer(answer: Any) -> None:
    outcome = run(structured(V1), structured(answer, "response"), responses=True)
    assert outcome.rows == WANTED
    assert outcome.column("response") == [None, None]
    assert outcome.counts.decoded == 2


@pytest.mark.parametrize("name", ["inferenceservicename", "namespace", "component", "endpoint"])
def test_the_same_id_elsewhere_is_another_request(name: str) -> None:
    answer = structured({"predictions": [1, 2]}, "response", **{name: "other"})
    assert run(structured(V1), answer, responses=True).column("response") == [None, None]


def test_answers_without_an_id_belong_to_nobody() -> None:
    answer = structured({"predictions": [1, 2]}, "response", key="")
    outcome = run(structured(V1, key=""), answer, responses=True)
    assert outcome.column("response") == [None, None]
    assert KServeParser(settings(responses=True)).parse(answer) is None


def test_answers_of_any_value_are_json() -> None:
    predictions = [float("nan"), 1 << 80, "\udcff", b"x", [[]], {"a": None}]
    requests = [structured({"instances": ROWS[:1] * len(predictions)})]
    outcome = run(*requests, structured({"predictions": predictions}, "response"), responses=True)
    assert outcome.column("response") == ["null", str(1 << 80), '"\\udcff"', "\"b'x'\"", "[[]]", '{"a":null}']


def _numbers(outcome: DecodedLog) -> list[int]:
    return sorted(outcome.column("record"))


def test_requests_wait_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_response_join, "MAX_HELD", 3)
    requests = [structured({"instances": ROWS[:1]}, key=str(n)) for n in range(10)]
    answers = [structured({"predictions": [n]}, "response", key=str(n)) for n in range(10)]
    outcome = run(*requests, *answers, responses=True)
    assert _numbers(outcome) == list(range(10))
    answered = {row["record"]: row["response"] for row in outcome.metadata}
    assert answered == {n: str(n) if n >= 7 else None for n in range(10)}
    turned = run(*answers, *requests, responses=True)
    answered = {row["record"] - 10: row["response"] for row in turned.metadata}
    assert answered == {n: str(n) if n >= 7 else None for n in range(10)}


def test_requests_wait_within_bounds_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    request = structured({"instances": ROWS[:1]}, key="0")
    monkeypatch.setattr(request_response_join, "MAX_HELD_BYTES", 2 * len(carried(request).payload))
    requests = [structured({"instances": ROWS[:1]}, key=str(n)) for n in range(5)]
    answers = [structured({"predictions": [n]}, "response", key=str(n)) for n in range(5)]
    outcome = run(*requests, *answers, responses=True)
    answered = {row["record"]: row["response"] for row in outcome.metadata}
    assert answered == {0: None, 1: None, 2: None, 3: "3", 4: "4"}


def test_what_was_answered_waits_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    request, answer = structured({"instances": ROWS[:1]}), structured({"predictions": [1]}, "response")
    monkeypatch.setattr(request_response_join, "MAX_HELD_BYTES", 3 * len(carried(request).payload))
    outcome = run(*[request, answer] * 20, *[answer, request] * 20, responses=True)
    assert outcome.column("response") == ["1"] * 40


def test_a_second_request_of_an_id_lets_the_first_go() -> None:
    request = structured({"instances": ROWS[:1]})
    outcome = run(request, request, structured({"predictions": [7]}, "response"), responses=True)
    assert {row["record"]: row["response"] for row in outcome.metadata} == {0: None, 1: "7"}
    assert outcome.counts.decoded == 3


def test_what_waits_is_decoded_where_the_file_cannot_be_read_further() -> None:
    def chunks() -> Any:
        yield [carried(structured(V1))]
        raise OSError("gone")

    decoder_settings = settings(responses=True)
    parts: list[Decoded] = []
    decoder = RequestDecoder(decoder_settings, KServeParser(decoder_settings))
    with pytest.raises(OSError, match="gone"):
        parts.extend(decoder.decode(chunks(), RecordPosition("log", 0)))
    # `extend` keeps what came before the error.
    assert outcome_of(parts).rows == WANTED


def test_what_waits_is_in_the_window_or_not_by_its_own_time() -> None:
    window = Window(TIME, TIME + dt.timedelta(seconds=1))
    early = structured(V1, key="early", time="2021-04-10T00:23:26Z")
    none = structured(V1, key="none", time=None)
    counts = run(early, structured(V1), none, window=window, responses=True).counts
    assert (counts.decoded, counts.outside_window, counts.no_time, counts.rows) == (1, 1, 1, 2)


def test_what_a_sample_leaves_out_does_not_wait() -> None:
    requests = [structured({"instances": ROWS[:1]}, key=str(n)) for n in range(200)]
    answers = [structured({"predictions": [n]}, "response", key=str(n)) for n in range(200)]
    outcome = run(*requests, *answers, responses=True, sample=0.5)
    assert 60 < outcome.counts.rows < 140
    assert outcome.counts.excluded["sample"] == 200 - outcome.counts.rows
    assert outcome.column("response") == outcome.column("request_id")


def test_other_events_are_excluded_by_name() -> None:
    outlier = structured({"data": {}}, "outlier")
    counts = run(structured(V1), outlier).counts
    assert (counts.decoded, counts.excluded["other_event"]) == (1, 1)


BAD: dict[str, list[Any]] = {
    "not_a_cloud_event": [{}, {"specversion": "1.0"}, V1, structured(V1, type=5), {"ce-id": "1", "data": V1}],
    "no_body": [structured(None), {**binary(None)}],
    "not_json": [structured("{"), binary("\x00")],
    "not_a_request": [structured("[1]"), structured([1]), structured(5)],
    "bad_base64": [structured(None, data_base64="%"), structured(None, data_base64=[1])],
    "bad_tensor_shape": [
        structured({"inputs": [{"name": "age", "shape": [-1], "datatype": "INT64", "data": []}]})
    ],
    "no_instances": [structured({"instances": []})],
}


@pytest.mark.parametrize(
    ("reason", "record"), [(r, record) for r, bad_records in BAD.items() for record in bad_records]
)
def test_what_is_no_request_is_rejected(reason: str, record: Any) -> None:
    outcome = run(structured(V1), record)
    assert [(reject.record, reject.reason) for reject in outcome.rejects] == [(1, reason)]
    assert outcome.rows == WANTED


def test_rejects_tell_no_values() -> None:
    records = [structured("s3cret"), structured(["s3cret"]), structured(None, data_base64="s3cret%")]
    rejects = run(*records).rejects
    assert len(rejects) == 3
    assert not [reject for reject in rejects if "s3cret" in reject.detail]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
TENSORS = st.fixed_dictionaries(
    {"name": st.sampled_from(["age", "x"]), "datatype": st.sampled_from(["INT64", "FP32"]) | JSON},
    optional={
        "shape": st.lists(st.integers(-2, 4), max_size=3) | JSON,
        "data": st.lists(JSON, max_size=4) | JSON,
    },
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "instances": JSON,
        "predictions": JSON,
        "inputs": st.lists(TENSORS, max_size=2) | JSON,
        "outputs": st.lists(TENSORS | JSON, max_size=2) | JSON,
        "model_version": JSON,
    },
)
RECORDS = st.builds(
    lambda mode, data, kind, key, more: {**mode(data, kind, key), **more},
    st.sampled_from([structured, binary]),
    BODIES | JSON | BODIES.map(json.dumps),
    st.sampled_from(["request", "response", "x"]),
    st.sampled_from(["a", "b", ""]),
    st.dictionaries(
        st.sampled_from(["time", "ce-time", "headers", "body", "data_base64", "type"]), JSON, max_size=2
    ),
)


@hypothesis_settings(max_examples=300, deadline=None)
@given(st.lists(RECORDS, max_size=5), st.booleans(), st.integers(1, 5))
def test_any_event_is_counted_once(records: list[Any], responses: bool, chunk: int) -> None:
    counts = decode(Format.KSERVE, records, chunk=chunk, responses=responses).counts
    assert counts.decoded + counts.total_rejected + counts.total_excluded == len(records)


def test_joined_rows_are_the_same_in_any_shuffle() -> None:
    """Many requests, several rows each, against a plain dictionary in memory."""
    rng = random.Random(4)
    sizes = {str(n): rng.randrange(1, 4) for n in range(300)}
    requests = [structured({"instances": ROWS[:1] * size}, key=key) for key, size in sizes.items()]
    answers = [
        structured({"predictions": [f"{key}-{row}" for row in range(size)]}, "response", key=key)
        for key, size in sizes.items()
    ]
    records = [*requests, *answers]
    rng.shuffle(records)
    outcome = decode(Format.KSERVE, records, chunk=64, responses=True)
    got = {(row["request_id"], row["response"]) for row in outcome.metadata}
    assert got == {(key, f'"{key}-{row}"') for key, size in sizes.items() for row in range(size)}
    by_number = {row["record"]: row["request_id"] for row in outcome.metadata}
    assert all(records[number]["id"] == key for number, key in by_number.items())
