"""A graph of plain tf.Transform, which has no schema of its inputs: completed, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from support import e2e, tfx
from support.tfx import SPEC
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.baseline.adoption import given_graph
from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.graph.transform_graph import TransformGraph

# What TFDV may infer of the examples: shapes that the graph does not have, and none where it has one.
SCHEMA = text_format.Parse(
    """
    feature { name: "fare" type: FLOAT presence { min_count: 1 } }
    feature { name: "place" type: FLOAT value_count { min: 2 max: 2 } }
    feature { name: "tips" type: INT shape { dim { size: 3 } } presence { min_fraction: 1 min_count: 1 } }
    feature { name: "words" type: BYTES shape { dim { size: 1 } } presence { min_fraction: 1 min_count: 1 } }
    feature { name: "unused" type: FLOAT }
    """,
    schema_pb2.Schema(),
)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    tfx.plain_graph(folder)
    assert {path.name for path in (folder / "output").iterdir()} == {"transform_fn", "transformed_metadata"}
    return folder / "output"


def environments(change: Callable[[schema_pb2.Schema], None] = lambda _: None) -> schema_pb2.Schema:
    result = schema_pb2.Schema()
    result.CopyFrom(SCHEMA)
    change(result)
    return schemas.with_environments(result, "tips")


def test_a_graph_without_metadata_gets_that_of_what_it_takes(graph: Path, tmp_path: Path) -> None:
    before = e2e.tree(graph)
    given_graph.stage(str(graph), str(tmp_path / "staged"), environments())
    assert e2e.tree(graph) == before
    staged = TransformGraph(str(tmp_path / "staged"))
    assert staged.serving_outputs == ["fare_01", "north", "word_ids"]
    assert staged.raw_columns.names == ["fare", "place", "words"]
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([[29.5], [59.0]], pa.large_list(pa.float32())),
            pa.array([[7.0, 1.0], [8.0, 2.0]], pa.large_list(pa.float32())),
            pa.array([[b"a", b"zzz"], None], pa.large_list(pa.large_binary())),
        ],
        names=["fare", "place", "words"],
    )
    first, second = staged.apply(batch).to_pylist()
    assert (first["fare_01"], first["north"], first["word_ids"]) == ([0.5], [7.0], [0, -1])
    assert (second["fare_01"], second["north"]) == ([1.0], [8.0])


def test_metadata_that_is_there_is_kept_with_the_environments_of_the_schema(
    graph: Path, tmp_path: Path
) -> None:
    own = copied(graph, tmp_path / "own", tft.DatasetMetadata.from_feature_spec(SPEC).schema)
    given_graph.stage(str(own), str(tmp_path / "staged"), environments())
    output = tft.TFTransformOutput(str(tmp_path / "staged"))
    assert output.raw_feature_spec() == SPEC
    assert [schemas.label_of(output.raw_metadata.schema)] == ["tips"]


def copied(graph: Path, folder: Path, raw: schema_pb2.Schema) -> Path:
    for name, content in e2e.tree(graph).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "metadata").mkdir()
    (folder / "metadata/schema.pbtxt").write_text(text_format.MessageToString(raw))
    return folder


def no_fare(schema: schema_pb2.Schema) -> None:
    del schema.feature[0]


def fare_as_text(schema: schema_pb2.Schema) -> None:
    schema.feature[0].type = schema_pb2.BYTES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_fare, "takes the feature 'fare', which the schema does not have"),
        (fare_as_text, "takes the feature 'fare' as float32, and the schema has it as BYTES"),
    ],
)
def test_a_schema_of_other_features(
    graph: Path, tmp_path: Path, change: Callable[[schema_pb2.Schema], None], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        given_graph.stage(str(graph), str(tmp_path / "staged"), environments(change))


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        ("transform_fn/saved_model.pb", "the transform graph in .* cannot be loaded: "),
        ("metadata/schema.pbtxt", r"metadata/schema.pbtxt is no Schema in text"),
    ],
)
def test_a_damaged_graph(graph: Path, tmp_path: Path, damaged: str, message: str) -> None:
    own = copied(graph, tmp_path / "own", tft.DatasetMetadata.from_feature_spec(SPEC).schema)
    (own / damaged).write_bytes(b"nonsense")
    with pytest.raises(InputError, match=message):
        given_graph.stage(str(own), str(tmp_path / "staged"), environments())


def test_metadata_of_another_graph(graph: Path, tmp_path: Path) -> None:
    spec = {**SPEC, "place": tf.io.FixedLenFeature([3], tf.float32)}
    other = copied(graph, tmp_path / "other", tft.DatasetMetadata.from_feature_spec(spec).schema)
    with pytest.raises(InputError, match=r"takes the feature 'place' as .* and its schema says"):
        given_graph.stage(str(other), str(tmp_path / "staged"), environments())
