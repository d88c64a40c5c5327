"""PredictionLogs of every kind: what a row has of them."""

from __future__ import annotations

import pytest
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
from support.prediction_logs import (
    JULY_14,
    LABELLING,
    ROWS,
    answered_log,
    fill_input,
    log_of,
    one_batch,
    session_log,
    stream_log,
)
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from trueserve.transforms.logs.formats.prediction_log import PredictionLogDecoder
from trueserve.transforms.logs.tensors import example_lists


def reason_of(log: PredictionLog) -> str:
    [reject] = [reject for part in decode_logs([log.SerializeToString()]) for reject in part.rejects]
    return reject.reason


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
    records = [answered_log(log_of(kind, ROWS), kind).SerializeToString()] * 3
    parts = decode(decoder, records)
    assert rows_of(parts) == [plain_row(row) for row in ROWS] * 3


def test_of_two_kinds_the_last_counts() -> None:
    first, last = log_of("classify_log", ROWS[:1]), log_of("regress_log", ROWS)
    record = first.SerializeToString() + last.SerializeToString()
    assert rows_of(decode_logs([record])) == [plain_row(row) for row in ROWS]


def test_nothing_of_a_kind_that_does_not_count_is_kept() -> None:
    named, last, empty = PredictionLog(), PredictionLog(), PredictionLog()
    named.classify_log.request.model_spec.name = "other"
    fill_input(last.regress_log.request.input, ROWS, None)
    empty.predict_log.SetInParent()
    records = [named.SerializeToString() + last.SerializeToString()]
    [decoded] = decode_logs(records)
    assert decoded.batch is not None
    assert decoded.batch.metadata["model"].to_pylist() == [None] * 3
    [decoded] = decode_logs([last.SerializeToString() + empty.SerializeToString()])
    assert [reject.reason for reject in decoded.rejects] == ["no_inputs"]


def test_feeds_of_a_session_are_features_by_their_operations() -> None:
    feeds = {
        "age:0": tensor(DT_INT64, [2], int64_val=[1, 2]),
        "age/present:0": tensor(DT_BOOL, [2], bool_val=[True, False]),
        "fare": tensor(DT_FLOAT, [2, 1], float_val=[0.5, 1.0]),
    }
    [decoded] = decode_logs([session_log(feeds).SerializeToString()])
    assert rows_of([decoded]) == [{"age": [1], "fare": [0.5]}, {"fare": [1.0]}]
    assert decoded.batch is not None
    assert decoded.batch.metadata["version"].to_pylist() == ["4", "4"]


def test_a_feed_of_serialized_examples_is_their_rows() -> None:
    feeds = {"input_example_tensor:0": tensor(DT_STRING, [3], string_val=ROWS)}
    assert rows_of(decode_logs([session_log(feeds).SerializeToString()])) == [plain_row(row) for row in ROWS]


def test_a_feed_that_comes_twice_is_a_reject() -> None:
    age = tensor(DT_INT64, [1], int64_val=[1])
    assert reason_of(session_log({"age": age, "age:0": age})) == "bad_feed"
    assert reason_of(session_log({})) == "no_inputs"


def test_the_requests_of_a_stream_are_rows_of_one_record() -> None:
    ages = [{"age": tensor(DT_INT64, [2], int64_val=[i, i + 1])} for i in (1, 3)]
    batch = one_batch(stream_log(ages, 2))
    assert [row["age"] for row in batch.features.to_pylist()] == [[1], [2], [3], [4]]
    assert batch.metadata["version"].to_pylist() == ["5"] * 4
    carried = {"examples": tensor(DT_STRING, [3], string_val=ROWS)}
    rows = rows_of(decode_logs([stream_log([carried, carried]).SerializeToString()]))
    assert rows == [plain_row(row) for row in ROWS] * 2


def test_a_stream_is_rejected_whole() -> None:
    good = {"age": tensor(DT_INT64, [2], int64_val=[1, 2])}
    differ = good | {"fare": tensor(DT_FLOAT, [3], float_val=[1, 2, 3])}
    mask = good | {"age/present": tensor(DT_STRING, [2], string_val=[b"", b""])}
    carried = {"examples": tensor(DT_STRING, [3], string_val=ROWS)}
    assert reason_of(stream_log([good, differ])) == "batch_mismatch"
    assert reason_of(stream_log([good, mask])) == "bad_mask"
    records = [stream_log(requests).SerializeToString() for requests in ([good, mask], [good])]
    assert rows_of(decode_logs(records)) == [{"age": [1]}, {"age": [2]}]
    assert reason_of(stream_log([good, carried])) == "mixed_inputs"
    assert reason_of(stream_log([good, {}])) == reason_of(stream_log([])) == "no_inputs"
    split = stream_log([good])
    split.predict_streamed_log.request[0].predict_streamed_options.request_state = 1
    assert reason_of(split) == "split_request"


def test_the_requests_of_a_stream_share_one_bound() -> None:
    large = {"age": tensor(DT_INT64, [1 << 19], int64_val=[1])}
    assert reason_of(stream_log([large] * 3)) == "bad_tensor_shape"
