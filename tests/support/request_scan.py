"""Serialized PredictionLogs, and what a scan notes of them."""

from __future__ import annotations

from tensorflow.core.example.example_pb2 import Example
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from trueserve.transforms.columnar.examples.names import name_of
from trueserve.transforms.columnar.framing import block_of
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.formats.prediction_log import PredictionLogDecoder

SETTINGS = Settings(expected=Expected({"a": FeatureType.FLOAT}))
DT_STRING = 7


def example(value: float) -> bytes:
    message = Example()
    message.features.feature["a"].float_list.value.append(value)
    return bytes(message.SerializeToString())


EXAMPLES = [example(1.0), example(2.0), b""]


def usual_log(examples: list[bytes] = EXAMPLES) -> PredictionLog:
    """A request to predict, with nothing but what it must have."""
    log = PredictionLog()
    tensor = log.predict_log.request.inputs["examples"]
    tensor.dtype = DT_STRING
    tensor.string_val.extend(examples)
    tensor.tensor_shape.dim.add(size=len(examples))
    return log


class Scan:
    """What the scan says of records."""

    def __init__(self, *records: bytes) -> None:
        decoder = PredictionLogDecoder(SETTINGS)
        block = block_of(list(records))
        self.scanned = decoder._scan(block)
        self._names = decoder._names
        spans = zip(self.scanned.starts, self.scanned.ends, strict=True)
        every = [block.data[start:end].tobytes() for start, end in spans]
        self.examples = [
            every[first:last] for first, last in zip(self.scanned.first, self.scanned.first[1:], strict=False)
        ]

    @property
    def usual(self) -> list[bool]:
        return list(self.scanned.usual.tolist())

    def note(self, column: int, record: int = 0) -> int:
        return int(self.scanned.notes[record, column])

    def text(self, column: int, record: int = 0) -> str:
        number = self.note(column, record)
        return name_of(self._names, number - 1).decode() if number else ""


def labelled(kind: str) -> PredictionLog:
    log = PredictionLog()
    part = getattr(log, kind)
    part.request.model_spec.name = "asked"
    part.request.input.example_list.examples.add().features.feature["a"].float_list.value.append(1.0)
    part.response.model_spec.version.value = 4
    if kind == "classify_log":
        part.response.result.classifications.add().classes.add(label="yes", score=0.5)
        part.response.result.classifications[0].classes.add(label="no", score=0.5)
        part.response.result.classifications.add()
    else:
        part.response.result.regressions.add(value=2.5)
        part.response.result.regressions.add()
    return log
