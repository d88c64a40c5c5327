"""Serialized PredictionLogs: which are usual, what is noted of them, and where their examples stand."""

from __future__ import annotations

import struct

import pytest
from support.request_scan import EXAMPLES, SETTINGS, Scan, example, labelled, usual_log
from support.wire import field
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from trueserve.transforms.columnar import request_scan as rs
from trueserve.transforms.columnar.framing import block_of
from trueserve.transforms.logs.formats.prediction_log import PredictionLogDecoder
from trueserve.transforms.logs.rows.rows import RecordPosition


def scan_of(log: PredictionLog) -> Scan:
    return Scan(log.SerializeToString())


def test_the_examples_of_each_record_stand_in_a_row() -> None:
    scan = Scan(
        usual_log().SerializeToString(),
        usual_log([b""]).SerializeToString(),
        usual_log([]).SerializeToString(),
    )
    assert scan.usual == [True] * 3
    assert scan.examples == [EXAMPLES, [b""], []]
    assert int(scan.scanned.total[0]) == 4


def everything() -> PredictionLog:
    """A log with a value in each field that the table knows."""
    log = usual_log()
    meta = log.log_metadata
    meta.timestamp_secs = 1_700_000_000
    meta.sampling_config.sampling_rate = 0.25
    meta.sampling_config.attributes = 1
    meta.saved_model_tags.extend(["serve", "more"])
    meta.model_spec.name, meta.model_spec.signature_name = "logged", "of the log"
    meta.model_spec.version.value = 3
    request, response = log.predict_log.request, log.predict_log.response
    request.model_spec.name, request.model_spec.signature_name = "asked", "of the request"
    request.model_spec.version_label = "stable"
    request.output_filter.extend(["a", "b"])
    request.inputs["examples"].version_number = 1
    request.inputs["examples"].tensor_shape.dim[0].name = "rows"
    response.model_spec.name, response.model_spec.signature_name = "answered", "of the answer"
    response.model_spec.version.value = 12
    tensor = response.outputs["y"]
    tensor.dtype, tensor.version_number = 1, 1
    tensor.tensor_shape.dim.add(size=2, name="rows")
    tensor.tensor_shape.dim.add(size=-1)
    tensor.tensor_shape.unknown_rank = True
    tensor.tensor_content = b"abc"
    tensor.float_val.extend([1, 2])
    tensor.double_val.extend([1, 2])
    tensor.int_val.extend([1, -2])
    tensor.string_val.extend([b"x", b"\xff"])
    tensor.int64_val.extend([1, -1])
    tensor.bool_val.extend([True, False])
    tensor.half_val.extend([1, 300])
    tensor.uint32_val.extend([1, 300])
    tensor.uint64_val.extend([1, 2**64 - 1])
    response.outputs["z"].dtype = 3
    return log


def test_a_log_with_everything_is_usual() -> None:
    scan = scan_of(everything())
    assert scan.usual == [True]
    assert scan.examples == [EXAMPLES]


def test_nothing_is_noted_of_the_record_before() -> None:
    bare = PredictionLog()
    bare.predict_log.request.inputs["examples"].CopyFrom(usual_log().predict_log.request.inputs["examples"])
    both = Scan(everything().SerializeToString(), bare.SerializeToString())
    assert both.usual == [True] * 2
    assert both.scanned.notes[1].tolist() == Scan(bare.SerializeToString()).scanned.notes[0].tolist()
    assert both.scanned.notes[0].tolist() != both.scanned.notes[1].tolist()


def test_what_is_noted() -> None:
    scan = scan_of(everything())
    assert scan.note(0) == 1_700_000_000
    assert scan.text(1) == "examples"
    # Of the response, of the request and of the log.
    assert [scan.text(column) for column in (2, 7, 12)] == ["answered", "asked", "logged"]
    assert [scan.note(column) for column in (3, 8, 13)] == [1, 0, 1]
    assert [scan.note(column) for column in (4, 14)] == [12, 3]
    assert [scan.text(column) for column in (5, 10, 15)] == ["", "stable", ""]
    assert [scan.text(column) for column in (6, 11, 16)] == ["of the answer", "of the request", "of the log"]
    assert struct.pack("<q", scan.note(rs.MORE)) == struct.pack("<d", 0.25)
    assert [scan.note(rs.MORE + column) for column in (1, 2, 3)] == [0, 1, 1]
    assert rs.MORE + 4 == rs.NOTED == scan.scanned.notes.shape[1]


def test_what_is_noted_of_nothing() -> None:
    scan = scan_of(usual_log())
    assert [scan.note(column) for column in (0, 3, 8, 13, rs.MORE, rs.MORE + 1, rs.MORE + 3)] == [0] * 7
    assert scan.note(rs.MORE + 2) == 1


def test_a_time_before_1970_is_none() -> None:
    log = usual_log()
    log.log_metadata.timestamp_secs = -5
    assert scan_of(log).note(0) == 0


def test_the_origin_is_noted() -> None:
    record = (
        field(1, field(5, b"client") + field(6, b"the origin") + field(7, b"id"))
        + usual_log().SerializeToString()
    )
    scan = Scan(record)
    assert scan.usual == [True]
    assert scan.text(rs.MORE + 1) == "the origin"


def test_records_do_not_mix() -> None:
    scan = Scan(everything().SerializeToString(), usual_log().SerializeToString())
    assert scan.usual == [True, True]
    assert (scan.note(0, 1), scan.text(2, 1), scan.note(3, 1), scan.note(rs.MORE, 1)) == (0, "", 0, 0)


@pytest.mark.parametrize("kind", ["classify_log", "regress_log"])
def test_requests_to_classify_and_to_regress(kind: str) -> None:
    scan = scan_of(labelled(kind))
    assert scan.usual == [True]
    assert scan.examples == [[example(1.0)]]
    assert (scan.text(7), scan.note(3), scan.note(4), scan.note(rs.MORE + 2)) == ("asked", 1, 4, 0)


def with_output(data: bytes) -> bytes:
    request = usual_log().predict_log.request.SerializeToString()
    return field(6, field(1, request) + field(2, field(1, field(1, b"y") + field(2, data))))


@pytest.mark.parametrize(
    ("data", "is_usual"),
    [
        (field(5, b"\x00" * 8), True),
        (field(5, b"\x00" * 4) + field(5, b""), True),
        (field(5, b"\x00" * 7), False),
        (b"\x2d\x00\x00\x00\x00", False),
        (field(6, b"\x00" * 16), True),
        (field(6, b"\x00" * 12), False),
        (field(7, b"\x80\x01\x05"), True),
        (field(7, b"\x80"), False),
        (b"\x38\x01", False),
        (field(8, b"\xff"), True),
        (field(4, b"x"), True),
        (field(4, b"x") + field(4, b"y"), False),
        (field(9, b"\x00" * 8), False),
        (field(12, b"\x00" * 8), False),
        (field(14, b""), False),
        (field(15, b""), False),
        (b"\x08\x01", True),
        (b"\x08\x01\x08\x01", False),
    ],
)
def test_values_of_outputs(data: bytes, is_usual: bool) -> None:
    assert Scan(with_output(data)).usual == [is_usual]


@pytest.mark.parametrize(
    ("score", "is_usual"),
    [
        (b"\x15\x00\x00\x00\x3f", True),
        (b"\x15\x00\x00\x3f", False),
        (b"\x10\x01", False),
        (field(2, b"1234"), False),
    ],
)
def test_scores_of_classes(score: bytes, is_usual: bool) -> None:
    request = labelled("classify_log").classify_log.request.SerializeToString()
    classes = field(1, field(1, field(1, b"yes") + score))
    assert Scan(field(2, field(1, request) + field(2, field(1, classes)))).usual == [is_usual]


def test_many_names_and_examples_make_room() -> None:
    logs = []
    for i in range(200):
        log = usual_log([example(float(i))] * (i % 7))
        log.predict_log.request.model_spec.name = f"model {i} " + "x" * i
        logs.append(log.SerializeToString())
    scan = Scan(*logs)
    assert scan.usual == [True] * 200
    assert [len(examples) for examples in scan.examples] == [i % 7 for i in range(200)]
    assert scan.examples[199] == [example(199.0)] * 3
    assert [scan.text(7, i) for i in (0, 150, 199)] == [f"model {i} " + "x" * i for i in (0, 150, 199)]


def test_the_same_text_has_one_number() -> None:
    log = usual_log()
    log.predict_log.request.model_spec.name = log.predict_log.request.model_spec.signature_name = "examples"
    scan = scan_of(log)
    assert scan.note(1) == scan.note(7) == scan.note(11) == 1


def test_rows_have_what_was_noted() -> None:
    block = block_of([everything().SerializeToString(), usual_log([example(3.0)]).SerializeToString()])
    [decoded] = PredictionLogDecoder(SETTINGS).decode(block, RecordPosition("log", 100))
    assert decoded.batch is not None
    rows = decoded.batch.metadata.to_pylist()
    assert [row["record"] for row in rows] == [100, 100, 100, 101]
    assert (rows[0]["model"], rows[0]["version"], rows[0]["signature"]) == ("answered", "12", "of the answer")
    assert (rows[3]["model"], rows[3]["version"], rows[3]["time"]) == (None, None, None)
    assert rows[0]["sampling_rate"] == 0.25
    assert rows[0]["time"].timestamp() == 1_700_000_000
    assert decoded.batch.features.column(0).to_pylist() == [[1.0], [2.0], None, [3.0]]
