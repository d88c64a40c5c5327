"""The statistics of a model's predictions in its SavedModel: what they are called there."""

from __future__ import annotations

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.files import paths

FOLDER = "assets.extra"
STATISTICS = "prediction_stats.binpb"
SCHEMA = "prediction_schema.pbtxt"
#: Of evaluation rows with labels; no model has it that was exported without.
PERFORMANCE = "performance.json"


def write(
    model: str, schema: schema_pb2.Schema, statistics: statistics_pb2.DatasetFeatureStatisticsList
) -> None:
    """Writes both into the folder of a SavedModel; the same messages give the same bytes."""
    folder = paths.join(model, FOLDER)
    paths.write_atomically(paths.join(folder, SCHEMA), text_format.MessageToString(schema).encode())
    paths.write_atomically(paths.join(folder, STATISTICS), statistics.SerializeToString(deterministic=True))


def write_performance(model: str, record: bytes) -> None:
    """Writes the record of `performance.record` beside the statistics."""
    paths.write_atomically(paths.join(model, FOLDER, PERFORMANCE), record)


def performance(model: str) -> bytes | None:
    """The record of performance; None where the model has none."""
    path = paths.join(model, FOLDER, PERFORMANCE)
    return paths.read_bytes(path) if paths.exists(path) else None


def find(model: str) -> tuple[str, str] | None:
    """The schema's and the statistics' path in a SavedModel; None where one is missing."""
    schema, statistics = (paths.join(model, FOLDER, name) for name in (SCHEMA, STATISTICS))
    return (schema, statistics) if paths.exists(schema) and paths.exists(statistics) else None
