"""The demo's preprocessing_fn on literal rows, with answers worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from examples.flights import preprocessing

STRINGS = {
    # The commonest word has id 0; of two equally common ones, the later in the alphabet comes first.
    "carrier": ["UA", "UA", "UA", "UA", "B6", "B6", "B6", "AA"],
    "dest": ["IAH", "MIA", "IAH", "MIA", "IAH", "BQN", "IAH", "MIA"],
    "origin": ["EWR", "EWR", "EWR", "JFK", "JFK", "LGA", "LGA", "SWF"],
    "weekday": ["Mon", "Mon", "Mon", "Tue", "Tue", "Wed", "Thu", "Fri"],
}
NUMBERS = {
    "distance": [100.0, 100.0, 100.0, 100.0, 300.0, 300.0, 300.0, 300.0],
    "humid": [50.0, 50.0, 50.0, 70.0, 70.0, 70.0, 50.0, 70.0],
    "pressure": [1000.0, 1020.0, None, None, 1000.0, 1020.0, None, None],
    "temp": [30.0, 50.0, 30.0, 50.0, 30.0, 50.0, 30.0, 50.0],
    "visib": [8.0, 10.0, 8.0, 10.0, 8.0, 10.0, 8.0, 10.0],
    "wind_speed": [0.0, 10.0, 0.0, 10.0, 0.0, 10.0, 0.0, 10.0],
    "wind_dir": [10.0, 60.0, 120.0, 160.0, 200.0, 250.0, 290.0, 350.0],
}
COUNTS = {
    "departure": [300, 400, 500, 700, 900, 1000, 1100, 1300],
    "late": [0, 1, 0, 1, None, 0, 1, 1],
}
ROWS = 8

# What prepare infers is sparse; a schema of one's own may give a shape.
FIXED = {"visib", "weekday"}
SPEC = {
    **{name: tf.io.VarLenFeature(tf.string) for name in STRINGS},
    **{name: tf.io.VarLenFeature(tf.float32) for name in NUMBERS},
    **{name: tf.io.VarLenFeature(tf.int64) for name in COUNTS},
    "visib": tf.io.FixedLenFeature([1], tf.float32),
    "weekday": tf.io.FixedLenFeature([1], tf.string),
}


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("flights")
    return _analyzed(SPEC, folder).transform_features_layer()


def test_ids_go_by_frequency(layer: Any) -> None:
    outputs = layer(_raw())
    assert _column(outputs["carrier_id"]) == [0, 0, 0, 0, 1, 1, 1, 2]
    assert _column(outputs["dest_id"]) == [0, 1, 0, 1, 0, 2, 0, 1]


@pytest.mark.parametrize("strange", ["ua", "ZZ", "", None])
def test_unknown_and_missing_words_share_the_last_id(layer: Any, strange: str | None) -> None:
    outputs = layer(_raw(carrier=["UA", strange]))
    assert _column(outputs["carrier_id"]) == [0, 3]


def test_rare_words_share_the_id_of_unknown_ones(layer: Any) -> None:
    assert preprocessing.VOCABULARIES["origin"] == 3
    assert _column(layer(_raw(origin=["SWF", "zzz", "EWR"]))["origin_id"]) == [3, 3, 0]


def test_measures_are_z_scores_with_missing_ones_at_the_mean(layer: Any) -> None:
    outputs = layer(_raw())
    # Mean 200, standard deviation 100; of the four pressures, 1010 and 10.
    np.testing.assert_allclose(_column(outputs["distance_z"]), [-1] * 4 + [1] * 4, atol=1e-6)
    np.testing.assert_allclose(_column(outputs["pressure_z"]), [-1, 1, 0, 0, -1, 1, 0, 0], atol=1e-4)


def test_buckets_rise_with_the_value(layer: Any) -> None:
    buckets = _column(layer(_raw())["departure_bucket"])
    assert buckets == sorted(buckets)
    assert len(set(buckets)) == len(buckets)
    assert max(buckets) < preprocessing.BUCKETS["departure"]


def test_wind_without_direction_is_in_the_lowest_bucket(layer: Any) -> None:
    assert _column(layer(_raw(wind_dir=[None, 350.0]))["wind_dir_bucket"])[0] == 0


def test_a_batch_without_any_value_keeps_its_rows(layer: Any) -> None:
    outputs = layer(_raw(pressure=[None, None], wind_dir=[None, None], dest=[None, None]))
    assert _column(outputs["pressure_z"]) == [0.0, 0.0]
    assert _column(outputs["wind_dir_bucket"]) == [0, 0]
    assert len(_column(outputs["dest_id"])) == 2


def test_of_two_values_the_first_counts(layer: Any) -> None:
    raw = _raw()
    raw["carrier"] = tf.sparse.from_dense([["B6", "UA"]] + [["UA", ""]] * (ROWS - 1))
    assert _column(layer(raw)["carrier_id"])[0] == 1


def test_label_passes_and_stays_missing(layer: Any) -> None:
    label = layer(_raw())["late"]
    assert label.values.numpy().tolist() == [0, 1, 0, 1, 0, 1, 1]
    assert 4 not in label.indices.numpy()[:, 0]


def test_requests_have_no_label(layer: Any) -> None:
    raw = _raw()
    del raw["late"]
    with_label, without = layer(_raw()), layer(raw)
    assert set(without) == set(with_label) - {"late"}
    assert _column(without["dest_id"]) == _column(with_label["dest_id"])


def test_features_of_fixed_shape_are_taken_as_they_are(layer: Any) -> None:
    outputs = layer(_raw())
    assert _column(outputs["weekday_id"]) == [0, 0, 0, 1, 1, 2, 3, 4]
    np.testing.assert_allclose(_column(outputs["visib_z"]), [-1, 1] * 4, atol=1e-6)


def _analyzed(spec: dict[str, Any], folder: Path) -> tft.TFTransformOutput:
    """What tf.Transform makes of the literal rows: a `TFTransformOutput` in `folder`."""
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
    columns: dict[str, Any] = STRINGS | NUMBERS | COUNTS
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    instances = [{name: _cell(spec[name], value) for name, value in row.items()} for row in rows]
    runner = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    with beam.Pipeline(runner=runner) as pipeline, tft_beam.Context(temp_dir=str(folder / "temp")):
        dataset = (pipeline | beam.Create(instances), metadata)
        graph = dataset | tft_beam.AnalyzeDataset(preprocessing.preprocessing_fn)
        graph | tft_beam.WriteTransformFn(str(folder / "output"))
    return tft.TFTransformOutput(str(folder / "output"))


def _cell(feature: Any, value: Any) -> Any:
    if isinstance(feature, tf.io.FixedLenFeature):
        return [value]
    return [] if value is None else [value]


def _raw(**changed: list[Any]) -> dict[str, Any]:
    """The literal rows as tensors; with changes, so many of them as the changes have."""
    rows = len(next(iter(changed.values()))) if changed else ROWS
    columns: dict[str, Any] = {**STRINGS, **NUMBERS, **COUNTS, **changed}
    sparse = {name: _sparse(columns[name][:rows], SPEC[name].dtype) for name in columns}
    return sparse | {name: tf.sparse.to_dense(sparse[name]) for name in FIXED}


def _sparse(values: list[Any], dtype: tf.DType) -> tf.SparseTensor:
    present = [(row, value) for row, value in enumerate(values) if value is not None]
    indices = np.array([[row, 0] for row, _ in present], np.int64).reshape(-1, 2)
    cells = tf.constant([value for _, value in present], dtype)
    return tf.SparseTensor(indices, cells, [len(values), 1 if present else 0])


def _column(tensor: tf.Tensor) -> list[Any]:
    assert tensor.shape[1:] == (1,)
    values: list[Any] = tensor.numpy()[:, 0].tolist()
    return values
