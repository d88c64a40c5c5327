"""PredictionLogs that are no traffic, sampling rates, and any log at all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.logs import DT_INT64, DT_STRING, decode_logs, settings, tensor
from support.prediction_logs import JULY_14, LABELLING, ROWS, log_of, one_batch, session_log, stream_log
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from trueserve.transforms.columnar.framing import block_of
from trueserve.transforms.core.accounting import total
from trueserve.transforms.logs.formats.prediction_log import PredictionLogDecoder
from trueserve.transforms.logs.rows import warm_ups
from trueserve.transforms.logs.rows.rows import RecordPosition


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
        log = (
            session_log(inputs)
            if kind == "session_run_log"
            else stream_log([inputs] * draw(st.integers(0, 3)))
        )
    data = bytearray(log.SerializeToString())
    if draw(st.booleans()):
        data[draw(st.integers(0, len(data) - 1))] ^= draw(st.integers(1, 255))
    return bytes(data)


@given(st.lists(logs(), max_size=5), st.booleans())
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_log_is_decoded_or_rejected(records: list[bytes], responses: bool) -> None:
    parts = decode_logs(records, responses=responses, warm_ups=KNOWN)
    assert total(part.accounting for part in parts).read == len(records)
