"""Records and files of the log formats, and their features worked out plainly."""

from __future__ import annotations

import gzip
import operator
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format
from tensorflow.core.example.example_pb2 import Example
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from trueserve.transforms.columnar.framing import block_of
from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.batches import Decoded, Fault
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.tfrecord import frame
from trueserve.transforms.logs.decode_file import Decoder
from trueserve.transforms.logs.features import Settings, expected_features
from trueserve.transforms.logs.formats.prediction_log import PredictionLogDecoder
from trueserve.transforms.logs.rows.rows import RecordPosition

DT_FLOAT, DT_STRING, DT_INT64, DT_BOOL = 1, 7, 9, 10

SCHEMA = text_format.Parse(
    """
    default_environment: "TRAINING" default_environment: "SERVING"
    feature { name: "age" type: INT }
    feature { name: "fare" type: FLOAT }
    feature { name: "word" type: BYTES }
    feature { name: "late" type: INT not_in_environment: "SERVING" }
    """,
    schema_pb2.Schema(),
)
EXPECTED = expected_features(SCHEMA, serving=True)

# What a feature holds in a row: None is a missing one.
Row = Mapping[str, Sequence[Any] | None]


def example(**features: Sequence[Any] | None) -> bytes:
    """A serialized tf.Example; the type of the first value is the feature's."""
    result = Example()
    for name, values in features.items():
        if values is None:
            continue
        kind = {int: "int64_list", float: "float_list", bytes: "bytes_list"}[type(values[0])]
        getattr(result.features.feature[name], kind).value.extend(values)
    data: bytes = result.SerializeToString(deterministic=True)
    return data


def tensor(dtype: int, shape: Sequence[int], content: bytes = b"", **values: Iterable[Any]) -> TensorProto:
    """A TensorProto made by hand, so that it can be wrong."""
    proto = TensorProto(dtype=dtype, tensor_content=content, **values)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def prediction_log(inputs: Mapping[str, TensorProto], seconds: int = 0, version: int | None = None) -> bytes:
    """A serialized PredictionLog of a predict request."""
    log = PredictionLog()
    log.log_metadata.timestamp_secs = seconds
    request = log.predict_log.request
    request.model_spec.name = "flights"
    request.model_spec.signature_name = "serving_default"
    for name, proto in inputs.items():
        request.inputs[name].CopyFrom(proto)
    if version is not None:
        log.predict_log.response.model_spec.version.value = version
    data: bytes = log.SerializeToString(deterministic=True)
    return data


def examples_log(examples: Sequence[bytes], seconds: int = 0, version: int | None = None) -> bytes:
    """A PredictionLog whose request carries serialized tf.Examples."""
    proto = tensor(DT_STRING, [len(examples)], string_val=examples)
    return prediction_log({"examples": proto}, seconds, version)


def write_records(path: Path, records: Iterable[bytes]) -> FileSize:
    """A TFRecord file, compressed where its name ends in `.gz`."""
    data = b"".join(map(frame, records))
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return FileSize(str(path), path.stat().st_size)


def decode(decoder: Decoder, records: Sequence[bytes], first_record: int = 0) -> list[Decoded]:
    return list(decoder.decode(block_of(list(records)), RecordPosition("log", first_record)))


def decode_logs(records: Sequence[bytes], **changes: Any) -> list[Decoded]:
    """PredictionLogs decoded by the schema; the counts of what became of them add up."""
    parts = decode(PredictionLogDecoder(settings(**changes)), records)
    assert total(part.accounting for part in parts).balance() == 0
    return parts


def rows_of(parts: Iterable[Decoded | Fault]) -> list[dict[str, list[Any]]]:
    """The rows of all batches in the order of files and records, without the features that a row lacks."""
    batches = [part.batch for part in parts if isinstance(part, Decoded) and part.batch]
    placed = [
        ((position["file"], position["record"]), row)
        for batch in batches
        for position, row in zip(batch.metadata.to_pylist(), batch.features.to_pylist(), strict=True)
    ]
    in_order = [row for _, row in sorted(placed, key=operator.itemgetter(0))]
    return [{name: values for name, values in row.items() if values is not None} for row in in_order]


def plain_row(serialized: bytes) -> dict[str, list[Any]]:
    """The features of a tf.Example by protobuf alone; one that has no kind is missing."""
    features = Example.FromString(serialized).features.feature
    kinds = {name: feature.WhichOneof("kind") for name, feature in features.items()}
    return {name: list(getattr(features[name], kind).value) for name, kind in kinds.items() if kind}


def as_float32(value: float) -> float:
    return float(np.float32(value))


def settings(**changes: Any) -> Settings:
    return Settings(**{"expected": EXPECTED, **changes})
