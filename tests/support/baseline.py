"""A small training set with every kind of feature, its preprocessing file, and its analysis, made once."""

from __future__ import annotations

import ast
import functools
import tempfile
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from support import shared_folders
from trueserve.transforms.analyze import AnalyzeAndTransform
from trueserve.transforms.core import record_batches
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.graph.preprocessing import load_preprocessing

SCHEMA = """
feature { name: "distance" type: FLOAT }
feature { name: "delay" type: FLOAT }
feature { name: "carrier" type: BYTES }
feature { name: "tags" type: BYTES }
feature { name: "stops" type: INT }
feature { name: "hour" type: INT presence { min_fraction: 1 min_count: 1 } shape { dim { size: 1 } } }
feature { name: "late" type: INT }
"""

# Two files: the second stands beside the first and is imported by it.
PREPROCESSING = """
import dataclasses
import tensorflow as tf
import tensorflow_transform as tft
import shared
from shared import filled


@dataclasses.dataclass(frozen=True)
class Settings:
    buckets: int = 3


SETTINGS = Settings()


@tf.function
def unrelated(a, b):
    return a * 2.0, b + 1.0


@tf.function
def when_any(value, switch):
    return tf.cond(switch > 0, lambda: value, lambda: value * 2.0)


@tf.function
def either(a, b):
    return tf.cond(tf.reduce_max(a) > 0.0, lambda: (a, b), lambda: (a * 2.0, b))


def preprocessing_fn(inputs):
    distance = filled(inputs["distance"], 0.0)
    delay = filled(inputs["delay"], 0.0)
    late = filled(inputs["late"], 0)
    doubled, later = unrelated(distance, delay)
    first, second = either(distance, delay)
    return {
        "first": first,
        "second": second,
        "as_many": distance + tf.zeros([inputs["delay"].dense_shape[0]]),
        "distance_z": tft.scale_to_z_score(distance),
        "doubled": doubled,
        "later": later,
        "switched": when_any(distance, tf.size(delay)),
        "ratio": distance / (delay + 1.0),
        "carrier_id": tft.compute_and_apply_vocabulary(
            inputs["carrier"], num_oov_buckets=1, vocab_filename="carrier"),
        "tags": tf.RaggedTensor.from_sparse(inputs["tags"]),
        "stops_bucket": tft.bucketize(filled(inputs["stops"], 0), shared.BUCKETS or SETTINGS.buckets),
        "has_stops": tf.cast(shared.present(inputs["stops"]), tf.int64),
        "hour": inputs["hour"],
        "label": late,
        "distance_if_late": distance * tf.cast(late, tf.float32),
    }
"""
SHARED_MODULE = '''
import tensorflow as tf

BUCKETS = 3


def filled(values, default):
    """[batch] from a SparseTensor [batch, 1]."""
    shape = [values.dense_shape[0], 1]
    return tf.squeeze(tf.sparse.to_dense(tf.SparseTensor(values.indices, values.values, shape), default), 1)


def present(values):
    ones = tf.SparseTensor(values.indices, tf.ones_like(values.values), values.dense_shape)
    return filled(ones, 0) > 0
'''

RAW_OF = {
    "first": ["distance"],
    "second": ["delay", "distance"],
    "as_many": ["distance"],
    "distance_z": ["distance"],
    "doubled": ["distance"],
    "later": ["delay"],
    "switched": ["distance"],
    "ratio": ["delay", "distance"],
    "carrier_id": ["carrier"],
    "tags": ["tags"],
    "stops_bucket": ["stops"],
    "has_stops": ["stops"],
    "hour": ["hour"],
    "label": ["late"],
    "distance_if_late": ["distance", "late"],
}
LABEL_OUTPUTS = {"label", "distance_if_late"}

ROWS: list[dict[str, Any]] = [
    {
        "distance": [100.0],
        "delay": [1.0],
        "carrier": [b"AA"],
        "tags": [b"x", b"y"],
        "stops": [0],
        "late": [0],
    },
    {"distance": [200.0], "delay": [3.0], "carrier": [b"AA"], "tags": None, "stops": None, "late": [1]},
    {"distance": None, "delay": None, "carrier": None, "tags": [], "stops": [2], "late": [0]},
    {"distance": [600.0], "delay": [0.0], "carrier": [b"UA"], "tags": [b"z"], "stops": [9], "late": [1]},
]


def schema() -> schema_pb2.Schema:
    return schemas.with_environments(text_format.Parse(SCHEMA, schema_pb2.Schema()), "late")


def batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """All columns of the schema; `hour` counts up from 0."""
    columns = record_batches.arrow_schema(schema())
    rows = [{"hour": [i], **row} for i, row in enumerate(rows)]
    arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=columns)


def write_preprocessing(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shared.py").write_text(SHARED_MODULE)
    (folder / "features.py").write_text(PREPROCESSING)
    return str(folder / "features.py")


def analyze(folder: Path, spec: str, options: list[str]) -> schema_pb2.Schema:
    """Runs the analysis on two batches, one with a column too many.

    Gives the outputs' schema as it is known at construction time.
    """
    all_rows = batch(ROWS)
    last = all_rows.slice(3)
    unknown = pa.array([[1]], pa.large_list(pa.int64()))
    wider = pa.RecordBatch.from_arrays([unknown, *last.columns], names=["unknown", *last.schema.names])
    with beam.Pipeline(
        "FnApiRunner", options=beam.options.pipeline_options.PipelineOptions(options)
    ) as pipeline:
        result = pipeline | "AnalyzeAndTransform" >> AnalyzeAndTransform(
            beam.Create([all_rows.slice(0, 3), wider, all_rows.slice(0, 0)]),
            preprocessing_fn=load_preprocessing(spec),
            schema=schema(),
            transform_output=str(folder / "transform_output"),
            transformed_examples=str(folder / "transformed_examples"),
            temp=str(folder / "temp"),
        )
        _ = (
            result.batches
            | beam.Map(lambda rows: repr(rows.to_pylist()))
            | beam.io.WriteToText(str(folder / "rows"))
        )
    return result.schema


@functools.cache
def built() -> tuple[Path, schema_pb2.Schema]:
    """A folder with `transform_output`, `transformed_examples` and `rows*`, made once for all tests.

    And the outputs' schema as it is known at construction time.
    """
    run = shared_folders.of_run or Path(tempfile.mkdtemp(prefix="trueserve-test-"))
    folder = shared_folders.filled_once(run / "analyzed", _build)
    outputs = (folder / "outputs.pbtxt").read_text()
    return folder, text_format.Parse(outputs, schema_pb2.Schema())


def _build(folder: Path) -> None:
    outputs = analyze(folder, write_preprocessing(folder / "code"), [])
    (folder / "outputs.pbtxt").write_text(text_format.MessageToString(outputs))


def transform_output() -> str:
    return str(built()[0] / "transform_output")


def transformed_rows(folder: Path | None = None) -> list[dict[str, Any]]:
    """What the analysis made of ROWS, in their order."""
    files = (folder or built()[0]).glob("rows-*")
    rows = [row for path in files for line in path.read_text().splitlines() for row in ast.literal_eval(line)]
    return sorted(rows, key=lambda row: int(row["hour"][0]))
