"""tf.Transform's analysis of a file that is not installed, with a worker in this and in another process."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from support import baseline as support
from support.logs import example, write_records
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.beam import deep_copy

from trueserve.transforms.analyze import AnalyzeAndTransform
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.files import globs
from trueserve.transforms.graph.transform_graph import TransformGraph
from trueserve.transforms.read import ReadRows

NUMBER = """feature { name: "number" type: FLOAT presence { min_fraction: 1 min_count: 1 }
                     shape { dim { size: 1 } } }"""


def test_the_transform_output_has_the_standard_layout() -> None:
    output = tft.TFTransformOutput(support.transform_output())
    assert output.raw_metadata.schema == support.schema()
    assert output.vocabulary_by_name("carrier") == [b"AA", b"UA"]
    assert set(output.transformed_feature_spec()) == set(support.RAW_OF)


def test_every_row_is_transformed_label_included() -> None:
    rows = support.transformed_rows()
    assert [row["label"] for row in rows] == [[0], [1], [0], [1]]
    assert [row["distance_if_late"] for row in rows] == [[0.0], [200.0], [0.0], [600.0]]


def test_the_schema_at_construction_time_marks_categories() -> None:
    schema = support.built()[1]
    categorical = {f.name for f in schema.feature if schemas.is_categorical(f, schema)}
    assert categorical == {"carrier_id", "stops_bucket", "tags"}
    assert {f.name for f in schema.feature} == set(support.RAW_OF)


def test_transformed_examples_are_what_training_reads() -> None:
    folder = support.built()[0] / "transformed_examples"
    files = sorted(str(path) for path in folder.glob("*.tfrecord.gz"))
    assert gzip.decompress(Path(files[0]).read_bytes())
    spec = tft.TFTransformOutput(support.transform_output()).transformed_feature_spec()
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    parsed = [tf.io.parse_single_example(record, spec) for record in records]
    ratios = {int(row["hour"][0]): float(row["ratio"]) for row in parsed}
    assert ratios == {0: 50.0, 1: 50.0, 2: 0.0, 3: 600.0}


def test_a_worker_in_another_process_gives_the_same_graph(tmp_path: Path) -> None:
    spec = support.write_preprocessing(tmp_path / "code")
    support.analyze(tmp_path, spec, ["--direct_running_mode=multi_processing", "--direct_num_workers=1"])
    assert support.transformed_rows(tmp_path) == support.transformed_rows()
    there, here = (TransformGraph(str(f / "transform_output")) for f in (tmp_path, support.built()[0]))
    rows = support.batch(support.ROWS)
    assert there.apply(rows).equals(here.apply(rows))


def three_phases(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The second and the third analysis need what those before them gave."""
    centred = inputs["number"] - tft.mean(inputs["number"])
    scaled = centred / tft.max(tf.abs(centred))
    return {"scaled": scaled, "share": scaled / tft.sum(tf.abs(scaled))}


def run(folder: Path, preprocessing_fn: Any, range_bytes: int) -> int:
    """Analyses `folder`'s examples; gives how often they were read."""
    schema = text_format.Parse(NUMBER, schema_pb2.Schema())
    files = tuple(globs.expand(str(folder / "examples")))
    with beam.Pipeline("FnApiRunner") as pipeline:
        outputs = pipeline | AnalyzeAndTransform(
            ReadRows(files, schema, lambda batch: batch.features, None, range_bytes),
            preprocessing_fn,
            schema,
            transform_output=str(folder / "transform_output"),
            transformed_examples=str(folder / "transformed"),
            temp=str(folder / "temp"),
        )
    return int(outputs.num_reads)


def transformed(folder: Path, name: str) -> list[float]:
    files = sorted(map(str, (folder / "transformed").glob("*.gz")))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    parsed = (tf.io.parse_single_example(r, {name: tf.io.FixedLenFeature([], tf.float32)}) for r in records)
    return sorted(float(row[name]) for row in parsed)


@pytest.mark.parametrize("range_bytes", [0, 2_000])
def test_each_phase_reads_all_examples_again(tmp_path: Path, range_bytes: int) -> None:
    numbers = np.random.default_rng(5).normal(3.0, 2.0, 700).astype(np.float32)
    (tmp_path / "examples").mkdir()
    for name, part in {"a": numbers[:500], "b.gz": numbers[500:650], "c": numbers[650:]}.items():
        write_records(tmp_path / "examples" / name, [example(number=[float(n)]) for n in part])
    # Once for each of three phases, and to transform.
    assert run(tmp_path, three_phases, range_bytes) == 4
    centred = numbers - numbers.mean()
    scaled = centred / np.abs(centred).max()
    assert transformed(tmp_path, "scaled") == pytest.approx(sorted(scaled), abs=1e-5)
    assert transformed(tmp_path, "share") == pytest.approx(sorted(scaled / np.abs(scaled).sum()), abs=1e-6)


def test_what_tf_transform_copies_with_is_as_before_where_tracing_fails(tmp_path: Path) -> None:
    before = deep_copy.deep_copy
    (tmp_path / "examples").mkdir()
    write_records(tmp_path / "examples" / "a", [example(number=[1.0])])
    with pytest.raises(ZeroDivisionError):
        run(tmp_path, lambda inputs: {"number": inputs["number"] / (1 // 0)}, 0)
    assert deep_copy.deep_copy is before
