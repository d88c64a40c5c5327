"""tf.Transform's analysis of a file that is not installed, with workers in this and in other processes."""

from __future__ import annotations

import gzip
from pathlib import Path

import tensorflow as tf
import tensorflow_transform as tft
from support import baseline as support

from transforms.core import schema as schemas
from transforms.graph.transform_graph import TransformGraph


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


def test_workers_in_other_processes_give_the_same_graph(tmp_path: Path) -> None:
    spec = support.write_preprocessing(tmp_path / "code")
    support.analyze(tmp_path, spec, ["--direct_running_mode=multi_processing", "--direct_num_workers=2"])
    assert support.transformed_rows(tmp_path) == support.transformed_rows()
    there, here = (TransformGraph(str(f / "transform_output")) for f in (tmp_path, support.built()[0]))
    rows = support.batch(support.ROWS)
    assert there.apply(rows).equals(here.apply(rows))
