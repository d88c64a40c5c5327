"""PredictionLogs that compiled code leaves to protobuf."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.request_scan import SETTINGS, Scan, example, labelled, usual_log
from support.wire import field
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from trueserve.transforms.columnar.framing import block_of
from trueserve.transforms.logs.formats.prediction_log import PredictionLogDecoder
from trueserve.transforms.logs.rows.rows import RecordPosition


def changed(change: Callable[[PredictionLog], Any]) -> bytes:
    log = usual_log()
    change(log)
    return bytes(log.SerializeToString())


def inputs(log: PredictionLog) -> Any:
    return log.predict_log.request.inputs


def with_context(kind: str) -> bytes:
    log = PredictionLog()
    part = getattr(log, kind).request.input.example_list_with_context
    part.examples.add()
    return bytes(log.SerializeToString())


# Field numbers: 6 predict_log, 1 request, 2 inputs; of a tensor 1 dtype, 2 shape, 8 strings.
UNUSUAL = {
    "no inputs": changed(lambda log: inputs(log).clear()),
    "two inputs": changed(lambda log: inputs(log)["more"].string_val.append(b"x")),
    "another type": changed(lambda log: setattr(inputs(log)["examples"], "dtype", 1)),
    "no type": changed(lambda log: setattr(inputs(log)["examples"], "dtype", 0)),
    "no shape": changed(lambda log: inputs(log)["examples"].ClearField("tensor_shape")),
    "two dimensions": changed(lambda log: inputs(log)["examples"].tensor_shape.dim.add(size=1)),
    "fewer than it says": changed(lambda log: inputs(log)["examples"].string_val.append(b"")),
    "more than it says": changed(lambda log: inputs(log)["examples"].string_val.pop()),
    "a size that is not known": changed(
        lambda log: setattr(inputs(log)["examples"].tensor_shape.dim[0], "size", -1)
    ),
    "numbers": changed(lambda log: inputs(log)["examples"].int_val.append(1)),
    "content": changed(lambda log: setattr(inputs(log)["examples"], "tensor_content", b"x")),
    "another kind of log": PredictionLog(session_run_log={}).SerializeToString(),
    "two kinds of log": labelled("classify_log").SerializeToString() + usual_log().SerializeToString(),
    "one kind twice": labelled("classify_log").SerializeToString() + field(3, b""),
    "examples with a context": with_context("classify_log"),
    "no list": PredictionLog(regress_log={}).SerializeToString(),
    "nothing": b"",
    "a version and a label": field(1, field(1, field(2, b"\x08\x01") + field(4, b"x")))
    + usual_log().SerializeToString(),
    "an unknown field": usual_log().SerializeToString() + field(9, b"x"),
    "an unknown field with a number above 17": usual_log().SerializeToString() + field(18, b"x"),
    "field 0": usual_log().SerializeToString() + b"\x02\x00",
    "a second request": usual_log().SerializeToString() + field(6, b""),
    "a second time": field(1, b"\x20\x01\x20\x02") + usual_log().SerializeToString(),
    "a time as bytes": field(1, field(4, b"x")) + usual_log().SerializeToString(),
    "a time that ends early": field(1, b"\x20\x80") + usual_log().SerializeToString(),
    "a tag of three bytes": field(1, b"\xa0\x80\x00\x01") + usual_log().SerializeToString(),
    "a name as a number": field(1, field(1, b"\x08\x01")) + usual_log().SerializeToString(),
    "a name that is no text": field(1, field(1, field(1, b"\xff"))) + usual_log().SerializeToString(),
    "a rate of seven bytes": field(1, field(2, b"\x09" + b"\x00" * 7)) + usual_log().SerializeToString(),
    "a rate as bytes": field(1, field(2, field(1, b"\x00" * 8))) + usual_log().SerializeToString(),
    "a message beyond its end": usual_log().SerializeToString()[:-1],
    "a message that is a number": usual_log().SerializeToString() + b"\x08\x01",
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_logs_are_left_to_protobuf(name: str) -> None:
    scan = Scan(UNUSUAL[name], usual_log([b""]).SerializeToString())
    assert scan.usual == [False, True]
    # Nothing of it is left among the examples.
    assert scan.examples == [[], [b""]]


def test_positions_of_records_that_are_left_to_protobuf_are_kept() -> None:
    block = block_of([UNUSUAL["an unknown field"], usual_log([example(3.0)]).SerializeToString(), b"\xff"])
    decoded = list(PredictionLogDecoder(SETTINGS).decode(block, RecordPosition("log", 10)))
    records = [row["record"] for part in decoded if part.batch for row in part.batch.metadata.to_pylist()]
    assert records == [11, 10, 10, 10]
    assert [reject.record for part in decoded for reject in part.rejects] == [12]
    assert np.sum([part.accounting.read for part in decoded]) == 3
