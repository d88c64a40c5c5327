"""PredictionLogs of every kind: what a row has of them, and what of them is no traffic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.logs import (
    DT_BOOL,
    DT_FLOAT,
    DT_INT64,
    DT_STRING,
    decode,
    decode_logs,
    example,
    plain_row,
    rows_of,
    settings,
    tensor,
)
from tensorflow.core.example.example_pb2 import Example
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from transforms.columnar.framing import block_of
from transforms.core.accounting import total
from transforms.logs.formats.prediction_log import PredictionLogDecoder
from transforms.logs.rows import warm_ups
from transforms.logs.rows.rows import RecordPosition
from transforms.logs.tensors import example_lists

ROWS = [example(age=[1], word=[b"a"]), example(fare=[0.5]), example(age=[3], fare=[1.0])]
JULY_14 = 1373760000


def log_of(
    kind: str, examples: Sequence[bytes], context: bytes | None = None, version: int = 7
) -> PredictionLog:
    """A log of a kind that has examples, with the version that answered."""
    log = PredictionLog()
    part = getattr(log, kind)
    _fill(part.request.input, examples, context)
    spec = part.request.tasks.add().model_spec if kind == "multi_inference_log" else part.request.model_spec
    spec.name, spec.signature_name = "flights", "labels"
    answered = part.response.results.add() if kind == "multi_inference_log" else part.response
    answered.model_spec.version.value = version
    return log


def _fill(proto: Any, examples: Sequence[bytes], context: bytes | None) -> None:
    proto.example_list.SetInParent()
    messages = proto.example_list
    if context is not None:
        messages = proto.example_list_with_context
        messages.context.MergeFromString(context)
    messages.examples.extend(Example.FromString(example) for example in examples)


def one_batch(log: PredictionLog, **changes: Any) -> Any:
    [decoded] = decode_logs([log.SerializeToString()], **changes)
    assert not decoded.rejects
    assert decoded.batch is not None
    return decoded.batch


def reason_of(log: PredictionLog) -> str:
    [reject] = [reject for part in decode_logs([log.SerializeToString()]) for reject in part.rejects]
    return reject.reason


LABELLING = ["classify_log", "regress_log", "multi_inference_log"]


@pytest.mark.parametrize("kind", LABELLING)
@pytest.mark.parametrize("with_context", [False, True])
def test_examples_of_every_kind_are_rows(kind: str, with_context: bool) -> None:
    log = log_of(kind, ROWS, b"" if with_context else None)
    log.log_metadata.timestamp_secs = JULY_14
    batch = one_batch(log)
    assert batch.features.num_rows == len(ROWS)
    [decoded] = decode_logs([log.SerializeToString()])
    assert rows_of([decoded]) == [plain_row(row) for row in ROWS]
    row = batch.metadata.to_pylist()[0]
    assert (row["model"], row["version"], row["signature"]) == ("flights", "7", "labels")
    assert row["time"].timestamp() == JULY_14


@pytest.mark.parametrize("kind", LABELLING)
def test_a_context_is_merged_into_each_example_whose_own_values_win(kind: str) -> None:
    context = example(age=[9], word=[b"c", b"d"])
    rows = rows_of(decode_logs([log_of(kind, [*ROWS, b""], context).SerializeToString()]))
    assert rows == [plain_row(context) | plain_row(row) for row in [*ROWS, b""]]


def test_a_context_for_very_many_examples_is_a_reject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example_lists, "MAX_MERGED_BYTES", 1000)
    context = example(word=[b"x" * 80])
    assert reason_of(log_of("regress_log", [b""] * 11, context)) == "context_too_large"
    assert one_batch(log_of("regress_log", [b""] * 9, context)).features.num_rows == 9


@pytest.mark.parametrize("kind", LABELLING)
def test_a_request_without_input_is_a_reject_and_one_without_examples_has_no_rows(kind: str) -> None:
    log = log_of(kind, [])
    [decoded] = decode_logs([log.SerializeToString()])
    assert (decoded.accounting.decoded, decoded.accounting.rows) == (1, 0)
    getattr(log, kind).request.ClearField("input")
    assert reason_of(log) == "no_inputs"


@pytest.mark.parametrize("kind", ["classify_log", "regress_log"])
def test_lists_of_examples_take_the_compiled_way(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = PredictionLogDecoder(settings())
    monkeypatch.setattr(decoder, "_parsing_decoder", None)
    records = [_answered(log_of(kind, ROWS), kind).SerializeToString()] * 3
    parts = decode(decoder, records)
    assert rows_of(parts) == [plain_row(row) for row in ROWS] * 3


def _answered(log: PredictionLog, kind: str) -> PredictionLog:
    if kind == "classify_log":
        for score in (0.25, 0.5, 1.0):
            classes = log.classify_log.response.result.classifications.add().classes
            classes.add(label="late", score=score)
            classes.add(label="in time", score=0.0)
    else:
        for value in (0.25, 0.5, 1.0):
            log.regress_log.response.result.regressions.add(value=value)
    return log


def test_of_two_kinds_the_last_counts() -> None:
    first, last = log_of("classify_log", ROWS[:1]), log_of("regress_log", ROWS)
    record = first.SerializeToString() + last.SerializeToString()
    assert rows_of(decode_logs([record])) == [plain_row(row) for row in ROWS]


def test_nothing_of_a_kind_that_does_not_count_is_kept() -> None:
    named, last, empty = PredictionLog(), PredictionLog(), PredictionLog()
    named.classify_log.request.model_spec.name = "other"
    _fill(last.regress_log.request.input, ROWS, None)
    empty.predict_log.SetInParent()
    records = [named.SerializeToString() + last.SerializeToString()]
    [decoded] = decode_logs(records)
    assert decoded.batch is not None
    assert decoded.batch.metadata["model"].to_pylist() == [None] * 3
    [decoded] = decode_logs([last.SerializeToString() + empty.SerializeToString()])
    assert [reject.reason for reject in decoded.rejects] == ["no_inputs"]


def _session(feeds: dict[str, TensorProto]) -> PredictionLog:
    log = PredictionLog()
    log.session_run_log.request.model_spec.name = "flights"
    for name, proto in feeds.items():
        log.session_run_log.request.feed.add(name=name, tensor=proto)
    log.session_run_log.response.model_spec.version.value = 4
    return log


def test_feeds_of_a_session_are_features_by_their_operations() -> None:
    feeds = {
        "age:0": tensor(DT_INT64, [2], int64_val=[1, 2]),
        "age/present:0": tensor(DT_BOOL, [2], bool_val=[True, False]),
        "fare": tensor(DT_FLOAT, [2, 1], float_val=[0.5, 1.0]),
    }
    [decoded] = decode_logs([_session(feeds).SerializeToString()])
    assert rows_of([decoded]) == [{"age": [1], "fare": [0.5]}, {"fare": [1.0]}]
    assert decoded.batch is not None
    assert decoded.batch.metadata["version"].to_pylist() == ["4", "4"]


def test_a_feed_of_serialized_examples_is_their_rows() -> None:
    feeds = {"input_example_tensor:0": tensor(DT_STRING, [3], string_val=ROWS)}
    assert rows_of(decode_logs([_session(feeds).SerializeToString()])) == [plain_row(row) for row in ROWS]


def test_a_feed_that_comes_twice_is_a_reject() -> None:
    age = tensor(DT_INT64, [1], int64_val=[1])
    assert reason_of(_session({"age": age, "age:0": age})) == "bad_feed"
    assert reason_of(_session({})) == "no_inputs"


def _stream(requests: Sequence[dict[str, TensorProto]], responses: int = 1) -> PredictionLog:
    log = PredictionLog()
    for inputs in requests:
        request = log.predict_streamed_log.request.add()
        for name, proto in inputs.items():
            request.inputs[name].CopyFrom(proto)
    for number in range(responses):
        response = log.predict_streamed_log.response.add()
        response.model_spec.version.value = 5
        response.outputs["y"].CopyFrom(tensor(DT_FLOAT, [2], float_val=[number, number + 0.5]))
    return log


def test_the_requests_of_a_stream_are_rows_of_one_record() -> None:
    ages = [{"age": tensor(DT_INT64, [2], int64_val=[i, i + 1])} for i in (1, 3)]
    batch = one_batch(_stream(ages, 2))
    assert [row["age"] for row in batch.features.to_pylist()] == [[1], [2], [3], [4]]
    assert batch.metadata["version"].to_pylist() == ["5"] * 4
    carried = {"examples": tensor(DT_STRING, [3], string_val=ROWS)}
    rows = rows_of(decode_logs([_stream([carried, carried]).SerializeToString()]))
    assert rows == [plain_row(row) for row in ROWS] * 2


def test_a_stream_is_rejected_whole() -> None:
    good = {"age": tensor(DT_INT64, [2], int64_val=[1, 2])}
    differ = good | {"fare": tensor(DT_FLOAT, [3], float_val=[1, 2, 3])}
    mask = good | {"age/present": tensor(DT_STRING, [2], string_val=[b"", b""])}
    carried = {"examples": tensor(DT_STRING, [3], string_val=ROWS)}
    assert reason_of(_stream([good, differ])) == "batch_mismatch"
    assert reason_of(_stream([good, mask])) == "bad_mask"
    records = [_stream(requests).SerializeToString() for requests in ([good, mask], [good])]
    assert rows_of(decode_logs(records)) == [{"age": [1]}, {"age": [2]}]
    assert reason_of(_stream([good, carried])) == "mixed_inputs"
    assert reason_of(_stream([good, {}])) == reason_of(_stream([])) == "no_inputs"
    split = _stream([good])
    split.predict_streamed_log.request[0].predict_streamed_options.request_state = 1
    assert reason_of(split) == "split_request"


def test_the_requests_of_a_stream_share_one_bound() -> None:
    large = {"age": tensor(DT_INT64, [1 << 19], int64_val=[1])}
    assert reason_of(_stream([large] * 3)) == "bad_tensor_shape"


def answers_of(log: PredictionLog) -> list[Any]:
    texts = one_batch(log, responses=True).metadata["response"].to_pylist()
    return [None if text is None else json.loads(text) for text in texts]


def _predict(outputs: dict[str, TensorProto]) -> PredictionLog:
    log = PredictionLog()
    log.predict_log.request.inputs["age"].CopyFrom(tensor(DT_INT64, [2], int64_val=[1, 2]))
    for name, proto in outputs.items():
        log.predict_log.response.outputs[name].CopyFrom(proto)
    return log


def test_outputs_of_a_prediction_are_answers_row_by_row() -> None:
    outputs = {
        "score": tensor(DT_FLOAT, [2], float_val=[0.5, 0.25]),
        "each": tensor(DT_INT64, [2, 2], int64_val=[1, 2, 3, 4]),
        "name": tensor(DT_STRING, [2], string_val=["später".encode(), b"\xff"]),
        "other": tensor(DT_INT64, [3], int64_val=[1, 2, 3]),
        "scalar": tensor(DT_INT64, [], int64_val=[1]),
    }
    assert answers_of(_predict(outputs)) == [
        {"score": 0.5, "each": [1, 2], "name": "später"},
        {"score": 0.25, "each": [3, 4], "name": {"b64": "/w=="}},
    ]
    assert answers_of(_predict({})) == [None, None]
    bomb = {f"y{i}": tensor(DT_INT64, [2, 1 << 19], int64_val=[1]) for i in range(9)}
    assert answers_of(_predict(bomb)) == [None, None]


def test_answers_are_left_out_unless_they_are_wanted() -> None:
    log = _predict({"score": tensor(DT_FLOAT, [2], float_val=[0.5, 0.25])})
    assert one_batch(log).metadata["response"].to_pylist() == [None, None]


def test_classes_values_and_inferences_are_answers() -> None:
    classified = [
        {"classes": [{"label": "late", "score": s}, {"label": "in time", "score": 0.0}]}
        for s in (0.25, 0.5, 1.0)
    ]
    regressed = [{"value": value} for value in (0.25, 0.5, 1.0)]
    classify = _answered(log_of("classify_log", ROWS), "classify_log")
    regress = _answered(log_of("regress_log", ROWS), "regress_log")
    assert answers_of(classify) == classified
    assert answers_of(regress) == regressed
    log = log_of("multi_inference_log", ROWS)
    results = log.multi_inference_log.response.results
    results[0].model_spec.signature_name = "labels"
    results[0].classification_result.CopyFrom(classify.classify_log.response.result)
    results.add().regression_result.CopyFrom(regress.regress_log.response.result)
    assert answers_of(log) == [
        {"labels": classes, "1": value} for classes, value in zip(classified, regressed, strict=True)
    ]
    del regress.regress_log.response.result.regressions[0]
    assert answers_of(regress) == [None] * 3


def test_answers_of_streams_and_sessions() -> None:
    inputs = {"age": tensor(DT_INT64, [2], int64_val=[1, 2])}
    assert answers_of(_stream([inputs], 2)) == [[{"y": 0.0}, {"y": 1.0}], [{"y": 0.5}, {"y": 1.5}]]
    assert answers_of(_stream([inputs] * 2, 2)) == [{"y": 0.0}, {"y": 0.5}, {"y": 1.0}, {"y": 1.5}]
    assert answers_of(_stream([inputs] * 2, 3)) == [None] * 4
    session = _session(inputs)
    session.session_run_log.response.tensor.add(
        name="y:0", tensor=tensor(DT_FLOAT, [2], float_val=[1.0, 2.0])
    )
    assert answers_of(session) == [{"y": 1.0}, {"y": 2.0}]


def _quiet(examples: Sequence[bytes], name: str = "examples") -> PredictionLog:
    log = PredictionLog()
    log.predict_log.request.inputs[name].CopyFrom(tensor(DT_STRING, [len(examples)], string_val=examples))
    return log


@pytest.mark.parametrize("careful", [False, True])
def test_sampling_rate_and_origin(careful: bool) -> None:
    batch_of = []
    for rate in (0.25, 0.0, None, -1.0, 2.0, float("nan"), 1.0):
        log = _quiet(ROWS[:1])
        log.log_metadata.request_origin = "canary" if rate == 0.25 else ""
        if rate is not None:
            log.log_metadata.sampling_config.sampling_rate = rate
        if careful:
            log.predict_log.request.predict_streamed_options.SetInParent()
        batch_of.append(one_batch(log).metadata)
    assert [m["sampling_rate"][0].as_py() for m in batch_of] == [0.25, *[None] * 5, 1.0]
    assert [m["origin"][0].as_py() for m in batch_of] == ["canary", *[None] * 6]


KNOWN = warm_ups.fingerprints([ROWS, ROWS[:1]])


@pytest.mark.parametrize("careful", [False, True])
def test_requests_that_export_wrote_are_no_traffic(careful: bool) -> None:
    logs = [
        _quiet(ROWS),
        _quiet(ROWS[:1]),
        _quiet(ROWS[::-1]),
        _quiet(ROWS[:2]),
        _quiet(ROWS),
        _quiet(ROWS[:1]),
    ]
    logs[4].predict_log.response.SetInParent()
    logs[5].log_metadata.timestamp_secs = JULY_14
    if careful:
        for log in logs:
            log.predict_log.request.predict_streamed_options.SetInParent()
    records = [log.SerializeToString() for log in logs]
    parts = decode_logs(records, warm_ups=KNOWN)
    counts = total(part.accounting for part in parts)
    assert counts.excluded == {"warm_up": 2}
    assert (counts.decoded, counts.rows) == (4, 3 + 2 + 3 + 1)
    record_numbers = {i for part in parts if part.batch for i in part.batch.metadata["record"].to_pylist()}
    assert record_numbers == {2, 3, 4, 5}
    assert not total(part.accounting for part in decode_logs(records)).excluded


def test_what_is_no_example_is_counted_once() -> None:
    known = warm_ups.fingerprints([[b"garbage"]])
    records = [_quiet(rows).SerializeToString() for rows in ([b"garbage"], ROWS)]
    counts = total(part.accounting for part in decode_logs(records, warm_ups=known))
    assert (counts.read, counts.excluded, counts.decoded) == (2, {"warm_up": 1}, 1)


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("/logs/tf_serving_warmup_requests", True),
        ("gs://models/1/assets.extra/requests", True),
        ("/logs/tf_serving_warmup_requests.old/part-1", False),
        ("/assets.extra", False),
    ],
)
def test_files_of_warm_up_requests_are_known_by_their_names(path: str, is_one: bool) -> None:
    block = block_of([log_of("classify_log", ROWS).SerializeToString(), b"garbage"])
    parts = list(PredictionLogDecoder(settings()).decode(block, RecordPosition(path, 0)))
    counts = total(part.accounting for part in parts)
    assert counts.balance() == 0
    assert counts.excluded == ({"warm_up": 2} if is_one else {})
    assert counts.rows == (0 if is_one else 3)


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """A log of any kind, sometimes with a byte that is changed."""
    kind = draw(st.sampled_from([*LABELLING, "session_run_log", "predict_streamed_log"]))
    if kind in LABELLING:
        examples = draw(st.lists(st.sampled_from([*ROWS, b""]), max_size=3))
        log = log_of(kind, examples, draw(st.none() | st.sampled_from(ROWS)))
    else:
        size = draw(st.integers(0, 3))
        inputs = {"age:0": tensor(DT_INT64, [size], int64_val=[1] * size)}
        log = _session(inputs) if kind == "session_run_log" else _stream([inputs] * draw(st.integers(0, 3)))
    data = bytearray(log.SerializeToString())
    if draw(st.booleans()):
        data[draw(st.integers(0, len(data) - 1))] ^= draw(st.integers(1, 255))
    return bytes(data)


@given(st.lists(logs(), max_size=5), st.booleans())
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_log_is_decoded_or_rejected(records: list[bytes], responses: bool) -> None:
    parts = decode_logs(records, responses=responses, warm_ups=KNOWN)
    assert total(part.accounting for part in parts).read == len(records)
