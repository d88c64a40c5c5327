"""The statistics of a model's predictions in its SavedModel: what they are called there."""

from __future__ import annotations

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.files import paths

FOLDER = "assets.extra"
STATISTICS = "prediction_stats.binpb"
SCHEMA = "prediction_schema.pbtxt"


def write(
    model: str, schema: schema_pb2.Schema, statistics: statistics_pb2.DatasetFeatureStatisticsList
) -> None:
    """Writes both into the folder of a SavedModel; the same messages give the same bytes."""
    folder = paths.join(model, FOLDER)
    paths.write_atomically(paths.join(folder, SCHEMA), text_format.MessageToString(schema).encode())
    paths.write_atomically(paths.join(folder, STATISTICS), statistics.SerializeToString(deterministic=True))


def find(model: str) -> tuple[str, str] | None:
    """The schema's and the statistics' path in a SavedModel; None where one is missing."""
    schema, statistics = (paths.join(model, FOLDER, name) for name in (SCHEMA, STATISTICS))
    return (schema, statistics) if paths.exists(schema) and paths.exists(statistics) else None
