"""The compiled path of PredictionLogs gives what the plain decoder gives, for any bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.wire import comparable, field, mutated, serialized, unknown, varint
from tensorflow.core.example.example_pb2 import Example
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from trueserve.transforms.columnar.framing import block_of
from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.batches import Decoded
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.formats.prediction_log import PredictionLogDecoder
from trueserve.transforms.logs.rows.rows import RecordPosition
from trueserve.transforms.logs.tensors.parsed_prediction_log import ParsedLogDecoder

SETTINGS = Settings(
    expected=Expected({"a": FeatureType.FLOAT, "b": FeatureType.INT, "feature": FeatureType.BYTES})
)
POSITION = RecordPosition("log", 100)


def _example(a: float, b: int, feature: bytes) -> bytes:
    example = Example()
    example.features.feature["a"].float_list.value.append(a)
    example.features.feature["b"].int64_list.value.append(b)
    example.features.feature["feature"].bytes_list.value.append(feature)
    data: bytes = example.SerializeToString()
    return data


_examples = st.one_of(
    st.builds(_example, st.floats(width=32), st.integers(-5, 5), st.binary(max_size=4)), serialized, mutated()
)


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """A serialized PredictionLog, most of the time of the usual form."""
    log = PredictionLog()
    if draw(st.booleans()):
        log.log_metadata.timestamp_secs = draw(st.integers(-5, 1 << 40))
    request, response = log.predict_log.request, log.predict_log.response
    for spec in (request.model_spec, response.model_spec, log.log_metadata.model_spec):
        spec.name = draw(st.sampled_from(["", "model", "other"]))
        spec.signature_name = draw(st.sampled_from(["", "serving_default", "zwölf"]))
        version = draw(st.sampled_from(["", "number", "label"]))
        if version == "number":
            spec.version.value = draw(st.integers(-1, 3))
        elif version == "label":
            spec.version_label = draw(st.sampled_from(["", "stable"]))
    _fill(
        draw, request.inputs[draw(st.sampled_from(["examples", "examples", "examples", "inputs", "a", ""]))]
    )
    if draw(st.booleans()):
        response.outputs["scores"].dtype = 1
        response.outputs["scores"].float_val.extend([0.5, 0.25])
        response.outputs["scores"].tensor_shape.dim.add(size=2)
    return bytes(log.SerializeToString())


def _fill(draw: st.DrawFn, tensor: Any) -> None:
    values = draw(st.lists(_examples, max_size=3))
    tensor.dtype = draw(st.sampled_from([7, 7, 7, 7, 1]))
    tensor.string_val.extend(values)
    size = draw(st.sampled_from([len(values)] * 6 + [1, 3]))
    if draw(st.sampled_from([True] * 8 + [False])):
        tensor.tensor_shape.dim.add(size=size)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A log of which bytes are changed, lost or added, or with fields that it should not have."""
    data = bytearray(draw(logs()))
    change = draw(st.sampled_from(["set", "cut", "add", "end", "unknown", "twice", "overlong"]))
    at = draw(st.integers(0, max(len(data) - 1, 0)))
    if change == "set" and data:
        data[at] = draw(st.integers(0, 255))
    elif change == "cut":
        del data[at : at + draw(st.integers(1, 4))]
    elif change == "add":
        data[at:at] = draw(st.binary(min_size=1, max_size=4))
    elif change == "end":
        del data[at:]
    elif change == "unknown":
        data += draw(unknown())
    elif change == "twice":
        data += draw(logs())
    else:
        data += b"\x8a\x80\x80\x80\x00" + varint(0) + field(6, b"")
    return bytes(data)


def _rows(decoded: Iterable[Decoded]) -> tuple[dict[int, list[Any]], Any, Any]:
    """Rows by record: metadata and values; rejects; and all counts."""
    decoded = list(decoded)
    rows: dict[int, list[Any]] = {}
    for part in decoded:
        if part.batch is not None:
            for metadata, values in zip(
                part.batch.metadata.to_pylist(), part.batch.features.to_pylist(), strict=True
            ):
                features = {k: [comparable(x) for x in v] for k, v in values.items() if v is not None}
                rows.setdefault(metadata["record"], []).append((metadata, features))
    rejects = sorted(reject for part in decoded for reject in part.rejects)
    counts = total(part.accounting for part in decoded)
    assert counts.balance() == 0
    return rows, rejects, counts


def _plain(records: list[bytes]) -> Any:
    return _rows(ParsedLogDecoder(SETTINGS).decode(records, POSITION))


def check(records: list[bytes]) -> None:
    assert _rows(PredictionLogDecoder(SETTINGS).decode(block_of(records), POSITION)) == _plain(records)


@settings(deadline=None, max_examples=200)
@given(st.lists(logs(), max_size=6))
def test_equals_the_plain_decoder(records: list[bytes]) -> None:
    check(records)


@settings(deadline=None, max_examples=300)
@given(st.lists(damaged(), min_size=1, max_size=4))
def test_equals_the_plain_decoder_on_damaged_records(records: list[bytes]) -> None:
    check(records)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.binary(max_size=80), min_size=1, max_size=4))
def test_equals_the_plain_decoder_on_noise(records: list[bytes]) -> None:
    check(records)


def test_a_version_said_twice_is_merged() -> None:
    """A second message adds to the first: what it leaves out stays as it was."""
    log = PredictionLog()
    tensor = log.predict_log.request.inputs["examples"]
    tensor.dtype = 7
    tensor.string_val.append(_example(1.5, 1, b"x"))
    tensor.tensor_shape.dim.add(size=1)
    twice = field(2, b"\x08\x03") + field(2, b"")
    record = log.SerializeToString() + field(6, field(2, field(2, twice)))
    check([record, field(1, field(1, twice)) + log.SerializeToString()])


def test_usual_logs_take_the_fast_way(monkeypatch: Any) -> None:
    log = PredictionLog()
    log.log_metadata.timestamp_secs = 1_700_000_000
    log.predict_log.request.model_spec.name = "model"
    tensor = log.predict_log.request.inputs["examples"]
    tensor.dtype = 7
    tensor.string_val.extend([_example(1.5, i, b"x") for i in range(3)])
    tensor.tensor_shape.dim.add(size=3)
    log.predict_log.response.model_spec.version.value = 12
    log.predict_log.response.outputs["y"].float_val.append(1)
    records = [log.SerializeToString()] * 5
    expected = _plain(records)

    def fail(*_: object) -> None:
        raise AssertionError("the slow way was taken")

    monkeypatch.setattr(ParsedLogDecoder, "decode", fail)
    assert _rows(PredictionLogDecoder(SETTINGS).decode(block_of(records), POSITION)) == expected
    assert expected[2].rows == 15
