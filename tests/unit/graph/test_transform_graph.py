"""The saved graph on record batches: requests, subsets, missing values, lineage."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf import text_format
from support import baseline as support
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core import schema as schemas
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph.transform_graph import TransformGraph


@pytest.fixture(scope="module")
def graph() -> TransformGraph:
    return TransformGraph(support.transform_output())


def test_outputs_are_what_training_had_but_for_the_label(graph: TransformGraph) -> None:
    result = graph.apply(support.batch(support.ROWS))
    assert result.schema.names == sorted(support.RAW_OF.keys() - support.LABEL_OUTPUTS)
    trained = support.transformed_rows()
    for row in trained:
        for name in support.LABEL_OUTPUTS:
            del row[name]
    assert result.to_pylist() == trained


def test_values_are_those_computed_by_hand(graph: TransformGraph) -> None:
    result = graph.apply(support.batch(support.ROWS)).to_pydict()
    mean, deviation = 225.0, 227.76084  # of 100, 200, 0 and 600
    expected = [[(x - mean) / deviation] for x in (100, 200, 0, 600)]
    assert [row[0] for row in result["distance_z"]] == pytest.approx([row[0] for row in expected], rel=1e-5)
    assert result["ratio"] == [[50.0], [50.0], [0.0], [600.0]]
    assert result["carrier_id"] == [[0], [0], [], [1]]
    assert result["has_stops"] == [[1], [0], [1], [1]]
    assert result["tags"] == [[b"x", b"y"], [], [], [b"z"]]


def test_columns_have_the_layout_of_tfx_bsl(graph: TransformGraph) -> None:
    types = {field.name: field.type for field in graph.apply(support.batch(support.ROWS)).schema}
    assert types["ratio"] == pa.large_list(pa.float32())
    assert types["carrier_id"] == pa.large_list(pa.int64())
    assert types["tags"] == pa.large_list(pa.large_binary())


def test_absent_columns_are_missing_values_and_unknown_ones_are_ignored(graph: TransformGraph) -> None:
    hour = pa.array([[5], [6]], pa.large_list(pa.int64()))
    extra = pa.array([[1.0], [2.0]], pa.large_list(pa.float32()))
    subset = pa.RecordBatch.from_arrays([hour, extra], names=["hour", "unknown"])
    known = support.batch([{"hour": [5]}, {"hour": [6]}])
    assert graph.apply(subset).equals(graph.apply(known))
    assert graph.apply(subset).to_pydict()["has_stops"] == [[0], [0]]


def test_the_label_has_no_influence(graph: TransformGraph) -> None:
    flipped = [{**row, "late": [7]} for row in support.ROWS]
    assert graph.apply(support.batch(flipped)).equals(graph.apply(support.batch(support.ROWS)))


def test_zero_is_a_value(graph: TransformGraph) -> None:
    rows: list[dict[str, Any]] = [{"stops": [0]}, {"stops": None}]
    assert graph.apply(support.batch(rows)).to_pydict()["has_stops"] == [[1], [0]]


def test_rows_that_do_not_fit_a_fixed_shape_have_no_outputs(graph: TransformGraph) -> None:
    rows: list[dict[str, Any]] = [{**support.ROWS[0], "hour": hour} for hour in ([3], None, [1, 2], [], [4])]
    result = graph.apply(support.batch(rows))
    assert result.num_rows == 5
    assert result.to_pydict()["hour"] == [[3], None, None, None, [4]]
    assert result.to_pydict()["tags"] == [[b"x", b"y"], None, None, None, [b"x", b"y"]]
    none = graph.apply(support.batch(rows[1:4])).to_pydict()
    assert set(map(tuple, none.values())) == {(None, None, None)}


def test_a_row_without_a_value_gets_the_default_of_the_schema(tmp_path: Path) -> None:
    folder = shutil.copytree(support.transform_output(), tmp_path / "copy")
    file = folder / "metadata" / "schema.pbtxt"
    schema = text_format.Parse(file.read_text(), schema_pb2.Schema())
    dense = schema.tensor_representation_group[""].tensor_representation["hour"].dense_tensor
    dense.column_name, dense.default_value.int_value = "hour", 7
    dense.shape.dim.add(size=1)
    file.write_text(text_format.MessageToString(schema))
    rows: list[dict[str, Any]] = [{**support.ROWS[0], "hour": hour} for hour in ([3], None, [1, 2], [])]
    result = TransformGraph(str(folder)).apply(support.batch(rows)).to_pydict()
    assert result["hour"][:3] == [[3], [7], None]
    assert result["tags"][:2] == [[b"x", b"y"], [b"x", b"y"]]


def test_slices_and_empty_batches(graph: TransformGraph) -> None:
    all_rows = support.batch(support.ROWS)
    assert graph.apply(all_rows.slice(1, 2)).to_pydict()["ratio"] == [[50.0], [0.0]]
    empty = graph.apply(all_rows.slice(0, 0))
    assert empty.num_rows == 0
    assert empty.schema.equals(graph.apply(all_rows).schema)


def test_lineage_goes_through_functions_and_ignores_shapes(graph: TransformGraph) -> None:
    assert graph.raw_features_of == support.RAW_OF
    assert set(graph.outputs) - set(graph.serving_outputs) == support.LABEL_OUTPUTS


def test_schemas_name_columns(graph: TransformGraph) -> None:
    assert [f.name for f in graph.output_schema.feature] == graph.serving_outputs
    assert graph.raw_columns.names == schemas.serving_features(graph.raw_schema)
    assert "late" in [f.name for f in graph.raw_schema.feature]
    assert "late" not in graph.raw_columns.names


@pytest.mark.parametrize("missing", ["transform_fn/saved_model.pb", "metadata/schema.pbtxt"])
def test_an_incomplete_folder_is_a_usage_error(tmp_path: Path, missing: str) -> None:
    for name in ("transform_fn/saved_model.pb", "transformed_metadata/schema.pbtxt", "metadata/schema.pbtxt"):
        if name != missing:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
    with pytest.raises(UsageError, match=f"no complete tf.Transform output: it has no {missing}"):
        TransformGraph(str(tmp_path))


TWO_DISTANCES = {**support.ROWS[0], "distance": [1.0, 2.0]}


@pytest.mark.parametrize("bad", [[0], [3], [0, 5, 6], [1, 2, 99]])
def test_rows_that_the_graph_refuses_are_found_and_the_others_kept(
    graph: TransformGraph, bad: list[int]
) -> None:
    rows = [support.ROWS[i % 4] for i in range(100)]
    expected = graph.apply(support.batch(rows)).to_pylist()
    spoilt = support.batch([TWO_DISTANCES if i in bad else row for i, row in enumerate(rows)])
    result, num_failed = graph.transform_rows(spoilt)
    nothing = dict.fromkeys(result.schema.names)
    assert num_failed == len(bad)
    assert result.to_pylist() == [nothing if i in bad else row for i, row in enumerate(expected)]
    assert graph.apply(spoilt).equals(result)


def test_rows_that_do_not_fit_are_not_those_that_the_graph_refuses(graph: TransformGraph) -> None:
    rows = [support.ROWS[0], {**TWO_DISTANCES, "hour": None}, TWO_DISTANCES, support.ROWS[3]]
    result, num_failed = graph.transform_rows(support.batch(rows))
    assert num_failed == 1
    assert result.to_pydict()["hour"] == [[0], None, None, [3]]


def test_a_batch_of_which_nothing_can_be_transformed_has_its_rows_all_the_same(graph: TransformGraph) -> None:
    for count in (1, 2, 500):
        result, num_failed = graph.transform_rows(support.batch([TWO_DISTANCES] * count))
        assert (result.num_rows, num_failed) == (count, count)
        assert result.schema.names == graph.serving_outputs
        assert all(column.null_count == count for column in result.columns)
